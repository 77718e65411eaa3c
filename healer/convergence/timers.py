"""What is due when. Timers fire in the order (due, kind, id), whatever the order in which they were set.

A timer is never cancelled: who is woken looks whether there is still something to do. Timers that share an instant and a
kind share a bucket, because the alerts of one delivery do.
"""

import heapq
from collections.abc import Iterator
from typing import Final, Generic, Protocol, TypeVar

from healer.times import Micros


class Kind:
    """In this order they fire when they are due at the same instant."""

    EXPIRE: Final = 0
    SETTLE: Final = 1
    HOLD: Final = 2
    SILENCE: Final = 3
    PLACE: Final = 4
    REMIND: Final = 5
    CALM: Final = 6
    STORM: Final = 7
    REGROUP: Final = 8


class Numbered(Protocol):
    @property
    def seq(self) -> int: ...


T = TypeVar("T", bound=Numbered)

_BITS = 4
_MASK = (1 << _BITS) - 1


class Timers(Generic[T]):
    """A heap of instants, each with the objects to wake."""

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._buckets: dict[int, list[T]] = {}

    def set(self, due: Micros, kind: int, who: T) -> None:
        """Wake `who` at `due` (engine time)."""
        key = due << _BITS | kind
        bucket = self._buckets.get(key)
        if bucket is None:
            self._buckets[key] = [who]
            heapq.heappush(self._heap, key)
        else:
            bucket.append(who)

    def has(self, due: Micros, kind: int) -> bool:
        """Whether somebody is woken then for this kind."""
        return (due << _BITS | kind) in self._buckets

    def next_due(self) -> Micros | None:
        """The earliest instant at which something is due."""
        return self._heap[0] >> _BITS if self._heap else None

    def pop(self, now: Micros) -> tuple[Micros, int, list[T]] | None:
        """Take the first bucket that is due at `now` or before, its objects in the order of their numbers."""
        if not self._heap or self._heap[0] >> _BITS > now:
            return None
        key = heapq.heappop(self._heap)
        who = self._buckets.pop(key)
        if len(who) > 1:
            who.sort(key=lambda one: one.seq)
        return key >> _BITS, key & _MASK, who

    def pending(self) -> Iterator[tuple[Micros, int, list[T]]]:
        """All that is set, in no order; for snapshots."""
        for key, who in self._buckets.items():
            yield key >> _BITS, key & _MASK, who
