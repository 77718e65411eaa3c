"""Topology from Prometheus: each row of a query is an edge, with ids made of its labels."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from healer.times import Micros
from healer.topology.graph import MAX_ID, Node, Topology, topology
from healer.topology.settings import PrometheusRows
from healer.topology.source import Aside
from healer.topology.template import Template

Row = Mapping[str, str]
Ask = Callable[[str, int], Awaitable[Sequence[Row]]]
"""Asks a query that may have that many rows; gives their labels. Raises Unreadable."""


class PrometheusSource:
    """One query."""

    def __init__(self, name: str, settings: PrometheusRows, ask: Ask, aside: Aside) -> None:
        self.name = name
        self._settings = settings
        self._ask = ask
        self._aside = aside
        self._edges = Edges(settings)

    @property
    def every(self) -> Micros:
        return self._settings.every

    async def look(self) -> Topology | None:
        rows = await self._ask(self._settings.query, self._settings.max_rows)
        return await self._aside(lambda: self._edges.of(rows))


class Edges:
    """What rows say, by the templates of one source."""

    def __init__(self, settings: PrometheusRows) -> None:
        self._parent = Template(settings.parent) if settings.parent else None
        self._child = Template(settings.child)
        self._aliases = tuple(map(Template, settings.aliases))
        self._attributes = {name: Template(text) for name, text in settings.attributes.items()}

    def of(self, rows: Sequence[Row]) -> Topology:
        """The graph of all rows. Of one node the rows add up; where they say different things, the smallest value stands,
        so that their order does not matter."""
        aliases: dict[str, set[str]] = {}
        attributes: dict[str, dict[str, str]] = {}
        edges = set()
        for row in rows:
            child = _id(self._child, row)
            parent = _id(self._parent, row) if self._parent is not None else ""
            if not child or parent is None:
                continue
            if parent and parent != child:
                aliases.setdefault(parent, set())
                edges.add((parent, child))
            said = (alias.render(row) for alias in self._aliases)
            aliases.setdefault(child, set()).update(one for one in said if one and len(one) <= MAX_ID and one != child)
            for name, template in self._attributes.items():
                value = template.render(row)
                if value:
                    known = attributes.setdefault(child, {})
                    known[name] = min(value, known.get(name, value))
        nodes = (Node(id, "", tuple(sorted(said)), attributes.get(id, {})) for id, said in aliases.items())
        return topology(nodes, edges)


def _id(template: Template, row: Row) -> str | None:
    """The id that a row makes; None when a label is missing, or when it is no id."""
    made = template.render(row)
    return made if made and len(made) <= MAX_ID and made.isprintable() and made == made.strip() else None
