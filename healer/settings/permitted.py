"""What do rules find in this configuration? What each folder may do, the kinds of node, and how each is found well.

Used by whoever compiles or tries rules, so that a command says what the service would.
"""

from healer.executors.kubernetes.status import KINDS as OBJECTS
from healer.settings.model import Settings
from healer.topology.graph import Topology
from healer.topology.kinds import kinds_of, kinds_promised
from rules import OBJECT, Permission


def permissions(settings: Settings) -> list[Permission]:
    """One permission for each path of rules; a path that says nothing permits everything."""
    return [
        Permission(
            path=str(rule.path),
            owner=rule.owner,
            actions=rule.actions,
            nodes=rule.nodes,
            mode_at_most=rule.mode_at_most,
        )
        for rule in settings.rules.paths
    ]


def known_kinds(settings: Settings, topology: Topology) -> frozenset[str]:
    """The kinds that rules may name: those of the topology's files, and those that its other sources will bring."""
    kinds = kinds_of(topology, settings.topology.nodes, settings.topology.labels, settings.health)
    return kinds | kinds_promised(settings.topology.sources) | frozenset(settings.topology.kinds)


def health_of(settings: Settings) -> dict[str, str]:
    """By kind of node, what tells whether it is well: the query that was given, else the status of the cluster's object."""
    kinds = OBJECTS if settings.executors.kubernetes is not None else ()
    return dict.fromkeys(kinds, OBJECT) | settings.health
