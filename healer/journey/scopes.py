"""Is a scope of the kill switch about anything that is known? A slip of the pen stops nothing, and must not look as if it did.

Asked by the API after a switch was thrown, and wherever switches are shown. Pure.
"""

import difflib
from collections.abc import Callable, Collection, Iterator

from healer.topology.map import Map

LISTED = 5
"""Names that are said where none is alike."""
COMPARED = 10_000
"""Nodes that are looked through for the names of clusters."""
CLUSTER = "cluster"
"""The attribute, and the kind of node, by which a cluster is known."""


def doubt(scope: str, rules: Collection[str], topology: Map, near: Callable[[str], list[str] | None]) -> str:
    """What is wrong with a scope, in a sentence; "" where it is about something. `near` has names like that of an unknown node,
    and None for a known one."""
    kind, _, name = scope.partition(":")
    if kind == "rule":
        return "" if name in rules else _doubted_rule(name, rules, near)
    if kind == CLUSTER and not _is_cluster(name, topology):
        return _doubted("cluster", name, sorted(set(_clusters(topology))))
    return ""


def _doubted_rule(name: str, rules: Collection[str], near: Callable[[str], list[str] | None]) -> str:
    """Of a rule, or of one rule on one node, whose name may have " on " in it as well."""
    for rule in sorted(rules, key=len, reverse=True):
        node = name.removeprefix(f"{rule} on ")
        if node != name:
            alike = near(node)
            return "" if alike is None else _doubted("node", node, alike)
    return _doubted("rule", name, sorted(rules))


def _doubted(what: str, name: str, known: list[str]) -> str:
    alike = difflib.get_close_matches(name, known, 1)
    if alike:
        hint = f"did you mean {alike[0]!r}?"
    else:
        more = ", ..." if len(known) > LISTED else ""
        hint = f"known are {', '.join(map(repr, known[:LISTED]))}{more}" if known else "none is known"
    return f"no {what} is called {name!r} now, so nothing is stopped by this: {hint}"


def _is_cluster(name: str, topology: Map) -> bool:
    index = topology.index
    return bool(index.by_attribute(CLUSTER, name)) or any(
        one.startswith(f"{CLUSTER}/") and index.id(one) >= 0 for one in (name, f"{CLUSTER}/{name}")
    )


def _clusters(topology: Map) -> Iterator[str]:
    index = topology.index
    for number in range(min(len(index), COMPARED)):
        kind, _, name = index.name(number).partition("/")
        if kind == CLUSTER:
            yield name
        elif CLUSTER in (attributes := index.attributes(number)):
            yield str(attributes[CLUSTER])
