"""A node of the topology as rules see it. Pure."""

from healer.topology.map import Map
from rules import NodeFact


def node_fact(topology: Map, number: int) -> NodeFact:
    """A node as rules see it. A host without an `instance` attribute is scraped under its own name."""
    index = topology.index
    id = index.name(number)
    kind, _, name = id.partition("/")
    attributes = {key: _text(value) for key, value in index.attributes(number).items()}
    attributes.setdefault("instance", name or id)
    return NodeFact(id=id, name=name or id, kind=index.kind(number) or kind, attributes=attributes)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
