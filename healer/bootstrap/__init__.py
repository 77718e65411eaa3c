"""The one place that wires a real service. `healer serve` starts it here; other commands read here what it would start with."""

from healer.bootstrap.plan import read_plan, rule_files, tls_context
from healer.bootstrap.refusal import CannotStart
from healer.bootstrap.starting import check_distributions, serve, start

__all__ = ["CannotStart", "check_distributions", "read_plan", "rule_files", "serve", "start", "tls_context"]
