"""The real servers that other tests start."""
