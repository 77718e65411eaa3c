"""The HTTP side on a real socket, over a real store in memory and a view that a test can set."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import msgspec

from healer.alerts.identity import canonical
from healer.convergence.outcome import AlertView, Incident, Root
from healer.journey.ports import Row, Step, StoreUnavailable
from healer.journey.records import Delivered, decode
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.telemetry.metrics import Registry
from healer.times import Micros
from healer.web.app import create_app
from healer.web.listen import Listener
from healer.web.ports import Bounds, Service
from healer.web.settings import Auth

NOW: Micros = 1_767_780_000_000_000  # 2026-01-07T10:00:00Z


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.instant = NOW

    def now(self) -> Micros:
        return self.instant

    def monotonic(self) -> Micros:
        return self.instant


class Disk:
    """The fate of every transaction: lets it through, or fails it as a store does."""

    def __init__(self) -> None:
        self.full = False
        self.lost_answer = False
        self.wait: asyncio.Event | None = None

    async def before(self, name: str) -> None:
        if self.wait:
            await self.wait.wait()
        if self.full:
            raise StoreUnavailable(f"{name}: database or disk is full")

    async def after(self, name: str) -> None:
        if self.lost_answer:
            raise StoreUnavailable(f"{name}: no answer", ambiguous=True)


class Memories:
    """An engine's memory, as a test wants it."""

    def __init__(self) -> None:
        self.known: list[AlertView] = []
        self.behind = 0
        self.not_ready = ""

    async def settled(self) -> None:
        """Nothing is under way here."""

    def alerts(self) -> Iterator[AlertView]:
        return iter(self.known)

    def alert_count(self) -> int:
        return len(self.known)

    def incident_alerts(self, incident: str) -> list[AlertView]:
        return [alert for alert in self.known if alert.incident == incident]

    def why(self, alert: AlertView) -> list[str]:
        return [f"{alert.status}: {alert.code}", "second sentence"]

    def lag(self) -> int:
        return self.behind

    def ready(self) -> tuple[bool, str]:
        return not self.not_ready, self.not_ready


class Stand:
    """A healer's HTTP side, and what a test looks at behind it."""

    def __init__(self, **changes: Any) -> None:
        self.clock = SetClock()
        self.disk = Disk()
        self.memory = Memory()
        self.store = Store(InlineRun(self.memory, self.clock, self.disk), "test")
        self.view = Memories()
        self.registry = Registry()
        everything: dict[str, Any] = {
            "journal": self.store,
            "view": self.view,
            "projections": self.store,
            "effects": self.store,
            "told": self.store,
            "audit": self.store,
            "clock": self.clock,
            "registry": self.registry,
        }
        self.service = Service(**(everything | changes))
        self.url = ""

    async def rows(self) -> list[Row]:
        self.disk.full = self.disk.lost_answer = False
        return await self.store.read(0, 1000)

    async def delivered(self) -> list[Delivered]:
        """What the journal holds, as records of alerts."""
        records = [decode(row.data) for row in await self.rows()]
        return [record for record in records if isinstance(record, Delivered)]

    async def decide(self, **decided: Any) -> None:
        """Commit a step with these decisions."""
        ownership = await self.store.take_over("test")
        step = Step(
            number=ownership.step + 1,
            epoch=ownership.epoch,
            first=ownership.applied + 1,
            last=ownership.applied,
            now=self.clock.now(),
            digest="",
        )
        await self.store.commit(msgspec.structs.replace(step, **decided))


@contextlib.asynccontextmanager
async def standing(
    *, auth: Auth | None = None, bounds: Bounds | None = None, **changes: Any
) -> AsyncIterator[tuple[Stand, aiohttp.ClientSession]]:
    """A stand that listens, and a client whose relative URLs go there."""
    stand = Stand(auth=auth or Auth(), bounds=bounds or Bounds(), **changes)
    listener = Listener(create_app(stand.service), "127.0.0.1", 0)
    await listener.start()
    stand.url = f"http://127.0.0.1:{listener.port}"
    try:
        async with aiohttp.ClientSession(stand.url) as client:
            yield stand, client
    finally:
        assert await listener.stop(within=5)
        await stand.store.close()
        stand.memory.close()


def alert_view(number: int = 0, **changes: Any) -> AlertView:
    """Alert `number` as the engine may judge it."""
    values: dict[str, Any] = {
        "labels": canonical({"alertname": "Down", "instance": f"host-{number:03d}", "severity": "critical"}),
        "node": f"host-{number:03d}",
        "status": "suppressed",
        "code": "ancestor",
        "by": canonical({"alertname": "SwitchDown"}),
        "starts_at": NOW,
        "onset": NOW,
        "ended_at": 0,
        "resolution": "",
        "severity": "critical",
        "incident": "inc-1",
        "held_until": 0,
    }
    return AlertView(**(values | changes))


def incident(id: str = "inc-1", **changes: Any) -> Incident:
    """An open incident."""
    values: dict[str, Any] = {
        "id": id,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "status": "open",
        "severity": "critical",
        "title": "switch sw-1 down",
        "root": Root(
            labels=canonical({"alertname": "SwitchDown"}),
            name="SwitchDown",
            node="sw-1",
            beneath="",
            severity="critical",
            hard=True,
            starts_at=NOW,
            onset=NOW,
            onset_from="startsAt",
        ),
        "began_at": NOW,
        "opened_at": NOW,
        "resolved_at": 0,
        "firing": 3,
        "members": 0,
        "suppressed": 2,
        "total": 3,
        "told": True,
        "revision": 1,
    }
    return Incident(**(values | changes))
