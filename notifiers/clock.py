"""What time it is, as far as a channel must know: only the time that passes, never the date.

Durations and instants are microseconds as integers. The service hands its own clock in; `ManualClock` is for whoever
wants to say what time it is.
"""

from typing import Protocol

Micros = int
"""Microseconds: of a duration, or since some start that only the clock knows."""

SECOND: Micros = 1_000_000


class Clock(Protocol):
    """Used by the breaker and the limiter."""

    def monotonic(self) -> Micros:
        """Microseconds since some start; never goes back."""
        ...


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: Micros = 0) -> None:
        self._now = start

    def monotonic(self) -> Micros:
        return self._now

    def move(self, by: Micros) -> None:
        """Let `by` microseconds pass."""
        assert by >= 0, "a monotonic clock never goes back"
        self._now += by
