"""Who may touch a target now. The store decides (T3), whatever a lock says; a lock saves the work of being refused."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Protocol


class LocksUnreachable(TimeoutError):
    """Nobody can be asked who holds a lock. The text says what was tried; waiting may help, another lock service does not."""


class Hold(Protocol):
    """A lock that is held."""

    @property
    def lost(self) -> bool:
        """Somebody else may hold it by now. Asked again right before what cannot be taken back."""
        ...

    def telling(self, then: Callable[[], None]) -> AbstractContextManager[None]:
        """A context in which `then` is called, once at most, when it turns out that the lock cannot be extended any more."""
        ...


class LockService(Protocol):
    """Locks by target."""

    def hold(self, target: str, within: float) -> AbstractAsyncContextManager[Hold]:
        """A context in which the lock is held; raises TimeoutError when it was not to be had `within` seconds, and
        LocksUnreachable when that is because the service did not answer."""
        ...
