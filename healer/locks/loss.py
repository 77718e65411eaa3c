"""Who wants to know when a lock is lost? Used by the locks that can be; each is told at most once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Then = Callable[[], None]


class Loss:
    """What a lock that can be lost has in common."""

    def __init__(self) -> None:
        self._listening: list[Then] = []

    @contextmanager
    def telling(self, then: Then) -> Iterator[None]:
        """As `Hold.telling`."""
        self._listening.append(then)
        try:
            yield
        finally:
            if then in self._listening:
                self._listening.remove(then)

    def tell(self) -> None:
        """It cannot be extended any more."""
        listening, self._listening = self._listening, []
        for then in listening:
            then()
