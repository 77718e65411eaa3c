"""How long a message has to wait so that the provider's rates are kept.

A provider's rate is read as "never more than `most` in any stretch of `within`": that keeps a token bucket and a sliding
window content alike, whichever the provider uses, and still drains a queue at its full rate. Used by
`notifiers.channel`; a limiter that replicas share has the same Protocol.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from notifiers.clock import Clock, Micros
from notifiers.sender import Rate

Sent = Mapping[str, Sequence[Micros]]
"""By key: when the last messages left or will leave, oldest first."""


class Limiter(Protocol):
    async def reserve(self, rates: Sequence[Rate], *, patience: Micros) -> Micros:
        """How long to wait, 0 for not at all. A place is taken in every rate, unless the wait is longer than
        `patience`: then none is, and the caller asks again later."""
        ...

    async def block(self, rates: Sequence[Rate], *, duration: Micros) -> None:
        """Let nothing of these rates through for `duration`: the provider said so."""
        ...


def wait_for(rates: Sequence[Rate], sent: Sent, now: Micros) -> Micros:
    """How long until one more message breaks none of the rates. Pure."""
    return max((_wait(rate, sent.get(rate.key, ()), now) for rate in rates), default=0)


def _wait(rate: Rate, times: Sequence[Micros], now: Micros) -> Micros:
    if len(times) < rate.most:
        return 0
    return max(0, times[-rate.most] + rate.within - now)


class MemoryLimiter:
    """`Limiter` for one process. Keys that nobody used for their `within` are forgotten, at most `KEYS` are kept."""

    KEYS = 10_000

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sent: dict[str, deque[Micros]] = {}
        self._blocked: dict[str, Micros] = {}

    async def reserve(self, rates: Sequence[Rate], *, patience: Micros) -> Micros:
        now = self._clock.monotonic()
        blocked = max((self._blocked.get(rate.key, now) - now for rate in rates), default=0)
        wait = max(blocked, wait_for(rates, self._sent, now), 0)
        if wait <= patience:
            self._forget(now)
            for rate in rates:
                self._sent.setdefault(rate.key, deque(maxlen=rate.most)).append(now + wait)
        return wait

    async def block(self, rates: Sequence[Rate], *, duration: Micros) -> None:
        until = self._clock.monotonic() + duration
        for rate in rates:
            self._blocked[rate.key] = max(until, self._blocked.get(rate.key, 0))

    def _forget(self, now: Micros) -> None:
        """Keys come from the configuration, so this bound is reached only by mistake."""
        self._blocked = {key: until for key, until in self._blocked.items() if until > now}
        while len(self._sent) > self.KEYS:
            del self._sent[min(self._sent, key=lambda key: self._sent[key][-1])]
