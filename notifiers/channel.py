"""A sender as the service uses it: within its rates, left alone while it is sick, tried again while that is a matter of
seconds.

The order is limit, breaker, attempt, and the short tries around all three. A longer wait is an answer with
`retry_after`, which the caller turns into a row. Built by healer's bootstrap; itself a `Sender`.
"""

from collections.abc import Awaitable, Callable

import msgspec

from notifiers.breaker import Breaker
from notifiers.clock import SECOND, Micros
from notifiers.limiter import Limiter
from notifiers.message import Ambiguous, Answer, Message, NotTried, Permanent, RateLimited, Reason, Told, Transient
from notifiers.retry import Backoff, Random, Sleep, persist
from notifiers.sender import Illustrated, Limits, Sender


class Channel:
    """`Sender` around a sender. Waits at most `patience` at a time, and never longer than the tries allow."""

    def __init__(
        self,
        sender: Sender,
        *,
        breaker: Breaker,
        limiter: Limiter,
        backoff: Backoff,
        random: Random,
        sleep: Sleep,
        patience: Micros = 5 * SECOND,
    ) -> None:
        self._sender = sender
        self._breaker = breaker
        self._limiter = limiter
        self._backoff = backoff
        self._random = random
        self._sleep = sleep
        self._patience = patience

    @property
    def name(self) -> str:
        return self._sender.name

    @property
    def type(self) -> str:
        return self._sender.type

    @property
    def limits(self) -> Limits:
        return self._sender.limits

    @property
    def can_edit(self) -> bool:
        return self._sender.can_edit

    @property
    def edits_once(self) -> bool:
        return self._sender.limits.edits_once

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        """A send whose answer was lost is not repeated here: whether it may come twice is the caller's policy."""
        return await self._tell(lambda: self._sender.send(message, trace_id=trace_id), harmless=False)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        """An edit whose answer was lost is simply repeated: the second time it changes nothing."""
        return await self._tell(lambda: self._sender.edit(reference, message, trace_id=trace_id), harmless=True)

    @property
    def takes_pictures(self) -> bool:
        return isinstance(self._sender, Illustrated) and self._sender.takes_pictures

    async def show(self, reference: Told, picture: bytes, *, trace_id: str) -> Answer:
        """A picture is tried once, and only where no word has to wait for it."""
        sender = self._sender
        if not isinstance(sender, Illustrated) or not sender.takes_pictures:
            return Permanent(why=f"{self.name} takes no pictures", reason=Reason.REJECTED)
        wait = await self._limiter.reserve(self.limits.rates, patience=0)
        if wait:
            return NotTried(wait, Reason.RATE_LIMITED, why=f"{self.name} is at its rate limit")
        return await self._breaker.call(lambda: sender.show(reference, picture, trace_id=trace_id))

    async def close(self) -> None:
        await self._sender.close()

    async def _tell(self, attempt: Callable[[], Awaitable[Answer]], *, harmless: bool) -> Answer:
        outcome = await persist(
            lambda: self._attempt(attempt),
            self._backoff,
            self._random,
            self._sleep,
            harmless=harmless,
            patience=self._patience,
        )
        answer = outcome.answer
        if outcome.again_in and isinstance(answer, Transient | Ambiguous | RateLimited | NotTried):
            return msgspec.structs.replace(answer, retry_after=outcome.again_in)
        return answer

    async def _attempt(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        rates = self.limits.rates
        wait = await self._limiter.reserve(rates, patience=self._patience)
        if wait > self._patience:
            return NotTried(wait, Reason.RATE_LIMITED, why=f"{self.name} is at its rate limit")
        if wait:
            await self._sleep(wait / SECOND)
        answer = await self._breaker.call(attempt)
        if isinstance(answer, RateLimited):
            own = [rate for rate in rates if not rate.shared]
            await self._limiter.block(own, duration=answer.retry_after)
        return answer
