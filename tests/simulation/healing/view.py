"""What one holder knows: `Situation` over the truth about the hosts, with the lag of alerts and the age of silences."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec

from healer.alerts.identity import canonical
from healer.changes.model import Touched
from healer.convergence.outcome import AlertView, AtWork, Incident, Root
from healer.journey.records import Answer
from healer.remediation.settings import Guards
from healer.times import MINUTE, SECOND, Micros
from healer.topology.graph import Node, topology
from healer.topology.map import Map
from rules import Query, Rule, RuleSet
from tests.simulation.faults import Faults
from tests.simulation.healing.hosts import LAG, Hosts
from tests.simulation.incarnation import Incarnation
from tests.simulation.world import SimClock

MIRROR_S = 3.0
"""Seconds between looks at Alertmanager's silences."""


class Charter(msgspec.Struct, frozen=True):
    """What decides, as far as the runner asks."""

    ruleset: RuleSet
    settle: Micros = 30 * SECOND
    health: dict[str, str] = {}
    calendars: dict[str, tuple[tuple[Micros, Micros], ...]] = {}
    guards: Guards = Guards(dwell=0, siblings=1, healthy=0)


class View:
    """`Situation` and `Asker`, for one incarnation. Instants that it is asked about are the world's."""

    def __init__(self, hosts: Hosts, clock: SimClock, ruleset: RuleSet, faults: Faults, life: Incarnation) -> None:
        graph = topology([Node("rack/r1", "rack"), *(Node(name, "host") for name in hosts.names)], ())
        self.charter: Any = Charter(ruleset)
        self.topology = Map(graph, (), (), 100)
        self._hosts = hosts
        self._clock = clock
        self._faults = faults
        self._life = life
        self._mirrored_at = clock.now()

    async def mirror(self) -> None:
        """Read the silences again and again."""
        while True:
            kind = await self._faults.before(self._life, "alertmanager.silences")
            if kind == "delay":
                await asyncio.sleep(self._faults.delay() / SECOND)
            read = self._clock.now()
            await self._faults.after(self._life, kind)
            if kind not in ("lost call", "lost answer") and not self._hosts.blind(read):
                self._mirrored_at = read
            await asyncio.sleep(MIRROR_S)

    async def settled(self, within: float = 2.0) -> None:
        await self._life.alive_or_never()
        await asyncio.sleep(0.001)

    def incident(self, id: str) -> Incident | None:
        """It is named after its host: the incident lasts as long as the alert."""
        host = id.partition(" ")[0]
        known = self._hosts.alert(host, self._clock.now())
        return Incident(
            id=id,
            trace_id="ab" * 16,
            status="resolved" if known.ended_at else "open",
            severity="critical",
            title=f"HostBroken on {host}",
            root=root_of(host, known.starts_at),
            began_at=known.starts_at,
            opened_at=known.starts_at,
            resolved_at=known.ended_at,
            firing=int(not known.ended_at),
            members=0,
            suppressed=0,
            total=1,
            told=True,
            revision=1,
            resolution=known.resolution,
        )

    def alert(self, labels: bytes) -> AlertView | None:
        host = msgspec.json.decode(labels)["host"]
        return self.on_node(f"host/{host}")[0]

    def on_node(self, node: str) -> Sequence[AlertView]:
        known = self._hosts.alert(node, self._clock.now())
        silence = self._hosts.silence(node, self._mirrored_at)
        return [
            AlertView(
                labels=labels_of(node),
                node=node,
                status="resolved" if known.ended_at else "root",
                code="",
                by=b"",
                starts_at=known.starts_at,
                onset=known.starts_at,
                ended_at=known.ended_at,
                resolution=known.resolution,
                severity="critical",
                incident="",
                held_until=0,
                silence=silence.name if silence and not known.ended_at else "",
            )
        ]

    def rule(self, name: str, version: str) -> Rule | None:
        rule = self.charter.ruleset.named(name)
        return rule if rule is not None and rule.version == version else None

    def above_node(self, node: str) -> Sequence[AlertView]:
        return ()

    def at_work(self, node: str) -> AtWork | None:
        work = self._hosts.work(node, self._clock.now() - LAG)
        return AtWork(work.name, "ann", node, work.ends) if work else None

    def changed(self, incident: Incident) -> Touched | None:
        return None

    def deploying(self, node: str) -> Touched | None:
        return None

    def silences(self) -> tuple[Micros | None, bool]:
        if not self._hosts.silences:
            return None, True  # there is no Alertmanager whose silences could be read
        age = self._clock.now() - self._mirrored_at
        return age, age < 2 * MINUTE

    # --- Asker

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        kind = await self._faults.before(self._life, "prometheus.ask")
        await asyncio.sleep(self._faults.delay() / SECOND if kind == "delay" else 0.02)
        answers = self._hosts.samples(queries)
        await self._faults.after(self._life, kind)
        if kind in ("lost call", "lost answer"):
            return [Answer(query.key, None, 0, "no answer") for query in queries]
        return answers


def labels_of(host: str) -> bytes:
    return canonical({"alertname": "HostBroken", "host": host.partition("/")[2]})


def root_of(host: str, starts_at: Micros) -> Root:
    """The alert on a host, as an incident's face."""
    return Root(
        labels=labels_of(host),
        name="HostBroken",
        node=host,
        beneath="rack/r1",
        severity="critical",
        hard=True,
        starts_at=starts_at,
        onset=starts_at,
        onset_from="startsAt",
    )
