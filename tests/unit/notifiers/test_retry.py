import asyncio

import pytest

from notifiers import CHANNELS
from notifiers.clock import SECOND
from notifiers.message import Answer, RateLimited
from notifiers.retry import TELEGRAM, Backoff, Outcome, persist
from tests.unit.notifiers.answers import BAD, BUSY, DOWN, HELD, LOST, MOVED, NOOP, OK, Attempts


class Highest:
    """Chance at its worst."""

    def uniform(self, low: float, high: float) -> float:
        return high


class Slept:
    """A sleep that takes no time and remembers how long it was to be, in seconds."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.mark.parametrize(("tried", "ceiling"), [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (10_000, 300)])
def test_pause_is_drawn_below_an_exponential(tried: int, ceiling: int) -> None:
    """Full jitter: anything from nothing up to 1 s x 2.0 to the power of the tries, at most five minutes."""

    class Asked(Highest):
        def uniform(self, low: float, high: float) -> float:
            assert low == 0
            return super().uniform(low, high)

    assert TELEGRAM.pause(tried, 0, Asked()) == ceiling * SECOND


class Lowest:
    def uniform(self, low: float, high: float) -> float:
        return low


def test_provider_gets_the_time_it_asked_for() -> None:
    """`retry_after` is never undercut, and at most a tenth is put on top."""
    assert TELEGRAM.pause(1, 14 * SECOND, Lowest()) == 14 * SECOND
    assert TELEGRAM.pause(1, 14 * SECOND, Highest()) == 15.4 * SECOND
    assert TELEGRAM.pause(9, 2 * SECOND, Highest()) == 256 * SECOND


@pytest.mark.parametrize("answer", [OK, NOOP, BAD, LOST])
async def test_settled_answer_is_not_repeated(answer: Answer) -> None:
    """What is done, refused for good, or perhaps done is tried once."""
    attempts = Attempts([answer])
    assert await persist(attempts, TELEGRAM, Highest(), Slept(), harmless=False) == Outcome(answer, 1)
    assert attempts.made == 1


async def test_three_tries_with_growing_pauses() -> None:
    """Telegram gets three tries, 1 s and 2 s apart at most, and then the pause for a row."""
    attempts, slept = Attempts([DOWN]), Slept()
    assert await persist(attempts, TELEGRAM, Highest(), slept, harmless=False) == Outcome(DOWN, 3, 4 * SECOND)
    assert attempts.made == 3
    assert slept.seconds == [1.0, 2.0]


async def test_success_ends_it() -> None:
    """The first good answer is the outcome."""
    outcome = await persist(Attempts([DOWN, OK, DOWN]), TELEGRAM, Highest(), Slept(), harmless=False)
    assert outcome == Outcome(OK, 2)


async def test_lost_answer_is_repeated_where_nobody_sees_it() -> None:
    """An edit may be repeated blindly; a send may not."""
    assert await persist(Attempts([LOST, OK]), TELEGRAM, Highest(), Slept(), harmless=True) == Outcome(OK, 2)


async def test_new_chat_id_is_used_at_once() -> None:
    """A move to a new id costs no pause."""
    slept = Slept()
    assert await persist(Attempts([MOVED, OK]), TELEGRAM, Highest(), slept, harmless=False) == Outcome(OK, 2)
    assert slept.seconds == [0.0]


async def test_long_wait_is_returned_not_slept() -> None:
    """More than a few seconds become a row: nobody sleeps them inside a worker."""
    slept = Slept()
    assert await persist(Attempts([BUSY]), TELEGRAM, Lowest(), slept, harmless=False) == Outcome(BUSY, 1, 7 * SECOND)
    assert slept.seconds == []


async def test_short_throttle_is_waited_out() -> None:
    """A throttle of a second is shorter than a row's way around."""
    slept = Slept()
    outcome = await persist(Attempts([RateLimited(SECOND), OK]), TELEGRAM, Lowest(), slept, harmless=False)
    assert outcome == Outcome(OK, 2)
    assert slept.seconds == [1.0]


async def test_not_tried_is_asked_again() -> None:
    """An attempt that the breaker or the limit held back is worth another, for as long as the tries last."""
    assert await persist(Attempts([HELD, OK]), Backoff(tries=2), Lowest(), Slept(), harmless=False) == Outcome(OK, 2)


async def test_cancellation_ends_it_at_once() -> None:
    """A cancelled attempt is not tried again, and its caller is cancelled."""
    made = 0

    async def cancelled() -> Answer:
        nonlocal made
        made += 1
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await persist(cancelled, TELEGRAM, Highest(), Slept(), harmless=True)
    assert made == 1


def test_each_channel_is_tried_as_its_provider_bears() -> None:
    """What costs money is tried least, what throttles by the minute most patiently."""
    found = {
        name: (kind.backoff.base // SECOND, kind.backoff.factor, kind.backoff.tries) for name, kind in CHANNELS.items()
    }
    quick, patient, dear = (1, 2.0, 3), (2, 1.8, 5), (5, 1.5, 2)
    assert found == {
        **dict.fromkeys(("telegram", "slack", "pagerduty", "terminal"), quick),
        **dict.fromkeys(("wecom", "wecom_app", "feishu", "feishu_app", "dingtalk", "webhook", "apprise"), patient),
        **dict.fromkeys(("sms_aliyun", "sms_tencent", "sms_twilio", "email"), dear),
    }
