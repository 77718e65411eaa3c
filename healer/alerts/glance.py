"""Of an alert's labels only those that decide, read from its identity: a third of the cost of reading all. Pure.

The engine asks when an alert is new, which after a restart without a snapshot is a million times.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import TypeAlias

import msgspec
from msgspec.structs import astuple

Values: TypeAlias = tuple[str | None, ...]
"""The values of some labels in the order of their names; None for a label that is not there."""


class Glance:
    """Reads the values of two groups of names, which may share some: one for each who keeps answers by them."""

    def __init__(self, first: Sequence[str], second: Sequence[str]) -> None:
        names = tuple(dict.fromkeys((*first, *second)))
        fields = [f"label{number}" for number in range(len(names))]
        shape = msgspec.defstruct(
            "Labels",
            [(field, str | None, None) for field in fields],
            rename=dict(zip(fields, names, strict=True)),
            gc=False,
        )
        self._decode: Callable[[bytes], msgspec.Struct] = msgspec.json.Decoder(shape).decode
        self._first = _pick([names.index(name) for name in first])
        self._second = _pick([names.index(name) for name in second])

    def __call__(self, labels: bytes) -> tuple[Values, Values]:
        """The values of each group. Raises msgspec.DecodeError for bytes that `canonical` did not make."""
        values = astuple(self._decode(labels))
        return self._first(values), self._second(values)


def values_of(names: Iterable[str], labels: Mapping[str, str]) -> Values:
    """The same, of labels that are read already."""
    return tuple(map(labels.get, names))


def given(names: Iterable[str], values: Values) -> Mapping[str, str]:
    """The labels that have a value among these."""
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _pick(places: Sequence[int]) -> Callable[[Values], Values]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)
