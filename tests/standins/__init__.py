"""Servers that stand in for a provider and enforce its rules."""
