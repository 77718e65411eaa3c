"""What a rule may know about an incident now, out of the engine's memory and the topology. Pure."""

from collections.abc import Mapping

from healer.alerts.identity import labels_of
from healer.convergence.outcome import Incident
from healer.topology.map import Map
from rules import Answer, Facts, NodeFact


def facts_of(
    incident: Incident,
    topology: Map,
    now: int,
    *,
    health: Mapping[str, str],
    answers: Mapping[str, Answer],
    held_since: Mapping[str, int],
    samples_after: int | None = None,
) -> Facts:
    """The facts of one incident. Instants are microseconds since 1970; `samples_after` is the end of an effect."""
    root = incident.root
    number = topology.index.id(root.node) if root.node else -1
    return Facts(
        now=now,
        alertname=root.name,
        severity=incident.severity,
        status="firing" if incident.status == "open" else "resolved",
        labels=labels_of(root.labels),
        node=node_fact(topology, number) if number >= 0 else None,
        ancestors=_ancestors(topology, number) if number >= 0 else {},
        starts_at=root.starts_at,
        onset=root.onset,
        suppressed=incident.suppressed,
        resolved=incident.status == "resolved" and incident.resolution == "sent",
        answers=answers,
        held_since=held_since,
        health=health,
        samples_after=samples_after,
    )


def node_fact(topology: Map, number: int) -> NodeFact:
    """A node as rules see it. A host without an `instance` attribute is scraped under its own name."""
    index = topology.index
    id = index.name(number)
    kind, _, name = id.partition("/")
    attributes = {key: _text(value) for key, value in index.attributes(number).items()}
    attributes.setdefault("instance", name or id)
    return NodeFact(id=id, name=name or id, kind=index.kind(number) or kind, attributes=attributes)


def _ancestors(topology: Map, number: int) -> dict[str, NodeFact | None]:
    """The nearest ancestor of each kind; None where several are as near."""
    found: dict[str, NodeFact | None] = {}
    nearest: dict[str, int] = {}
    for above, distance in topology.above(number):
        fact = node_fact(topology, above)
        if fact.kind not in nearest:
            nearest[fact.kind], found[fact.kind] = distance, fact
        elif nearest[fact.kind] == distance:
            found[fact.kind] = None
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
