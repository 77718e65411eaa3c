"""Writes of one kind that are cheaper for many at once: those that wait together are done together, each with its own result.

Made in `healer.store.transactions`, recognized by `healer.store.writer`.
"""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, TypeVarTuple

from healer.store.transaction import Transaction

T = TypeVar("T")
Args = TypeVarTuple("Args")


class Joint(Generic[*Args, T]):
    """`many` gives one result for each tuple of arguments, in their order. When it raises, nothing of it may stay, and each is
    done again by itself."""

    __slots__ = ("many",)

    def __init__(self, many: Callable[[Transaction, Sequence[tuple[*Args]]], Sequence[T]]) -> None:
        self.many = many

    def __call__(self, transaction: Transaction, *args: *Args) -> T:
        """For one alone."""
        return self.many(transaction, [args])[0]
