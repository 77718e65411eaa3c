from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifiers.clock import SECOND, ManualClock
from notifiers.limiter import MemoryLimiter, wait_for
from notifiers.sender import Rate

MINUTE = 60 * SECOND
CHAT = Rate("chat", 3, 3 * SECOND)
GROUP = Rate("group", 20, MINUTE)
BOT = Rate("bot", 30, SECOND, shared=True)


@pytest.mark.parametrize(
    ("times", "now", "wait"),
    [
        ([], 0, 0),
        ([0, 0], 0, 0),
        ([0, 0, 0], 0, 3 * SECOND),
        ([0, 1 * SECOND, 2 * SECOND], 2 * SECOND, 1 * SECOND),
        ([0, 0, 0], 3 * SECOND, 0),
        ([0, 0, 0], 9 * SECOND, 0),
        ([0, 1 * SECOND, 2 * SECOND, 3 * SECOND], 3 * SECOND, 1 * SECOND),
    ],
)
def test_wait_until_the_oldest_of_the_window_is_out(times: list[int], now: int, wait: int) -> None:
    """A message waits until it is one of at most `most` within any `within`."""
    assert wait_for([CHAT], {"chat": times}, now) == wait


def test_slowest_rate_decides() -> None:
    """Of several rates the longest wait counts; a rate nobody used costs nothing."""
    sent = {"chat": [0, 0, 0], "group": [0] * 20}
    assert wait_for([CHAT, GROUP, BOT], sent, SECOND) == 59 * SECOND
    assert wait_for([], sent, SECOND) == 0


@given(st.lists(st.integers(0, 5 * SECOND), min_size=1, max_size=120))
async def test_no_window_ever_holds_too_many(gaps: list[int]) -> None:
    """However messages come in, no stretch of a rate's window holds more than that rate allows."""
    clock = ManualClock()
    limiter = MemoryLimiter(clock)
    left: list[int] = []
    for gap in gaps:
        clock.move(gap)
        wait = await limiter.reserve([CHAT, GROUP, BOT], patience=10**12)
        left.append(clock.monotonic() + wait)
    assert left == sorted(left)
    for rate in (CHAT, GROUP, BOT):
        assert all(later - earlier >= rate.within for earlier, later in zip(left, left[rate.most :], strict=False))


async def test_queue_drains_at_the_full_rate() -> None:
    """A long queue for one group leaves at twenty a minute, not below."""
    limiter = MemoryLimiter(ManualClock())
    waits = [await limiter.reserve([GROUP], patience=10**12) for _ in range(1_000)]
    assert waits[-1] == 49 * MINUTE
    assert all(earlier <= later for earlier, later in pairwise(waits))


async def test_impatient_caller_takes_no_place() -> None:
    """Who will not wait that long is told how long it would be, and is in nobody's way."""
    clock = ManualClock()
    limiter = MemoryLimiter(clock)
    for _ in range(3):
        await limiter.reserve([CHAT, BOT], patience=0)
    for _ in range(50):
        assert await limiter.reserve([CHAT, BOT], patience=SECOND) == 3 * SECOND
    clock.move(3 * SECOND)
    assert await limiter.reserve([CHAT, BOT], patience=0) == 0


async def test_one_chat_does_not_hold_up_another() -> None:
    """A chat at its limit, or told to slow down, costs another chat of the same bot nothing."""
    limiter = MemoryLimiter(ManualClock())
    for _ in range(10):
        await limiter.reserve([CHAT, BOT], patience=SECOND)
    await limiter.block([CHAT], duration=MINUTE)
    assert await limiter.reserve([Rate("other", 3, 3 * SECOND), BOT], patience=0) == 0


async def test_blocked_for_as_long_as_the_provider_said() -> None:
    """After "retry after", nothing leaves before; a shorter word does not shorten a longer one."""
    clock = ManualClock()
    limiter = MemoryLimiter(clock)
    await limiter.block([CHAT], duration=30 * SECOND)
    await limiter.block([CHAT], duration=SECOND)
    assert await limiter.reserve([CHAT, BOT], patience=SECOND) == 30 * SECOND
    clock.move(30 * SECOND)
    assert await limiter.reserve([CHAT, BOT], patience=SECOND) == 0


async def test_memory_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys without end do not fill the memory: the longest unused is forgotten."""
    monkeypatch.setattr(MemoryLimiter, "KEYS", 10)
    clock = ManualClock()
    limiter = MemoryLimiter(clock)
    for number in range(100):
        clock.move(1)
        await limiter.reserve([Rate(f"chat {number}", 1, MINUTE)], patience=0)
    assert len(limiter._sent) <= 11
    assert await limiter.reserve([Rate("chat 99", 1, MINUTE)], patience=0) == MINUTE
