"""Delivery by the real Telegram channel, against a stand-in that enforces the Bot API's rules."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import aiohttp
import msgspec

from healer.journey.ports import Wanted
from healer.notification.deliver import Deliverer
from healer.notification.story import State, Story
from healer.seams import SystemClock, SystemRandom
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from notifiers import CHANNELS, Means
from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.limiter import MemoryLimiter
from notifiers.retry import Backoff
from notifiers.secret import Secret
from notifiers.telegram import TelegramConfig
from tests.contracts.store.given import step
from tests.standins.provider import Fault
from tests.standins.telegram import TelegramStandin

TOKEN = "1:T"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Line:
    """The way from a step to the chat."""

    def __init__(self, standin: TelegramStandin, session: aiohttp.ClientSession, memory: Memory) -> None:
        clock = SystemClock()
        self.standin = standin
        self.store = Store(InlineRun(memory, clock), "test")
        config = TelegramConfig(token=Secret(TOKEN), chat_id=42, api_url=standin.url, timeout=500_000)
        sender = CHANNELS["telegram"].factory("duty", config, Means.alone(session, sys.stdout, lambda: 0))
        channel = Channel(
            sender,
            breaker=Breaker("duty", clock),
            limiter=MemoryLimiter(clock),
            backoff=Backoff(base=10_000),
            random=SystemRandom(),
            sleep=asyncio.sleep,
        )
        self.deliverer = Deliverer(
            self.store, {"duty": channel}, clock, SystemRandom(), base_url="", count=lambda *_: None
        )
        self._clock = clock
        self._steps = 0

    async def want(self, state: State) -> None:
        if not self._steps:
            await self.store.take_over("one")
        self._steps += 1
        title = f"[CRIT {state}] host a down"
        story = Story("i1", TRACE, state, "critical", title, ("HostDown <on> host/a & more",))
        wanted = Wanted("i1", "duty", self._steps, msgspec.msgpack.encode(story), True)
        await self.store.commit(step(self._steps, 1, 0, now=self._clock.now(), wanted=(wanted,)))
        self.deliverer.wake()

    async def told(self, state: State) -> None:
        """Want it, and wait until the ledger says that it was told."""
        await self.want(state)

        async def known() -> bool:
            return [row.told_revision for row in await self.store.rows(state="told")] == [self._steps]

        async with asyncio.timeout(20):
            while not await known():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def telling() -> AsyncIterator[Line]:
    with closing(Memory()) as memory:
        async with TelegramStandin(TOKEN, slow=5) as standin, aiohttp.ClientSession() as session:
            line = Line(standin, session, memory)
            worker = asyncio.get_running_loop().create_task(line.deliverer.run("duty"))
            try:
                yield line
            finally:
                worker.cancel()
                await asyncio.wait([worker])


async def test_one_incident_is_one_message() -> None:
    """Exactly one sendMessage however the incident goes on; the rest are edits of it, with the trace id on each."""
    async with telling() as line:
        for state in ("broken", "healing", "healed"):
            await line.told(state)
        assert [request.method for request in line.standin.requests] == ["sendMessage", *["editMessageText"] * 2]
        (text,) = line.standin.texts()
        assert text.startswith("[CRIT healed] host a down\n")
        assert "HostDown <on> host/a & more" in text
        assert {request.headers["x-trace-id"] for request in line.standin.requests} == {TRACE}


async def test_a_failure_that_stored_nothing_is_tried_again() -> None:
    """A bad gateway makes no second message, and no missing one."""
    async with telling() as line:
        line.standin.faults.append(Fault.BAD_GATEWAY)
        await line.told("broken")
        assert line.standin.count("sendMessage") == 1


async def test_an_edit_whose_answer_was_lost_changes_nothing_twice() -> None:
    """The second time Telegram says that nothing changed, and the ledger knows the news as told."""
    async with telling() as line:
        await line.told("broken")
        line.standin.faults.append(Fault.RESET_AFTER)
        await line.told("healed")
        assert line.standin.count("sendMessage") == 1
        assert [text.splitlines()[0] for text in line.standin.texts()] == ["[CRIT healed] host a down"]


async def test_a_send_whose_answer_was_lost_comes_twice_at_most_and_one_stays_current() -> None:
    """Telegram has no key by which it would know the second; what follows edits the one that was confirmed."""
    async with telling() as line:
        line.standin.faults.append(Fault.RESET_AFTER)
        await line.told("broken")
        await line.told("healed")
        assert line.standin.count("sendMessage") == 2
        assert line.standin.texts()[-1].startswith("[CRIT healed]")


async def test_a_deleted_message_is_sent_anew() -> None:
    """People hear the news although somebody cleaned up."""
    async with telling() as line:
        await line.told("broken")
        line.standin.delete(42, 1)
        await line.told("healed")
        assert [text.splitlines()[0] for text in line.standin.texts()] == ["[CRIT healed] host a down"]
