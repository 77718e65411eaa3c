"""How fast a queue drains: as fast as the provider allows, no faster, and at nobody else's expense. In virtual time."""

import asyncio
import io
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager
from typing import Any

import msgspec

from healer.journey.ports import Wanted
from healer.notification.conduct import Conduct
from healer.notification.deliver import Deliverer
from healer.notification.story import Story
from healer.replicas.limits import SharedLimiter, StoredLimiter
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import MINUTE, SECOND, Micros
from notifiers import CHANNELS, Means
from notifiers.breaker import Breaker
from notifiers.channel import Channel
from tests.contracts.store import given
from tests.effort import Effort
from tests.simulation.loop import SimLoop
from tests.simulation.network import Network
from tests.simulation.providers import Provided, providers
from tests.simulation.secrets import Secrets
from tests.simulation.world import SimClock, SimRandom
from tests.standins.telegram import TelegramStandin

TRACE = "0af7651916cd43dd8448eb211c80319c"
ROOM: Micros = 63 * SECOND
"""What healer keeps of the minute in which a group takes twenty messages."""


def incident(step: int, number: int) -> str:
    """The id of the so manieth incident that this step wants told; they are told in this order."""
    return f"{step:06}{number:06}"


class Queue:
    """A store, a Telegram group, somebody's webhook, and what delivers to both."""

    def __init__(self, loop: SimLoop, memory: Memory, *, bundles: bool) -> None:
        self.loop = loop
        self.clock = SimClock(loop)
        self.store = Store(InlineRun(memory, self.clock), "test")
        self.network = Network()
        self.found = {name: one for name, one in self._providers().items() if name in ("telegram", "webhook")}
        self._means = Means.alone(self.network.session(), io.StringIO(), self.clock.now)
        for name, one in self.found.items():
            self.network.hosts[name] = one.host()
        self._bundles = bundles
        self.deliverer = self._born()
        self._steps = 0
        self._workers: list[asyncio.Task[None]] = []

    def _born(self) -> Deliverer:
        """As a process has it that just began: nothing is in memory."""
        limiter = SharedLimiter(StoredLimiter(self.store, self.clock), self.clock)
        senders = {
            name: Channel(
                CHANNELS[name].factory(name, CHANNELS[name].config(**one.config), self._means),
                breaker=Breaker(name, self.clock),
                limiter=limiter,
                backoff=CHANNELS[name].backoff,
                random=SimRandom(1, name),
                sleep=asyncio.sleep,
            )
            for name, one in self.found.items()
        }
        conduct = {name: Conduct(bundles=self._bundles) for name in self.found}
        return Deliverer(
            self.store,
            senders,
            self.clock,
            SimRandom(1),
            base_url="",
            count=lambda _channel, _reason: None,
            conduct=conduct,
        )

    def start(self) -> None:
        begin = asyncio.get_running_loop().create_task
        self._workers = [begin(self.deliverer.run(channel), name=channel) for channel in self.found]

    async def stop(self) -> None:
        for worker in self._workers:
            worker.cancel()
        await asyncio.wait(self._workers)

    async def restart(self) -> None:
        """The process ends, whatever it was doing, and another one takes its place at once."""
        await self.stop()
        await self.store.free_claims()
        self.deliverer = self._born()
        self.start()

    def _providers(self) -> dict[str, Provided]:
        return providers(lambda: self.clock.now() / SECOND, Secrets(0))

    @property
    def group(self) -> TelegramStandin:
        standin = self.found["telegram"].standin
        assert isinstance(standin, TelegramStandin)
        return standin

    async def want(self, channel: str, count: int) -> None:
        """A step wants so many incidents told."""
        self._steps += 1
        incidents = [incident(self._steps, number) for number in range(count)]
        stories = [Story(one, TRACE, "broken", "critical", f"[CRIT broken] {one}", ("down",)) for one in incidents]
        wanted = [Wanted(one.incident, channel, 1, msgspec.msgpack.encode(one), False) for one in stories]
        await self.store.commit(given.step(self._steps, 1, 0, now=self.clock.now(), wanted=tuple(wanted)))
        self.deliverer.wake()

    async def read(self, channel: str, text: str) -> Micros:
        """How long it takes until people read this there."""
        began = self.loop.now
        while not any(text in said for said in self.found[channel].texts()):
            await asyncio.sleep(0.1)
        return self.loop.now - began


@contextmanager
def queue(*, bundles: bool) -> Iterator[Queue]:
    with closing(Memory()) as memory, SimLoop(1) as loop:
        made: list[Queue] = []

        async def make() -> None:
            made.append(Queue(loop, memory, bundles=bundles))
            await made[0].store.take_over("one")
            for host in made[0].network.hosts.values():
                await host.start()

        loop.run(make())
        yield made[0]
        loop.run(made[0].network.close())


def play(made: Queue, work: Coroutine[Any, Any, None]) -> None:
    async def all_of_it() -> None:
        made.start()
        await work
        await made.stop()

    made.loop.run(all_of_it())


def test_a_thousand_notices_drain_at_the_providers_limit(effort: Effort) -> None:
    """Each in a message of its own, twenty a minute and no more, and another channel is told within a second."""
    count = effort.pick(ci=60, full=1_000)
    took: list[Micros] = []
    with queue(bundles=False) as made:

        async def work() -> None:
            await made.want("telegram", count)
            await asyncio.sleep(90)
            await made.want("webhook", 1)
            took.append(await made.read("webhook", incident(2, 0)))
            took.append(90 * SECOND + await made.read("telegram", incident(1, count - 1)))

        play(made, work())
        sent = [request.time for request in made.group.requests]
    assert made.group.overruns == 0
    assert len(made.group.messages) == count == len(sent)
    assert all(later - earlier >= MINUTE / SECOND for earlier, later in zip(sent, sent[20:], strict=False))
    other, all_of_them = took
    assert other < SECOND
    assert (count // 20 - 1) * MINUTE <= all_of_them <= count // 20 * ROOM


def test_what_waits_for_the_limit_is_told_together(effort: Effort) -> None:
    """Where messages may be shared, a thousand incidents are told in minutes, and none is left out."""
    count = effort.pick(ci=500, full=1_000)
    with queue(bundles=True) as made:
        took: list[Micros] = []

        async def work() -> None:
            await made.want("telegram", count)
            took.append(await made.read("telegram", incident(1, count - 1)))

        play(made, work())
        read = "\n".join(made.group.texts())
    assert made.group.overruns == 0
    assert all(read.count(incident(1, number)) for number in range(count))
    assert took[0] <= 4 * ROOM


def test_a_process_that_begins_anew_knows_what_was_sent() -> None:
    """A provider counts on, whoever sends: a restart is no way around its limit, also the one of a telephone's day."""
    with queue(bundles=False) as made:

        async def work() -> None:
            await made.want("telegram", 45)
            for _ in range(4):
                await asyncio.sleep(15)
                await made.restart()
            await made.read("telegram", incident(1, 44))

        play(made, work())
    assert made.group.overruns == 0
    assert len(made.group.messages) == 45
