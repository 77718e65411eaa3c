import asyncio
from datetime import datetime

import pybreaker
import pytest

from notifiers.breaker import Breaker, BreakerPolicy
from notifiers.clock import SECOND, ManualClock
from notifiers.message import Answer, NotTried, Reason
from tests.unit.notifiers.answers import BAD, BUSY, DOWN, LOST, MOVED, NO_TOKEN, NOOP, OK, Attempts


class Held:
    """An attempt that waits until it is told how it ended."""

    def __init__(self) -> None:
        self.ended: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> Answer:
        return await self.ended


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=5 * SECOND)


@pytest.fixture
def breaker(clock: ManualClock) -> Breaker:
    return Breaker("ops", clock)


async def fail(breaker: Breaker, times: int = 3) -> None:
    for _ in range(times):
        assert await breaker.call(Attempts([DOWN])) == DOWN


async def started(breaker: Breaker, attempt: Held) -> asyncio.Task[Answer]:
    task = asyncio.create_task(breaker.call(attempt))
    await asyncio.sleep(0)
    return task


async def test_awaited_failure_is_counted(breaker: Breaker) -> None:
    """The result of the awaited attempt counts, not that a coroutine was made; the third failure opens."""
    await fail(breaker, 2)
    assert breaker.state == "closed"
    await fail(breaker, 1)
    assert breaker.state == "open"


async def test_lost_answers_count_as_failures(breaker: Breaker) -> None:
    """A provider that does not answer is as sick as one that cannot be reached."""
    for _ in range(3):
        await breaker.call(Attempts([LOST]))
    assert breaker.state == "open"


async def test_tripping_call_keeps_its_own_answer(breaker: Breaker) -> None:
    """The call that opens the breaker was made: its caller gets what came of it."""
    await fail(breaker, 2)
    assert await breaker.call(Attempts([LOST])) == LOST


async def test_open_makes_no_attempt_and_says_when(breaker: Breaker, clock: ManualClock) -> None:
    """While open nothing is sent, and the answer says how long that will last."""
    await fail(breaker)
    clock.move(20 * SECOND)
    attempt = Attempts([OK])
    answer = await breaker.call(attempt)
    assert isinstance(answer, NotTried)
    assert (answer.retry_after, answer.reason) == (40 * SECOND, Reason.BREAKER_OPEN)
    assert attempt.made == 0


async def test_failures_far_apart_do_not_open(breaker: Breaker, clock: ManualClock) -> None:
    """Only failures within the window count together."""
    for _ in range(10):
        await fail(breaker, 1)
        clock.move(30 * SECOND)
    assert breaker.state == "closed"


async def test_success_in_between_does_not_undo_failures(breaker: Breaker) -> None:
    """Three of six failing within the window open it: the count is of the window, not of a row."""
    await fail(breaker, 1)
    await breaker.call(Attempts([OK]))
    await fail(breaker, 1)
    await breaker.call(Attempts([OK]))
    await fail(breaker, 1)
    assert breaker.state == "open"


@pytest.mark.parametrize("answer", [OK, NOOP, BAD, MOVED])
async def test_provider_that_answers_is_well(breaker: Breaker, clock: ManualClock, answer: Answer) -> None:
    """A refusal of our message is our fault, not the provider's: it neither opens nor keeps open."""
    for _ in range(5):
        await breaker.call(Attempts([answer]))
    assert breaker.state == "closed"
    await fail(breaker)
    clock.move(60 * SECOND)
    await breaker.call(Attempts([answer]))
    assert breaker.state == "closed"


async def test_busy_is_not_sick(breaker: Breaker, clock: ManualClock) -> None:
    """A throttle is not counted: it does not open, and as a probe's answer it neither closes nor opens again."""
    for _ in range(5):
        await breaker.call(Attempts([BUSY]))
    assert breaker.state == "closed"
    await fail(breaker)
    clock.move(60 * SECOND)
    assert await breaker.call(Attempts([BUSY])) == BUSY
    assert breaker.state == "half-open"
    assert await breaker.call(Attempts([OK])) == OK
    assert breaker.state == "closed"


async def test_wrong_token_opens_at_once(breaker: Breaker, clock: ManualClock) -> None:
    """A token that is refused will be refused again: others are told by another channel from the first refusal on, and
    a probe that meets the same refusal opens it again."""
    assert await breaker.call(Attempts([NO_TOKEN])) == NO_TOKEN
    assert breaker.state == "open"
    clock.move(60 * SECOND)
    assert await breaker.call(Attempts([NO_TOKEN])) == NO_TOKEN
    assert breaker.state == "open"


async def test_one_probe_when_half_open(breaker: Breaker, clock: ManualClock) -> None:
    """Of many calls at the end of the pause one is let through; the others are told to ask again."""
    await fail(breaker)
    clock.move(60 * SECOND)
    probe = Held()
    first = await started(breaker, probe)
    others = [await breaker.call(Attempts([OK])) for _ in range(4)]
    assert all(isinstance(answer, NotTried) for answer in others)
    probe.ended.set_result(OK)
    assert await first == OK
    assert breaker.state == "closed"
    assert await breaker.call(Attempts([OK])) == OK


async def test_failed_probe_opens_for_another_pause(breaker: Breaker, clock: ManualClock) -> None:
    """One failure is enough when half open, and the pause begins anew."""
    await fail(breaker)
    clock.move(60 * SECOND)
    await fail(breaker, 1)
    assert breaker.state == "open"
    clock.move(59 * SECOND)
    assert isinstance(await breaker.call(Attempts([OK])), NotTried)
    clock.move(1 * SECOND)
    assert await breaker.call(Attempts([OK])) == OK


async def test_closing_forgets_old_failures(clock: ManualClock) -> None:
    """After recovery it takes the full number of failures to open again, however long the window is."""
    breaker = Breaker("ops", clock, BreakerPolicy(window=600 * SECOND))
    await fail(breaker)
    clock.move(60 * SECOND)
    await breaker.call(Attempts([OK]))
    await fail(breaker, 2)
    assert breaker.state == "closed"


async def test_cancellation_is_neither_counted_nor_swallowed(breaker: Breaker) -> None:
    """A cancelled call ends as cancelled, also where one failure more would open the breaker, and counts for nothing."""
    await fail(breaker, 2)
    task = await started(breaker, Held())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert breaker.state == "closed"
    await fail(breaker, 1)
    assert breaker.state == "open"


async def test_cancelled_probe_proves_nothing(breaker: Breaker, clock: ManualClock) -> None:
    """A cancelled probe does not close the breaker, and makes room for the next probe."""
    await fail(breaker)
    clock.move(60 * SECOND)
    task = await started(breaker, Held())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert breaker.state == "half-open"
    await fail(breaker, 1)
    assert breaker.state == "open"


async def test_late_success_does_not_close(breaker: Breaker, clock: ManualClock) -> None:
    """A call that began before the trip and succeeds after it says nothing about the channel now."""
    early = Held()
    task = await started(breaker, early)
    await fail(breaker)
    early.ended.set_result(OK)
    assert await task == OK
    assert breaker.state == "open"


async def test_late_failure_does_not_prolong(breaker: Breaker, clock: ManualClock) -> None:
    """A call that began before the trip and fails later neither lengthens the pause nor spoils the recovery."""
    early, earlier = Held(), Held()
    tasks = [await started(breaker, early), await started(breaker, earlier)]
    await fail(breaker)
    clock.move(30 * SECOND)
    early.ended.set_result(DOWN)
    await tasks[0]
    clock.move(30 * SECOND)
    assert await breaker.call(Attempts([OK])) == OK
    earlier.ended.set_result(DOWN)
    await tasks[1]
    await fail(breaker, 2)
    assert breaker.state == "closed"


async def test_late_probe_does_not_free_the_place_of_another(breaker: Breaker, clock: ManualClock) -> None:
    """A probe overtaken by a trip, ending while the next probe runs, does not let a second one in beside it."""
    await fail(breaker)
    clock.move(60 * SECOND)
    first, second = Held(), Held()
    old = await started(breaker, first)
    breaker.trip()
    clock.move(60 * SECOND)
    new = await started(breaker, second)
    first.ended.set_result(OK)
    await old
    assert isinstance(await breaker.call(Attempts([OK])), NotTried)
    second.ended.set_result(OK)
    assert await new == OK


async def test_calls_run_side_by_side_while_closed(breaker: Breaker) -> None:
    """No lock is held while an attempt waits."""
    slow = Held()
    task = await started(breaker, slow)
    assert await breaker.call(Attempts([OK])) == OK
    slow.ended.set_result(OK)
    assert await task == OK


async def test_mistake_of_ours_counts_and_gets_out(breaker: Breaker) -> None:
    """An exception is not an answer: it is counted, and its caller hears of it."""

    async def broken() -> Answer:
        raise KeyError("a mistake")

    for _ in range(3):
        with pytest.raises(KeyError):
            await breaker.call(broken)
    assert breaker.state == "open"


async def test_wall_clock_decides_nothing(
    breaker: Breaker, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause is measured by the clock handed in: a wall clock far in the future or the past changes nothing."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Stopped":
            return cls(1971, 1, 1)

    monkeypatch.setattr(pybreaker, "datetime", Stopped)
    await fail(breaker)
    clock.move(59 * SECOND)
    assert isinstance(await breaker.call(Attempts([OK])), NotTried)
    clock.move(1 * SECOND)
    assert await breaker.call(Attempts([OK])) == OK


async def test_changes_are_told(clock: ManualClock) -> None:
    """Whoever counts or logs hears of each change of state, once and in order."""
    heard: list[tuple[str, str]] = []
    breaker = Breaker("ops", clock, BreakerPolicy(failures=2), lambda name, state: heard.append((name, state)))
    await fail(breaker, 2)
    clock.move(60 * SECOND)
    await breaker.call(Attempts([OK]))
    assert heard == [("ops", "open"), ("ops", "half-open"), ("ops", "closed")]
