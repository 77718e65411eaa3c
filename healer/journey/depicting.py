"""Which part of the topology an incident is about, as it is now. Called by whoever sends pictures of it."""

from healer.journey.view import View
from healer.notification.part import Part, part_of

LOOKED_AT = 200
"""Alerts of an incident that are looked at: more than a picture shows."""


def part(view: View, incident: str) -> Part | None:
    """None where the root is on no node of the topology."""
    found = view.incident(incident)
    index = view.topology.index
    if found is None or not found.root.node or (root := index.id(found.root.node)) < 0:
        return None
    ways: dict[str, tuple[str, ...]] = {}
    for alert in view.incident_alerts(incident)[:LOOKED_AT]:
        if alert.node and not alert.ended_at and alert.node not in ways and (node := index.id(alert.node)) >= 0:
            ways[alert.node] = tuple(index.name(one) for one in index.path(root, node)[1:])
    return part_of(found.root.node, [index.name(one) for one, _ in index.above(root)], ways)
