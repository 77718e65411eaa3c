"""When people hear that healer is blind, and that it sees again; in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from healer.journey.ports import StoreUnavailable
from healer.notification.last_resort import LastResort
from healer.notification.wording import Speech
from healer.times import HOUR, SECOND
from notifiers.message import Ambiguous, Permanent, Reason, Transient
from tests.simulation.loop import SimLoop
from tests.simulation.world import EPOCH, SimClock
from tests.unit.notification.chat import Chat


class Stand:
    """A disk that can be full or stuck, and two chats."""

    def __init__(self, loop: SimLoop) -> None:
        self.full = self.stuck = False
        self.chats = {"duty": Chat(), "boss": Chat()}
        clock = SimClock(loop, epoch=EPOCH + 10 * HOUR + 32 * 60 * SECOND)
        self.resort = LastResort(self._probe, self.chats, clock, "http://healer.example.net")

    async def _probe(self) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        if self.full:
            raise StoreUnavailable("commit: disk is full (free space on the disk of the data folder)")

    def heard(self, chat: str = "duty") -> list[str]:
        return list(self.chats[chat].messages.values())


def play(work: Callable[[Stand], Coroutine[Any, Any, None]]) -> None:
    """Run a test in virtual time."""
    with SimLoop(1) as loop:

        async def all_of_it() -> None:
            stand = Stand(loop)
            loop.create_task(stand.resort.run())
            await work(stand)

        loop.run(all_of_it())


def test_blind_is_told_once_and_so_is_seeing_again() -> None:
    """To every channel of last resort, with the time since when."""

    async def work(stand: Stand) -> None:
        await asyncio.sleep(5)
        stand.full = True
        await asyncio.sleep(600)
        assert stand.heard() == stand.heard("boss") == ["healer is blind since 10:32 UTC"]
        stand.full = False
        await asyncio.sleep(600)
        assert stand.heard() == stand.heard("boss") == ["healer is blind since 10:32 UTC", "healer sees again"]

    play(work)


def test_a_pause_of_the_disk_is_nobodys_business() -> None:
    """Shorter than half a minute: nothing is said, also not at its end."""

    async def work(stand: Stand) -> None:
        for _ in range(5):
            stand.full = True
            await asyncio.sleep(25)
            stand.full = False
            await asyncio.sleep(25)
        assert stand.heard() == []

    play(work)


def test_a_store_that_never_answers_is_lost_too() -> None:
    """A disk that hangs raises nothing."""

    async def work(stand: Stand) -> None:
        stand.stuck = True
        await asyncio.sleep(90)
        assert stand.heard() == ["healer is blind since 10:32 UTC"]

    play(work)


def test_a_channel_that_failed_is_tried_until_it_took_it() -> None:
    """Each channel for itself; one that cannot be reached keeps nobody from the other."""

    async def work(stand: Stand) -> None:
        stand.chats["duty"].answers(*[Transient("502", Reason.SERVER_ERROR)] * 3)
        stand.chats["boss"].answers(*[Permanent("blocked", Reason.FORBIDDEN)] * 100)
        stand.full = True
        await asyncio.sleep(120)
        assert stand.heard() == ["healer is blind since 10:32 UTC"]
        assert stand.heard("boss") == []
        stand.full = False
        await asyncio.sleep(60)
        assert stand.heard() == ["healer is blind since 10:32 UTC", "healer sees again"]
        assert stand.heard("boss") == [], "who never heard that it was blind need not hear that it sees"

    play(work)


def test_a_lost_answer_counts_as_told() -> None:
    """There is no ledger here, and one message every ten seconds would be worse."""

    async def work(stand: Stand) -> None:
        stand.chats["duty"].lost.append(Ambiguous("connection lost"))
        stand.full = True
        await asyncio.sleep(300)
        assert stand.heard() == ["healer is blind since 10:32 UTC"]

    play(work)


def test_it_is_told_in_the_language_of_its_readers() -> None:
    """By their clocks, and short enough for a lock screen."""

    async def work(stand: Stand) -> None:
        speech = {"boss": Speech("zh", "Asia/Shanghai")}
        stand.resort.use(stand.chats, "http://healer.example.net", speech)
        stand.full = True
        await asyncio.sleep(60)
        assert stand.heard("boss") == ["healer 自 18:32 CST 起无法工作"]
        stand.full = False
        await asyncio.sleep(60)
        assert stand.heard("boss")[1:] == ["healer 已恢复工作"]

    play(work)
