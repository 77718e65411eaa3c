"""When to try again, and which tries are short enough to be made at once.

tenacity runs the tries; how long to wait is the pure `Backoff.pause`: full jitter over an exponential, and never less than
the provider asked for. A wait longer than `patience` is not slept but returned as `again_in`, so that the caller can make
a row of it and free the worker. Used by `notifiers.channel`, and the back-off by whoever plans such rows.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from tenacity import AsyncRetrying, RetryCallState, retry_if_result

from notifiers.clock import SECOND, Micros
from notifiers.message import Ambiguous, Answer, Migrated, NotTried, RateLimited, Transient

Sleep = Callable[[float], Awaitable[None]]
"""Sleeps for some seconds: `asyncio.sleep`."""


class Random(Protocol):
    def uniform(self, low: float, high: float) -> float: ...


class Backoff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `n`th pause is drawn between 0 and `base * factor ** (n - 1)`, at most `most`. Durations in microseconds."""

    base: Micros = SECOND
    factor: float = 2.0
    tries: int = 3
    most: Micros = 300 * SECOND

    def pause(self, tried: int, asked: Micros, random: Random) -> Micros:
        """How long to wait after `tried` tries, when the provider asked for `asked`.

        What the provider asked for is kept in full, with up to a tenth on top so that not all come back at once.
        """
        ceiling = min(float(self.most), self.base * self.factor ** min(tried - 1, 64))
        drawn = int(random.uniform(0.0, ceiling))
        return max(drawn, asked + int(random.uniform(0.0, 0.1) * asked)) if asked else drawn


TELEGRAM = Backoff(base=SECOND, factor=2.0, tries=3)
"""Telegram: 1 s x 2.0, 3 tries."""
WECOM = Backoff(base=2 * SECOND, factor=1.8, tries=5)
"""WeCom, Feishu and webhooks: 2 s x 1.8, 5 tries."""
SMS = Backoff(base=5 * SECOND, factor=1.5, tries=2)
"""SMS: 5 s x 1.5, 2 tries; each costs money."""


class Outcome(msgspec.Struct, frozen=True):
    """The last answer, after how many tries, and how long to wait before the next (None: no further try is called for)."""

    answer: Answer
    tries: int
    again_in: Micros | None = None


def asked_wait(answer: Answer) -> Micros:
    """What the provider, or our own limit, asked us to wait; 0 if nothing."""
    match answer:
        case RateLimited(retry_after=wait) | NotTried(retry_after=wait):
            return wait
        case Transient(retry_after=wait) | Ambiguous(retry_after=wait):
            return wait
        case _:
            return 0


def may_repeat(answer: Answer, *, harmless: bool) -> bool:
    """Whether another try makes sense. `harmless`: a repetition cannot be seen, as with edits and idempotency keys."""
    match answer:
        case Transient() | RateLimited() | NotTried() | Migrated():
            return True
        case Ambiguous():
            return harmless
        case _:
            return False


async def persist(
    attempt: Callable[[], Awaitable[Answer]],
    backoff: Backoff,
    random: Random,
    sleep: Sleep,
    *,
    harmless: bool,
    patience: Micros = 5 * SECOND,
) -> Outcome:
    """Try until it is settled, the tries are used up, or the next wait exceeds `patience`."""

    def wait(state: RetryCallState) -> float:
        answer = _answer(state)
        if isinstance(answer, Migrated):
            return 0.0
        return backoff.pause(state.attempt_number, asked_wait(answer), random) / SECOND

    def stop(state: RetryCallState) -> bool:
        return state.attempt_number >= backoff.tries or state.upcoming_sleep * SECOND > patience

    def settled(state: RetryCallState) -> Outcome:
        return Outcome(_answer(state), state.attempt_number, round(state.upcoming_sleep * SECOND))

    tries = 0

    async def counted() -> Answer:
        nonlocal tries
        tries += 1
        return await attempt()

    result: Answer | Outcome = await AsyncRetrying(
        sleep=sleep,
        stop=stop,
        wait=wait,
        retry=retry_if_result(lambda answer: may_repeat(answer, harmless=harmless)),
        retry_error_callback=settled,
    )(counted)
    return result if isinstance(result, Outcome) else Outcome(result, tries)


def _answer(state: RetryCallState) -> Answer:
    assert state.outcome is not None, "tenacity asks after an attempt"
    answer: Answer = state.outcome.result()
    return answer
