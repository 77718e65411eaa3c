"""When is somebody to be looked at again? One instant for each, the earliest at hand however many there are. Pure."""

import heapq
from collections.abc import Iterator

from healer.times import Micros


class Alarms:
    """By id. What was set for another instant since stays in the heap until its time comes, and wakes nobody."""

    def __init__(self) -> None:
        self._at: dict[str, Micros] = {}
        self._heap: list[tuple[Micros, str]] = []

    def set(self, id: str, at: Micros | None) -> None:
        """Ring for this one at an instant and at no other; None: not at all."""
        if at is None:
            self._at.pop(id, None)
        elif self._at.get(id) != at:
            self._at[id] = at
            heapq.heappush(self._heap, (at, id))

    def next_at(self) -> Micros | None:
        """The earliest that is set."""
        heap = self._heap
        while heap and self._at.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def ring(self, now: Micros) -> Iterator[str]:
        """Those whose time has come; each rings once."""
        while (at := self.next_at()) is not None and at <= now:
            _, id = heapq.heappop(self._heap)
            del self._at[id]
            yield id
