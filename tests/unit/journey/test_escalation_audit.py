"""The audit finds whom an escalation should have called and did not, whoever of the three is mistaken: fold, ledger or store."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from healer.alerts.identity import labels_of
from healer.convergence.people import Said
from healer.journey.escalation_audit import CODE, EscalationAudit, EscalationCounts
from healer.journey.fold import Fold
from healer.journey.records import Troubled
from healer.notification.own import trouble
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.telemetry.metrics import Registry
from healer.times import HOUR, MINUTE
from tests.contracts.store.given import HandClock
from tests.unit.journey.test_escalating import broken, minutes
from tests.unit.journey.world import START, World


class Site:
    """A fold, the store that has what it decided, and the audit of both."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.clock = HandClock(START)
        self.store = Store(InlineRun(self.memory, self.clock), "test")
        self.world = broken()
        self.audit = EscalationAudit(self.store, self.store, self.clock, self.fold)
        self._written = 0

    def fold(self) -> Fold:
        return self.world.fold

    async def write(self) -> None:
        """What was decided since, as steps of this store."""
        if not self._written:
            await self.store.take_over("one")
        for step in self.world.diary.steps[self._written :]:
            self._written += 1
            await self.store.commit(msgspec.structs.replace(step, number=self._written, epoch=1, first=1, last=0))

    async def tell(self, *channels: str) -> None:
        """Everything that these channels are wanted told, is."""
        for channel in channels:
            for claim in await self.store.claim(channel, now=self.clock.now(), lease=MINUTE, limit=100):
                await self.store.told(claim, message_id="7", now=self.clock.now())

    async def said(self, minute: float) -> list[str]:
        """What is wrong so many minutes after the start."""
        self.clock.instant = START + int(minute * MINUTE)
        return await self.audit.look()

    async def troubles(self) -> list[tuple[str, bool]]:
        return [(one.code, one.firing) for one in await self._records() if isinstance(one, Troubled)]

    async def _records(self) -> list[object]:
        return [msgspec.msgpack.decode(row.data, type=Troubled) for row in await self.store.read(0, 100)]


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    found = Site()
    await found.write()
    yield found
    await found.store.close()
    found.memory.close()


async def test_where_everybody_was_called_nothing_is_wrong(site: Site) -> None:
    """In time, told, and to the end."""
    for minute in (1, 11, 31):
        site.world.until(minutes(minute))
        await site.write()
        await site.tell("ann-sms", "boss", "duty")
        assert await site.said(minute + 0.5) == []
    assert await site.troubles() == []


async def test_a_step_that_is_not_taken_is_found(site: Site) -> None:
    """When its time is over by some minutes; people are told, and it is counted."""
    await site.tell("ann-sms")
    assert await site.said(14) == []
    (why,) = await site.said(16)
    assert why == f"escalation nights of incident {site.world.incident.id} should have gone on 5m ago"
    assert await site.troubles() == [(CODE, True)]
    assert {one.name: one.value for one in site.audit.samples()}["healer_escalations_unfinished"] == 1


async def test_a_call_that_nobody_heard_is_found(site: Site) -> None:
    """With what the channel said; also where the row is gone."""
    (claim,) = await site.store.claim("ann-sms", now=START, lease=MINUTE, limit=1)
    await site.store.failed(claim, now=START, why="403 Forbidden", dead=True)
    assert await site.said(5) == []
    (why,) = await site.said(6)
    assert why == f"ann-sms was called of incident {site.world.incident.id} 5m ago and did not hear it: 403 Forbidden"


async def test_a_call_that_another_channel_told_was_heard(site: Site) -> None:
    """The fallback told it in its place."""
    (claim,) = await site.store.claim("ann-sms", now=START, lease=MINUTE, limit=1)
    await site.store.failed(claim, now=START, why="403 Forbidden", dead=True, fallback="log")
    await site.tell("log")
    assert await site.said(6) == []


async def test_an_escalation_that_did_not_begin_is_found(site: Site) -> None:
    """The incidents of the store are asked which should have."""
    site.world.fold.telling.escalations.let_go(site.world.incident.id)
    assert [why[:17] for why in await site.said(6)] == ["escalation nights"]


async def test_an_escalation_that_outlives_its_incident_is_found(site: Site) -> None:
    """The store says that it is over."""
    over = msgspec.structs.replace(site.world.incident, status="resolved")
    last = site.world.diary.steps[-1]
    site.world.diary.steps.append(msgspec.structs.replace(last, incidents=(over,), wanted=(), timeline=()))
    await site.write()
    assert [why.endswith("is over") for why in await site.said(6)] == [True]


async def test_whoever_is_on_it_leaves_nothing_to_find(site: Site) -> None:
    """Neither a step that is not taken any more, nor a call that was withdrawn."""
    site.world.applied(60, Said("ack", site.world.incident.id, by="ada"))
    await site.write()
    assert await site.said(HOUR / MINUTE) == []


def test_the_trouble_has_words() -> None:
    """What to do about it stands in the message."""
    world = World()
    world.applied(1, Troubled(CODE, True, "somebody"))
    (labels,) = [one for one in world.fold.engine.what_fires() if labels_of(one).get("code") == CODE]
    found = trouble("HealerTrouble", labels)
    assert found is not None
    assert (found.title, world.fold.troubles.has(CODE)) == ("somebody was not called", True)


def test_what_becomes_of_escalations_is_counted() -> None:
    """By what ended them, and the steps that called somebody."""
    registry = Registry()
    counts, world = EscalationCounts(registry), broken()
    world.until(minutes(11))
    world.applied(minutes(12), Said("ack", world.incident.id, by="ada"))
    for step in world.diary.steps:
        counts.read(step.timeline)
    page = registry.expose().decode()
    assert 'healer_escalation_calls_total{escalation="nights"} 2' in page
    assert 'healer_escalations_total{escalation="nights",end="acknowledged"} 1' in page
