"""What counted guards decide by: what the store has at the instant in which the intent is written. Pure values.

Read by `healer.store.transactions.counting` inside T3, so that the limits hold in every prefix of history; and by `healer plan`.
"""

from collections.abc import Mapping

import msgspec

from healer.remediation.guards.observed import Group
from healer.times import SECOND, Micros

ASK_AGAIN: Micros = 5 * SECOND
"""How soon to ask again where waiting helps, and nobody knows for how long."""
INEFFECTIVE: frozenset[str] = frozenset({"failed", "not_verified", "undone", "handed_over"})
"""Ends of a remediation that acted and did not help."""


def scope_of(rule: str, node: str) -> str:
    """The kill switch of one rule on one node: thrown by healer when the rule does not help there."""
    return f"rule:{rule} on {node}"


class Place(msgspec.Struct, frozen=True):
    """Where a target stands, observed right before T3.

    `scopes` are the kill switches that are about it. `above` are its ancestors. Without `siblings` it has none;
    `control_plane` is None where it is no part of one.
    """

    scopes: tuple[str, ...] = ("all",)
    above: tuple[str, ...] = ()
    siblings: Group | None = None
    control_plane: Group | None = None


class Run(msgspec.Struct, frozen=True):
    """Another remediation that reserved a key: when last, and what became of it.

    `acting`: an intent of it has no outcome. `going`: it is not at its end.
    """

    remediation: str
    at: Micros
    state: str
    acting: bool
    going: bool


class Thrown(msgspec.Struct, frozen=True):
    """A kill switch that is not plainly released."""

    scope: str
    by: str
    why: str


class Unsettled(msgspec.Struct, frozen=True):
    """An intent without an outcome: on which target, what that stands in, and to whom it belongs."""

    intent: str
    target: str
    above: tuple[str, ...]


class Counted(msgspec.Struct, frozen=True):
    """What the store has about one step. `runs` are other remediations by key, oldest first, as far back as any limit looks.

    `under_repair` are the targets of others that are under way. `unapproved` is why a plan that asks may not begin.
    `suspended` is the rule's suspension on this target, `resumed_at` when one was lifted last.
    """

    now: Micros
    place: Place
    unapproved: str = ""
    thrown: tuple[Thrown, ...] = ()
    unsettled: tuple[Unsettled, ...] = ()
    runs: Mapping[str, tuple[Run, ...]] = {}
    under_repair: frozenset[str] = frozenset()
    suspended: Thrown | None = None
    resumed_at: Micros = 0
