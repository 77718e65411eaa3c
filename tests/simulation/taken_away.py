"""How an ablation takes a safeguard away: by something in its place, which notes that it was called.

What is put where nobody calls it proves nothing, and looks like a checker that does not notice: `reached` tells them apart.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, TypeVar
from unittest.mock import patch

T = TypeVar("T")


class Reached:
    """How often something that stands in the place of a safeguard was called in this process."""

    def __init__(self) -> None:
        self.times = 0


REACHED = Reached()


def without(owner: object, name: str, instead: Callable[..., Any]) -> AbstractContextManager[object]:
    """In which `instead` stands for what the owner (a class, a module) has by this name."""
    return patch.object(owner, name, noting(instead))


def noting(instead: Callable[..., T]) -> Callable[..., T]:
    """The same, and it is noted when it is called."""

    @wraps(instead)
    def noted(*given: Any, **more: Any) -> T:
        REACHED.times += 1
        return instead(*given, **more)

    return noted


def nothing(*_: Any, **__: Any) -> None:
    """What is left of a safeguard."""
