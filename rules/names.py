"""The names that a rule may use, and their types.

What stands in `NOT_YET` belongs to the language and is refused by name, so that a rule never means less than it says.
"""

from typing import Final

from rules.units import Type

NAMES: Final = {
    "alertname": Type.STRING,
    "severity": Type.SEVERITY,
    "status": Type.STRING,
    "node": Type.NODE,
    "target": Type.NODE,
    "kind": Type.KIND,
    "duration": Type.DURATION,
    "onset": Type.TIMESTAMP,
    "suppressed": Type.NUMBER,
    "resolved": Type.BOOLEAN,
}
PREFIXES: Final = {"labels": Type.STRING, "topology": Type.STRING, "node": Type.STRING}
FUNCTIONS: Final = ("query", "healthy", "known", "number", "host", "lower", "nearest")
NAMES_NOT_YET: Final = frozenset(
    {"annotations", "burn_rate", "change", "confidence", "objective", "owner", "root_is", "siblings", "value"}
)
FUNCTIONS_NOT_YET: Final = frozenset(
    {
        "count",
        "rate",
        "forecast",
        "ancestors",
        "descendants",
        "alerting",
        "changed_within",
        "is_ancestor",
        "window",
        "calendar",
        "find",
    }
)

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
