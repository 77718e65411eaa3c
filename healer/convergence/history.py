"""Which alerts come with every storm here, and which are rare? The memory of past incidents that scores are weighed by. Pure.

The engine adds an incident when it is over; it is part of snapshots. Rarity is the strongest single hint at a cause, but
never a filter: faults repeat. So what sat on the node that was named counts a quarter where it brought something about; what
comes alone, in quiet times too, is a habit and counts in full. A young memory says little.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from healer.convergence.fixed import ONE, ln

QUARTERS = 4
"""One incident, in the unit in which series are counted."""
YOUNG = 10
"""With so many incidents remembered, rarity counts half of what it will."""
MAX_SERIES = 100_000
"""Series remembered, about 100 bytes each; beyond it the one that came least lately is forgotten."""


class Remembered(msgspec.Struct, frozen=True):
    """A history as a snapshot keeps it: series by their digest, least lately first, with their quarters."""

    incidents: int = 0
    series: tuple[tuple[int, int], ...] = ()


def series_of(node: str, name: str, severity: str) -> int:
    """One series of alerts: pods come and go with their labels, so it is where, what and how bad."""
    digest = blake2b(f"{node}\0{name}\0{severity}".encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big") >> 1


class History:
    """How many incidents there were, and in how many each series came."""

    def __init__(self, remembered: Remembered | None = None) -> None:
        self.incidents = remembered.incidents if remembered is not None else 0
        self._quarters = dict(remembered.series) if remembered is not None else {}

    def learn(self, symptoms: Iterable[int], causes: Iterable[int]) -> None:
        """An incident is over: `causes` are the series of the node that was named, `symptoms` all others."""
        self.incidents += 1
        causes, symptoms = dict.fromkeys(causes), dict.fromkeys(symptoms)
        for series in causes:
            self._add(series, 1 if symptoms else QUARTERS)
        for series in symptoms:
            if series not in causes:
                self._add(series, QUARTERS)
        while len(self._quarters) > MAX_SERIES:
            del self._quarters[next(iter(self._quarters))]

    def rarity(self, series: int) -> int:
        """From 0 (comes with every incident) to one million (never seen, or nothing is known yet)."""
        if not self.incidents:
            return ONE
        whole = ln(QUARTERS * (self.incidents + 2))
        seen = ln(QUARTERS + self._quarters.get(series, 0))
        rare = min((whole - seen) * ONE // (whole - ln(QUARTERS)), ONE)
        return ONE - (ONE - max(rare, 0)) * self.incidents // (self.incidents + YOUNG)

    def count(self, series: int) -> int:
        """In how many incidents it came, about, that another node was named for."""
        return self._quarters.get(series, 0) // QUARTERS

    def remembered(self) -> Remembered:
        """All of it, for a snapshot."""
        return Remembered(self.incidents, tuple(self._quarters.items()))

    def _add(self, series: int, quarters: int) -> None:
        self._quarters[series] = self._quarters.pop(series, 0) + quarters
