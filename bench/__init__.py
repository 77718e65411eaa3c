"""Benchmarks: what healer costs beside Alertmanager, on the same alerts. Run by `make bench`."""
