"""By what does the fold decide? Settings, topology and rules of one moment, each kept by its hash and named in the journal.

Bootstrap makes a charter from the files; replay makes it again from what the store kept. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from healer.alerts.identity import labels_of
from healer.alerts.matchers import Matchers, parse_matchers
from healer.changes.settings import Line
from healer.convergence.outcome import Incident
from healer.convergence.settings import Convergence
from healer.journey.records import Adopted
from healer.notification.oncall.reach import Rota
from healer.notification.oncall.settings import Oncall
from healer.notification.oncall.turns import Shift
from healer.notification.settings import Route
from healer.remediation.abilities import LACKS
from healer.remediation.autonomy import Autonomy
from healer.remediation.settings import Guards
from healer.times import MINUTE, Micros
from healer.topology import graph
from healer.topology import settings as topology_settings
from healer.topology.kinds import kinds_of
from healer.topology.map import Map
from healer.topology.packed import Packed
from healer.topology.packing import pack
from rules import Permission, RuleSet, Source, compile_files


class Deciding(msgspec.Struct, frozen=True):
    """The settings that decide, and no others: changing one of these is a new version."""

    place: str
    dry_run: bool
    packs: tuple[str, ...]
    convergence: Convergence
    mappings: tuple[topology_settings.Mapping, ...]
    labels: tuple[tuple[str, ...], ...]
    max_nodes: int
    health: dict[str, str]
    channels: tuple[str, ...]
    routes: tuple[Route, ...]
    heartbeat: str = ""
    """The alertname that is healer's heartbeat and never an incident."""
    kinds: tuple[str, ...] = ()
    """The kinds of node that rules may name, sorted; () in what was kept before they were part of it: those of the graph."""
    calendars: dict[str, tuple[tuple[Micros, Micros], ...]] = {}
    """By name, the entries of each calendar: from and to."""
    permissions: tuple[Permission, ...] = ()
    """What the rules of a folder may do."""
    changes: tuple[Line, ...] = ()
    """Which nodes a change touches."""
    change_window: Micros = 30 * MINUTE
    """How long before an onset a change is said with it."""
    autonomy: Autonomy = Autonomy()
    """What a rule of mode auto has to show before it acts alone."""
    guards: Guards = Guards()
    """How far healing may go, whatever a rule says."""
    oncall: Oncall = Oncall()
    """Who is on call, and who is next; without the places of calendars."""
    shifts: dict[str, tuple[Shift, ...]] = {}
    """By schedule, the turns that its calendar said when the configuration was read."""
    followed: tuple[str, ...] = ()
    """The schedules whose calendar is asked for again and again."""


class RuleText(msgspec.Struct, frozen=True):
    """A rule file as it was."""

    path: str
    text: str


_rule_texts = msgspec.json.Decoder(tuple[RuleText, ...])


class Charter(msgspec.Struct, frozen=True):
    """All that decides, ready to use. `adopted` names its versions."""

    adopted: Adopted
    settings: Deciding
    topology: bytes
    """`graph.Topology.encode()`: nobody has to hold all of a large one as objects."""
    ruleset: RuleSet
    packed: Packed | None = None
    """The topology ready for an index, where somebody made it so beforehand: for a large one that takes seconds."""
    shifts: Mapping[str, tuple[Shift, ...]] = {}
    """By schedule, the turns that its calendar said since."""

    @property
    def health(self) -> dict[str, str]:
        """By kind of node, the query that says it is healthy."""
        return self.settings.health

    @property
    def calendars(self) -> dict[str, tuple[tuple[Micros, Micros], ...]]:
        """By name, when each calendar has an entry."""
        return self.settings.calendars

    @property
    def autonomy(self) -> Autonomy:
        """What a rule of mode auto has to show before it acts alone."""
        return self.settings.autonomy

    @property
    def guards(self) -> Guards:
        """How far healing may go, whatever a rule says."""
        return self.settings.guards

    @property
    def settle(self) -> Micros:
        """For how long an end may still turn out not to be one."""
        return self.settings.convergence.settle

    @property
    def cap(self) -> str:
        """Why nothing may be run, or ""."""
        if self.settings.place == "shadow":
            return "place: shadow"
        return "dry run" if self.settings.dry_run else ""

    @property
    def graph(self) -> graph.Topology:
        """The topology as it was adopted."""
        return graph.decode(self.topology)

    def map(self) -> Map:
        """A topology for an engine of its own."""
        settings, packed = self.settings, self.packed
        if packed is None or len(packed) > settings.max_nodes:
            packed = pack(graph.parts(self.topology), settings.max_nodes)
        return Map(packed, settings.mappings, settings.labels, settings.max_nodes)

    @property
    def by_the_hour(self) -> bool:
        """Whether the hour matters to any route."""
        schedules = self.settings.oncall.schedules
        return any(route.hours or any(name in schedules for name in route.channels) for route in self.settings.routes)

    @property
    def rota(self) -> Rota:
        """All that says who is on call."""
        settings = self.settings
        said = {name: self.shifts[name] for name in settings.followed if name in self.shifts}
        return Rota(settings.oncall, settings.channels, {**settings.shifts, **said}, settings.calendars)

    def saying(self, shifts: Mapping[str, tuple[Shift, ...]]) -> "Charter":
        """The same with these turns of calendars that are followed."""
        return self if shifts == self.shifts else msgspec.structs.replace(self, shifts=shifts)

    def escalations(self, incident: Incident, now: Micros) -> tuple[str, ...]:
        """The escalations that its routes name at this hour."""
        if not any(route.escalate for route in self.settings.routes):
            return ()
        return tuple(dict.fromkeys(name for route in self._matching(incident, now) for name in route.escalate))

    def route(self, incident: Incident, now: Micros, owner: str = "") -> tuple[str, ...]:
        """The channels that hear of an incident at this hour: of the first route that matches its root, and of those below
        for as long as they say so; without routes all.

        The owner of its node counts as the label `owner` where the alert has none; with `owner`, whoever that is.
        """
        if not self.settings.routes:
            return self.settings.channels
        return self._reached(self._matching(incident, now, owner), now)

    def repeats(self, incident: Incident, now: Micros) -> tuple[Micros, tuple[str, ...]]:
        """After how long it is told again, 0 for never, and to which channels: of several routes the shortest counts."""
        if not any(route.repeat for route in self.settings.routes):
            return 0, ()
        found = [route for route in self._matching(incident, now) if route.repeat]
        return min((route.repeat for route in found), default=0), self._reached(found, now)

    def _reached(self, routes: Iterable[Route], now: Micros) -> tuple[str, ...]:
        """The channels of these routes, and of whoever is on call by their schedules."""
        return self.reached((name for route in routes for name in route.channels), now)

    def reached(self, names: Iterable[str], now: Micros) -> tuple[str, ...]:
        """The channels that these names mean at this moment: their own, those of people, and of whoever is on call."""
        names, oncall = dict.fromkeys(names), self.settings.oncall
        if not any(name in oncall.schedules or name in oncall.people for name in names):
            return tuple(names)
        return tuple(one.channel for one in self.rota.reach(names, now))

    def _matching(self, incident: Incident, now: Micros, owner: str = "") -> Iterator[Route]:
        labels = labels_of(incident.root.labels)
        if owner or incident.owner:
            labels["owner"] = owner or labels.get("owner") or incident.owner
        for route in self.settings.routes:
            if route.match.matches(labels) and route.is_on(now):
                yield route
                if not route.go_on:
                    return


class Documents(msgspec.Struct, frozen=True):
    """The three documents of a charter, as they are kept."""

    settings: bytes
    topology: bytes
    rules: bytes


def documents(settings: Deciding, topology: graph.Topology | bytes, rules: tuple[RuleText, ...]) -> Documents:
    """What to keep of a charter; a topology may be encoded already."""
    kept = topology if isinstance(topology, bytes) else topology.encode()
    return Documents(_encoder.encode(settings), kept, msgspec.json.encode(rules))


def charter(adopted: Adopted, kept: Documents, packed: Packed | None = None) -> Charter:
    """A charter from what was kept; `packed` is its topology. Raises ValueError where rules no longer compile (another
    version of healer)."""
    texts = _rule_texts.decode(kept.rules)
    settings = _decoder.decode(kept.settings)
    # Whether a kind exists was looked at when the rules were accepted; since then the last of its nodes may have gone.
    kinds = settings.kinds or kinds_of(graph.decode(kept.topology), settings.mappings, settings.labels, settings.health)
    compiled = compile_files(
        [Source(one.path, one.text) for one in texts],
        packs=settings.packs,
        kinds=frozenset(kinds),
        permissions=settings.permissions,
        lacks=LACKS,
    )
    if compiled.ruleset is None:
        first = next(problem for problem in compiled.problems if problem.severity == "error")
        raise ValueError(f"rules that were accepted before do not compile: {first.path}:{first.line}: {first.message}")
    return Charter(adopted, settings, kept.topology, compiled.ruleset, packed)


def _written(value: Any) -> Any:
    if isinstance(value, Matchers):
        return [str(one) for one in value]
    raise NotImplementedError(type(value).__name__)


def _read(kind: type, value: Any) -> Any:
    if kind is Matchers:
        return parse_matchers(value)
    raise NotImplementedError(kind.__name__)


_encoder = msgspec.json.Encoder(enc_hook=_written, order="sorted")
_decoder: msgspec.json.Decoder[Deciding] = msgspec.json.Decoder(Deciding, dec_hook=_read)
