"""Whose turn is it, where an agent has a place free? By priority, but nobody waits for ever. Pure."""

from collections.abc import Iterable

import msgspec

from healer.times import SECOND, Micros

AGING: Micros = 10 * SECOND
"""Waiting for so long counts as much as one step of priority."""


class Turn(msgspec.Struct, frozen=True):
    """One that waits, since when by a clock that never goes back; `number` grows with each that comes."""

    number: int
    priority: int
    since: Micros


def next_turn(waiting: Iterable[Turn], now: Micros) -> Turn | None:
    """The one with the highest priority, aged; the first that came among equals."""
    return min(waiting, key=lambda turn: (-_aged(turn, now), turn.number), default=None)


def _aged(turn: Turn, now: Micros) -> int:
    return turn.priority + max(0, now - turn.since) // AGING
