"""Who sends alerts: rules evaluated over the simulated truth, and an Alertmanager that groups, repeats and retries.

`posts` is the list of what was sent, and what was answered with 2xx; the truth about what healer promised to know.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from healer.times import MILLISECOND, SECOND, Micros, format_rfc3339
from tests.simulation.datacentre import Alarm, Datacentre
from tests.simulation.options import Options
from tests.simulation.world import SimClock

EVALUATE_S = 5
REPEAT: Micros = 60 * SECOND
"""An alert that goes on firing is sent again this often."""
RESOLVED_FOR: Micros = 120 * SECOND
"""Prometheus goes on saying that an alert ended for so long."""
ZERO = "0001-01-01T00:00:00Z"

Post = Callable[[bytes], Awaitable[int | None]]
"""A request's status, or None when no answer came."""

_encode = msgspec.json.Encoder(order="sorted").encode


class Sent(msgspec.Struct, frozen=True):
    """One alert as it was put on the wire."""

    labels: tuple[tuple[str, str], ...]
    firing: bool
    starts_at: Micros
    ends_at: Micros


class Firing:
    """An alert rule's state on one node."""

    def __init__(self, alarm: Alarm) -> None:
        self.alarm = alarm
        self.labels = tuple(sorted({"alertname": alarm.name, "node": alarm.node, "severity": alarm.severity}.items()))
        self.true_since: Micros = 0
        self.starts_at: Micros = 0
        self.ended_at: Micros = 0

    def evaluate(self, condition: bool, now: Micros) -> bool:
        """Whether something changed for those who are told."""
        if not condition:
            self.true_since = 0
            if self.starts_at and not self.ended_at:
                self.ended_at = now
                return True
            return False
        self.true_since = self.true_since or now
        if (not self.starts_at or self.ended_at) and now - self.true_since >= self.alarm.holds:
            self.starts_at, self.ended_at = now, 0
            return True
        return False

    @property
    def fires(self) -> bool:
        return bool(self.starts_at and not self.ended_at)


class Alerting:
    """Both senders' behaviours; the options say which one a run has. Groups are a rack each, and the rest."""

    def __init__(self, options: Options, datacentre: Datacentre, clock: SimClock, post: Post) -> None:
        self._options = options
        self._datacentre = datacentre
        self._clock = clock
        self._post = post
        self.rules = [Firing(alarm) for alarm in datacentre.alarms]
        self._groups: dict[str, list[Firing]] = {}
        for rule in self.rules:
            racks = [node for node in datacentre.above(rule.alarm.node) if node.startswith("rack/")]
            self._groups.setdefault(racks[0] if racks else "rest", []).append(rule)
        self._news = {group: asyncio.Event() for group in self._groups}
        self.owed: dict[str, bool] = dict.fromkeys(self._groups, False)
        """Groups whose newest state was not acknowledged yet."""
        self.attempted: dict[tuple[tuple[str, str], ...], Sent] = {}
        """The newest attempt for each alert."""
        self.acknowledged: dict[tuple[tuple[str, str], ...], Sent] = {}
        """The newest attempt of each alert that was answered with 2xx."""
        self.on_acknowledged: Callable[[list[Sent]], None] = lambda _: None
        self.on_refused: Callable[[int], None] = lambda _: None

    def firing(self) -> bool:
        return any(rule.fires for rule in self.rules)

    async def evaluate(self) -> None:
        """Evaluate every rule again and again."""
        while True:
            now = self._clock.now() // MILLISECOND * MILLISECOND
            for group, rules in self._groups.items():
                for rule in rules:
                    if rule.evaluate(self._datacentre.condition(rule.alarm), now):
                        self._news[group].set()
                        self.owed[group] = True
            await asyncio.sleep(EVALUATE_S)

    async def send(self, group: str) -> None:
        """Keep telling healer of one group."""
        news, rules = self._news[group], self._groups[group]
        told: dict[Firing, Sent] = {}
        while True:
            try:
                async with asyncio.timeout(REPEAT / SECOND if self._due(rules, told) else None):
                    await news.wait()
            except TimeoutError:
                pass
            news.clear()
            await asyncio.sleep(1)
            batch = {rule: sent for rule in rules if (sent := self._say(rule, told)) is not None}
            if batch and await self._deliver(batch):
                told.update(batch)
            elif batch:
                news.set()
            self.owed[group] = news.is_set()
            await asyncio.sleep(self._options.group_interval / SECOND)

    def groups(self) -> list[str]:
        return list(self._groups)

    def _due(self, rules: list[Firing], told: dict[Firing, Sent]) -> bool:
        return any(self._say(rule, told) is not None for rule in rules)

    def _say(self, rule: Firing, told: dict[Firing, Sent]) -> Sent | None:
        """What is to be said of an alert: an end that was acknowledged is not said again (by Alertmanager)."""
        if not rule.starts_at:
            return None
        now = self._clock.now()
        ends_at = rule.ended_at
        if self._options.sender == "prometheus":
            if rule.ended_at and now - rule.ended_at > RESOLVED_FOR:
                return None
            ends_at = ends_at or (now + 4 * REPEAT) // MILLISECOND * MILLISECOND
        sent = Sent(rule.labels, rule.fires, rule.starts_at, ends_at)
        if self._options.sender == "alertmanager" and not rule.fires and told.get(rule) == sent:
            return None
        return sent

    async def _deliver(self, batch: dict[Firing, Sent]) -> bool:
        """One notification, retried as Alertmanager does; Prometheus has the next evaluation for that."""
        body = self._body(list(batch.values()))
        pause, until = 1, self._clock.now() + max(self._options.group_interval, 10 * SECOND)
        while True:
            for sent in batch.values():
                self.attempted[sent.labels] = sent
            status = await self._post(body)
            if status is not None and 200 <= status < 300:
                for sent in batch.values():
                    self.acknowledged[sent.labels] = sent
                self.on_acknowledged(list(batch.values()))
                return True
            if status is not None and status < 500:
                self.on_refused(status)
            if self._options.sender == "prometheus" or self._clock.now() > until:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10)

    def _body(self, batch: list[Sent]) -> bytes:
        alerts = [
            {
                "labels": dict(sent.labels),
                "annotations": {"summary": f"{sent.labels[0][1]}"},
                "startsAt": format_rfc3339(sent.starts_at),
                "endsAt": format_rfc3339(sent.ends_at) if sent.ends_at else ZERO,
                "generatorURL": "http://prometheus/graph",
                "status": "firing" if sent.firing else "resolved",
            }
            for sent in batch
        ]
        if self._options.sender == "prometheus":
            return _encode(alerts)
        return _encode({"version": "4", "externalURL": "http://alertmanager", "alerts": alerts})
