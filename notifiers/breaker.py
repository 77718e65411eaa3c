"""Whether a sick channel is to be left alone for a while.

pybreaker holds the states and moves between them; what it cannot do on an event loop is decided here: failures count
within a window, half open lets one probe through, cancellation is never counted and never swallowed, and the late result
of a call that began before the state changed says nothing about the state now. The clock is handed in.

Used by `notifiers.channel`, one per channel and target.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NoReturn

import msgspec
import pybreaker

from notifiers.clock import SECOND, Clock, Micros
from notifiers.message import Ambiguous, Answer, NotTried, Permanent, RateLimited, Reason, Transient

OnChange = Callable[[str, str], None]
"""Told (name of the breaker, new state: closed, open or half-open)."""


class BreakerPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`failures` within `window` open it; after `pause` one probe is let through. Durations in microseconds."""

    failures: int = 3
    window: Micros = 60 * SECOND
    pause: Micros = 60 * SECOND


class Breaker:
    """Runs attempts while the channel is well, and says `NotTried` while it is not."""

    PROBING_RETRY: Micros = 10 * SECOND
    """When to ask again while somebody else's probe is under way."""

    def __init__(self, name: str, clock: Clock, policy: BreakerPolicy | None = None, on_change: OnChange | None = None):
        self.name = name
        self._policy = policy or BreakerPolicy()
        self._counts = _WindowedCounts(clock, self._policy.window)
        self._clock = clock
        self._epoch = 0
        self._probing = False
        self._on_change = on_change
        self._states = pybreaker.CircuitBreaker(
            fail_max=self._policy.failures,
            state_storage=self._counts,
            listeners=[_Listener(self._changed)],
            name=name,
            throw_new_error_on_trip=False,
        )

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        return self._counts.state

    def trip(self) -> None:
        """Open at once: what was learned cannot be a passing fault."""
        self._states.open()

    async def call(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make the attempt, or say when to ask again. Returns the attempt's own answer also when that one opens it."""
        refused = self._admit()
        if refused is not None:
            return refused
        epoch = self._epoch
        probing = self._probing = self.state == pybreaker.STATE_HALF_OPEN
        try:
            answer = await attempt()
        except Exception:
            self._learn(epoch, sick=True)
            raise
        else:
            if epoch == self._epoch and isinstance(answer, Permanent) and answer.reason is Reason.UNAUTHORIZED:
                self.trip()
            else:
                self._learn(epoch, sick=is_sick(answer))
            return answer
        finally:
            # Cancellation passes here too: it frees the probe's place and says nothing about the channel.
            if probing and epoch == self._epoch:
                self._probing = False

    def _admit(self) -> NotTried | None:
        if self.state == pybreaker.STATE_OPEN:
            left = self._counts.opened + self._policy.pause - self._clock.monotonic()
            if left > 0:
                return NotTried(left, Reason.BREAKER_OPEN, why=f"{self.name} failed too often of late")
            self._states.half_open()
        if self._probing:
            return NotTried(self.PROBING_RETRY, Reason.BREAKER_OPEN, why=f"{self.name} is being probed")
        return None

    def _learn(self, epoch: int, *, sick: bool | None) -> None:
        if epoch != self._epoch or sick is None:
            return
        if not sick:
            self._states.call(_well)
            return
        try:
            self._states.call(_sick)
        except _Sick:
            return

    def _changed(self, state: str) -> None:
        self._epoch += 1
        self._probing = False
        self._counts.forget()
        if self._on_change:
            self._on_change(self.name, state)


def is_sick(answer: Answer) -> bool | None:
    """What an answer says of the channel's health: sick, well, or (None) nothing at all."""
    match answer:
        case Transient() | Ambiguous():
            return True
        case RateLimited() | NotTried():
            return None
        case _:
            return False


class _Sick(Exception):
    """An outcome to be booked; it never gets out of this module."""


def _well() -> None:
    return None


def _sick() -> NoReturn:
    raise _Sick


class _WindowedCounts(pybreaker.CircuitMemoryStorage):
    """pybreaker's storage, with failures that age and an opening time by the clock that was handed in."""

    def __init__(self, clock: Clock, window: Micros) -> None:
        super().__init__(pybreaker.STATE_CLOSED)
        self.opened: Micros = 0
        self._failed: deque[Micros] = deque()
        self._monotonic = clock
        self._window = window

    def increment_counter(self) -> None:
        self._failed.append(self._monotonic.monotonic())

    def reset_counter(self) -> None:
        """A success among failures does not undo them: `forget` is called when the state changes."""

    def forget(self) -> None:
        self._failed.clear()

    @property
    def counter(self) -> int:
        oldest = self._monotonic.monotonic() - self._window
        while self._failed and self._failed[0] <= oldest:
            self._failed.popleft()
        return len(self._failed)

    @property
    def opened_at(self) -> datetime | None:
        """None: pybreaker is not to compare anything with the wall clock."""
        return None

    @opened_at.setter
    def opened_at(self, datetime: datetime) -> None:  # noqa: ARG002 - pybreaker's wall clock is not used
        self.opened = self._monotonic.monotonic()


class _Listener(pybreaker.CircuitBreakerListener):
    def __init__(self, changed: Callable[[str], None]) -> None:
        self._changed = changed

    def state_change(
        self,
        cb: pybreaker.CircuitBreaker,  # noqa: ARG002 - pybreaker's signature
        old_state: pybreaker.CircuitBreakerState | None,  # noqa: ARG002 - pybreaker's signature
        new_state: pybreaker.CircuitBreakerState,
    ) -> None:
        self._changed(new_state.name)
