from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.clock import SECOND, ManualClock, Micros
from notifiers.limiter import MemoryLimiter
from notifiers.message import Answer, Message, NotTried, Ok, RateLimited, Reason, Told, Transient
from notifiers.retry import Backoff
from notifiers.sender import Limits, Rate, Sender, Unit
from tests.unit.notifiers.answers import DOWN, LOST, OK, Attempts

STORY = Message("[CRIT broken] rack r17 down, cn-1")
MINUTE = 60 * SECOND


class Provider:
    """A sender that answers in turn and notes when it was asked."""

    name = "ops"
    type = "standin"
    can_edit = True

    def __init__(self, answers: list[Answer], clock: ManualClock, *rates: Rate) -> None:
        self.limits = Limits(size=100, unit=Unit.UTF16, rates=rates)
        self.times: list[Micros] = []
        self.closed = False
        self._attempts = Attempts(answers)
        self._clock = clock

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        self.times.append(self._clock.monotonic())
        return await self._attempts()

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        return await self.send(message, trace_id=trace_id)

    async def close(self) -> None:
        self.closed = True


class Half:
    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


def channel(provider: Sender, clock: ManualClock) -> Channel:
    async def sleep(seconds: float) -> None:
        clock.move(round(seconds * SECOND))

    return Channel(
        provider,
        breaker=Breaker(provider.name, clock),
        limiter=MemoryLimiter(clock),
        backoff=Backoff(),
        random=Half(),
        sleep=sleep,
    )


async def drain(told: Channel, clock: ManualClock, count: int) -> None:
    """Send `count` messages, waiting as long as each answer says."""
    for _ in range(count):
        while not isinstance(answer := await told.send(STORY, trace_id=""), Ok):
            assert isinstance(answer, NotTried)
            clock.move(answer.retry_after)


async def test_thousand_messages_leave_at_the_rate_and_not_above() -> None:
    """A thousand messages for one group take fifty times its minute, and no minute holds more than twenty."""
    clock = ManualClock()
    provider = Provider([OK], clock, Rate("group", 20, MINUTE), Rate("chat", 3, 3 * SECOND))
    await drain(channel(provider, clock), clock, 1_000)
    assert len(provider.times) == 1_000
    assert all(later - earlier >= MINUTE for earlier, later in zip(provider.times, provider.times[20:], strict=False))
    assert provider.times[-1] <= 50 * MINUTE * 1.1


async def test_short_faults_are_not_seen_from_outside() -> None:
    """A fault of seconds is over before the caller hears of it."""
    clock = ManualClock()
    assert await channel(Provider([DOWN, OK], clock), clock).send(STORY, trace_id="") == OK


async def test_longer_faults_say_when_to_ask_again() -> None:
    """When the short tries are used up, the answer carries the pause for a row; then the breaker answers for the sick."""
    clock = ManualClock()
    provider = Provider([DOWN], clock)
    told = channel(provider, clock)
    answer = await told.send(STORY, trace_id="")
    assert isinstance(answer, Transient)
    assert answer.retry_after == 2 * SECOND
    again = await told.send(STORY, trace_id="")
    assert isinstance(again, NotTried)
    assert again.reason is Reason.BREAKER_OPEN
    assert again.retry_after >= 60 * SECOND
    assert len(provider.times) == 3


async def test_lost_send_is_the_callers_to_judge() -> None:
    """A send whose answer was lost is made once; an edit is simply made again."""
    clock = ManualClock()
    provider = Provider([LOST], clock)
    assert await channel(provider, clock).send(STORY, trace_id="") == LOST
    assert len(provider.times) == 1
    assert await channel(Provider([LOST, OK], clock), clock).edit(Told("1"), STORY, trace_id="") == OK


async def test_throttle_holds_back_what_comes_after_it() -> None:
    """After "retry after 7" nothing more reaches the provider for seven seconds, whoever asks."""
    clock = ManualClock()
    provider = Provider([RateLimited(7 * SECOND), OK], clock, Rate("chat", 3, SECOND))
    told = channel(provider, clock)
    assert isinstance(await told.send(STORY, trace_id=""), RateLimited)
    clock.move(1 * SECOND)
    assert await told.send(STORY, trace_id="") == NotTried(
        6_300_000, Reason.RATE_LIMITED, why="ops is at its rate limit"
    )
    assert provider.times == [0]


async def test_it_is_a_sender_itself() -> None:
    """Whoever uses a sender can use a channel: name, type, limits and close are those of what is inside."""
    clock = ManualClock()
    provider = Provider([OK], clock)
    outer: Sender = channel(provider, clock)
    assert (outer.name, outer.type, outer.limits, outer.can_edit) == ("ops", "standin", provider.limits, True)
    assert channel(provider, clock).edits_once is provider.limits.edits_once is False
    await outer.close()
    assert provider.closed
