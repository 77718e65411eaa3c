"""The names that a rule may use, and their types.

Which of them an installation can carry out is its own affair: `rules.compiling` refuses by name what it is told is lacking,
so that a rule never means less than it says.
"""

from typing import Final

from rules.units import Type

NAMES: Final = {
    "alertname": Type.STRING,
    "severity": Type.SEVERITY,
    "status": Type.STRING,
    "node": Type.NODE,
    "owner": Type.NODE,
    "target": Type.NODE,
    "kind": Type.KIND,
    "duration": Type.DURATION,
    "onset": Type.TIMESTAMP,
    "value": Type.NUMBER,
    "suppressed": Type.NUMBER,
    "siblings": Type.NUMBER,
    "confidence": Type.PERCENTAGE,
    "root_is": Type.STRING,
    "burn_rate": Type.NUMBER,
    "objective": Type.STRING,
    "change": Type.STRING,
    "resolved": Type.BOOLEAN,
}
OVERRIDABLE: Final = frozenset({"burn_rate"})
"""Names that ask Prometheus, and that a metric of one's own may answer instead."""
PREFIXES: Final = {
    "labels": Type.STRING,
    "annotations": Type.STRING,
    "topology": Type.STRING,
    "node": Type.STRING,
    "change": Type.STRING,
}
FUNCTIONS: Final = (
    "query",
    "http",
    "state",
    "exit_code",
    "count",
    "rate",
    "forecast",
    "ancestors",
    "descendants",
    "alerting",
    "changed_within",
    "is_ancestor",
    "healthy",
    "known",
    "number",
    "host",
    "lower",
    "nearest",
    "find",
    "window",
    "calendar",
)
ROOT_IS: Final = ("direct", "ranked", "silent", "person", "unmapped")
"""What `root_is` can be: how the root was found."""
FEATURES: Final = frozenset(
    {
        *("value", "confidence", "root_is", "burn_rate", "objective", "change", "annotations", "siblings", "owner"),
        *("changed_within", "alerting", "calendar", "find", "descendants"),
        *("wait until", "after success", "on recovery", "repeat", "approve", "except", "allow", "summarize"),
        *("share of siblings", "escalate", "message", "for in verify"),
    }
)
"""What an installation may say that it lacks; see `compile_files`."""

DEFAULT_SEVERITIES: Final = ("info", "warning", "error", "critical")
COMMON_KINDS: Final = frozenset(
    {
        "region",
        "datacenter",
        "zone",
        "room",
        "rack",
        "switch",
        "host",
        "vm",
        "cluster",
        "namespace",
        "workload",
        "pod",
        "container",
        "service",
        "database",
        "volume",
        "disk",
        "job",
    }
)


def type_of_name(path: str) -> Type | None:
    """The type of a dotted or plain name of the language; None where there is no such name."""
    if path in NAMES:
        return NAMES[path]
    prefix, dot, rest = path.partition(".")
    if not dot or not rest or prefix not in PREFIXES:
        return None
    return Type.KIND if path == "node.kind" else PREFIXES[prefix]
