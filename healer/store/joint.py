"""Work of one kind that is cheaper for many at once: what waits together is done together, each with its own result.

Made in `healer.store.transactions`; recognized by `healer.store.writer`, and for what is read by `healer.store.run`.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, TypeVarTuple

Where = TypeVar("Where")
T = TypeVar("T")
Args = TypeVarTuple("Args")


class Joint(Generic[Where, *Args, T]):
    """`many` gives one result for each tuple of arguments, in their order, in a transaction or on a connection. When it raises,
    nothing of it may stay, and what was to be written is done again, each by itself."""

    __slots__ = ("many",)

    def __init__(self, many: Callable[[Where, Sequence[tuple[*Args]]], Sequence[T]]) -> None:
        self.many = many

    def __call__(self, where: Where, *args: *Args) -> T:
        """For one alone."""
        return self.many(where, [args])[0]
