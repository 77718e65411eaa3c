"""The loops around Alertmanager go on whatever happens to the store or to one of several Alertmanagers; in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any

import pytest

from healer.alertmanager.client import Unreachable
from healer.alertmanager.mirror import SUSPICION, Mirror, Reconciler
from healer.alerts.silences import Silence
from healer.journey.ports import StoreUnavailable
from healer.journey.records import Record, Silenced, Troubled, Vanished, decode
from healer.remediation.guards import FRESH
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import MINUTE, SECOND, Micros
from tests.simulation.loop import SimLoop
from tests.simulation.world import EPOCH, SimClock

EVERY = 5 * SECOND
A, B, C, D = (b'{"alertname":"%s"}' % name for name in (b"a", b"b", b"c", b"d"))


class Alertmanager:
    """One that answers after `takes`, or not at all."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.takes = 0.0
        self.away = False
        self.known: set[bytes] = set()
        self.asked = 0

    async def up_since(self) -> Micros:
        await self._answer()
        return EPOCH - 10 * MINUTE

    async def alerts(self) -> set[bytes]:
        await self._answer()
        return self.known

    async def silences(self) -> tuple[Silence, ...]:
        await self._answer()
        return ()

    async def _answer(self) -> None:
        self.asked += 1
        await asyncio.sleep(self.takes)
        if self.away:
            raise Unreachable(f"{self.url} is away")


class Fate:
    away = False
    deaf = False

    async def before(self, name: str) -> None:
        if self.away:
            raise StoreUnavailable("disk full")

    async def after(self, name: str) -> None:
        """Answers arrive, unless they are lost."""
        if self.deaf and name == "append":
            raise StoreUnavailable("no answer", ambiguous=True)


class Stand:
    def __init__(self, loop: SimLoop, memory: Memory) -> None:
        self.fate = Fate()
        self.clock = SimClock(loop)
        self.store = Store(InlineRun(memory, self.clock, self.fate), "test")
        self.one, self.two = Alertmanager("http://one"), Alertmanager("http://two")
        self.ours = {A}
        self.mirror = Mirror([self.one, self.two], self.store, self.clock, EVERY)
        self.reconciler = Reconciler(
            [self.one, self.two], self.store, self.clock, EVERY, lambda: self.ours, lambda: False
        )

    async def records(self) -> list[Record]:
        return [decode(row.data) for row in await self.store.read(0, 1_000)]


def play(work: Callable[[Stand], Coroutine[Any, Any, None]]) -> None:
    with closing(Memory()) as memory, SimLoop(1) as loop:

        async def all_of_it() -> None:
            stand = Stand(loop, memory)
            loop.create_task(stand.mirror.run())
            loop.create_task(stand.reconciler.run())
            await work(stand)

        loop.run(all_of_it())


def test_the_view_of_silences_stays_fresh_enough_to_act_on() -> None:
    """With answers that take a second, guards find it at most 10 s old at any moment."""

    async def work(stand: Stand) -> None:
        stand.one.takes = stand.two.takes = 1.0
        await asyncio.sleep(2)
        for _ in range(200):
            age, readable = stand.mirror.age()
            assert readable
            assert age is not None
            assert age <= FRESH
            await asyncio.sleep(0.3)

    play(work)


def test_one_that_hangs_keeps_nobody_from_the_other() -> None:
    """Each is asked for itself, and what was not read makes the whole view unreadable."""

    async def work(stand: Stand) -> None:
        stand.one.away = True
        await asyncio.sleep(20)
        told = [(one.source, one.readable) for one in await stand.records() if isinstance(one, Silenced)]
        assert told == [("http://one", False), ("http://two", True)]
        assert stand.two.asked >= 4
        assert stand.mirror.age() == (None, False)

    play(work)


def test_what_could_not_be_recorded_is_recorded_later() -> None:
    """While the store is away nothing is lost: the view is compared with what was recorded."""

    async def work(stand: Stand) -> None:
        stand.fate.away = True
        await asyncio.sleep(60)
        assert stand.mirror.age() == (None, False), "nobody acts on what the engine does not know"
        stand.fate.away = False
        await asyncio.sleep(30)
        found = await stand.records()
        assert sum(isinstance(one, Silenced) for one in found) == 2
        assert Vanished((A,)) in found

    play(work)


def test_an_alert_has_to_be_gone_everywhere() -> None:
    """One Alertmanager that knows it is enough."""

    async def work(stand: Stand) -> None:
        stand.two.known = {A}
        await asyncio.sleep(60)
        assert not any(isinstance(one, Vanished) for one in await stand.records())
        stand.two.known = set()
        await asyncio.sleep(20)
        assert Vanished((A,)) in await stand.records()

    play(work)


def test_a_few_alerts_vanish_whatever_their_share() -> None:
    """Three of three is no sign of a broken source."""

    async def work(stand: Stand) -> None:
        stand.ours = {A, B, C}
        await asyncio.sleep(20)
        found = await stand.records()
        assert Vanished((A, B, C)) in found
        assert not any(isinstance(one, Troubled) for one in found)

    play(work)


def test_a_trouble_raised_by_a_life_before_ends_when_the_source_is_sound() -> None:
    """A restart in the middle of a suspicion does not leave it standing for ever, nor ends it before two polls."""

    async def work(stand: Stand) -> None:
        stand.one.known = {A}
        stand.reconciler = Reconciler([stand.one], stand.store, stand.clock, EVERY, lambda: stand.ours, lambda: True)
        await stand.reconciler.look()
        assert await stand.records() == []
        await stand.reconciler.look()
        assert [(one.code, one.firing) for one in await stand.records() if isinstance(one, Troubled)] == [
            (SUSPICION, False)
        ]

    with closing(Memory()) as memory, SimLoop(1) as loop:
        loop.run(work(Stand(loop, memory)))


def test_a_trouble_whose_answer_was_lost_ends_when_the_source_is_sound() -> None:
    """Whoever raised it does not know that it was heard; that it is over is said all the same."""

    async def work(stand: Stand) -> None:
        heard = [False]
        stand.ours = {A, B, C, D}
        stand.reconciler = Reconciler(
            [stand.one], stand.store, stand.clock, EVERY, lambda: stand.ours, lambda: heard[0]
        )
        await stand.reconciler.look()
        stand.fate.deaf = True
        with pytest.raises(StoreUnavailable):
            await stand.reconciler.look()
        stand.fate.deaf, heard[0], stand.one.known = False, True, stand.ours
        await stand.reconciler.look()
        assert [one.firing for one in await stand.records() if isinstance(one, Troubled)] == [True, False]

    with closing(Memory()) as memory, SimLoop(1) as loop:
        loop.run(work(Stand(loop, memory)))


def test_silences_of_an_alertmanager_that_left_end() -> None:
    """The other one's view stays as fresh as it was: guards need not wait for it."""

    async def work(stand: Stand) -> None:
        await asyncio.sleep(2)
        stand.mirror.use([stand.one], EVERY)
        age, readable = stand.mirror.age()
        assert readable
        assert age is not None
        await asyncio.sleep(EVERY / SECOND + 1)
        assert (await stand.records())[-1] == Silenced("http://two", readable=True)

    play(work)


def test_what_was_missing_at_others_is_no_evidence() -> None:
    """After a reload two polls of the Alertmanagers that are asked now have to agree."""

    async def work(stand: Stand) -> None:
        stand.one.known = stand.two.known = {A}
        stand.ours = {A, B}
        await asyncio.sleep(EVERY / SECOND + 1)
        stand.reconciler.use([stand.one], EVERY)
        await asyncio.sleep(EVERY / SECOND)
        assert not [one for one in await stand.records() if isinstance(one, Vanished)]
        await asyncio.sleep(EVERY / SECOND)
        assert [one for one in await stand.records() if isinstance(one, Vanished)] == [Vanished((B,))]

    play(work)
