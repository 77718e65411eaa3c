"""What a rule may know about an incident now, out of the engine's memory and the topology. Pure."""

from collections.abc import Callable, Mapping, Sequence

from healer.alerts.identity import labels_of
from healer.changes.model import Touched
from healer.changes.recent import heard_at
from healer.changes.touching import labels_of as labels_of_change
from healer.convergence.outcome import Incident
from healer.journey.records import Answer as Said
from healer.remediation.nodes import node_fact
from healer.remediation.surroundings import Around
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
    fires: Callable[[int], bool] | None = None,
    calendars: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    changed: Callable[[Incident], Touched | None] | None = None,
) -> Facts:
    """The facts of one incident. Instants are microseconds since 1970; `samples_after` is the end of an effect.

    `fires` says whether an alert fires on a node of the topology, by its number; without it nobody knows. `changed`
    gives the newest change near its root, in the same way.
    """
    root = incident.root
    number = topology.index.id(root.node) if root.node else -1
    ancestors = _ancestors(topology, number) if number >= 0 else {}
    node = node_fact(topology, number) if number >= 0 else None
    around = Around(topology, fires) if fires is not None else None
    change = changed(incident) if changed is not None else None
    labels = labels_of(root.labels)
    confidence = incident.confidence.value
    return Facts(
        now=now,
        alertname=root.name,
        severity=incident.severity,
        status="firing" if incident.status == "open" else "resolved",
        labels=labels,
        node=node,
        ancestors=ancestors,
        owner=_owner(topology, node, ancestors) if node is not None else None,
        around=around,
        calendars=calendars or {},
        starts_at=root.starts_at,
        onset=root.onset,
        suppressed=incident.suppressed,
        resolved=incident.status == "resolved" and incident.resolution == "sent",
        answers=answers,
        held_since=held_since,
        health=health,
        samples_after=samples_after,
        confidence=confidence / 1e6 if confidence is not None else None,
        root_is=incident.how,
        objective=next((labels[name] for name in OBJECTIVE if labels.get(name)), None),
        change=change.change.repo if change is not None else None,
        change_facts={**labels_of_change(change.change), "sha": change.change.sha} if change is not None else {},
        changed_at=heard_at(change, now) if change is not None else None,
    )


OBJECTIVE = ("sloth_id", "slo", "objective")
"""Labels by which generators of burn-rate alerts name the objective: the first that is there."""


def answer_of(said: Said) -> Answer:
    """What was said to a question, as rules take it."""
    return Answer(said.value, said.sampled_at or None, said.why or None, said.text)


def _owner(topology: Map, node: NodeFact, ancestors: Mapping[str, NodeFact | None]) -> NodeFact | None:
    """Whose part a node is: what its attribute `owner` names, where that is a node; else the nearest workload."""
    number = topology.index.id(node.attributes.get("owner", ""))
    return node_fact(topology, number) if number >= 0 else ancestors.get("workload")


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
