"""What would have been done: each remediation that a fold planned, whether it may hurt, and what would have stopped it. Pure.

Gathered by `healer.rehearsal.what_if` of two pasts, and compared: that is what a change of rules is judged by.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from typing import Literal

import msgspec

from healer.journey.ports import Planned
from healer.remediation.model import UNDER_WAY
from healer.times import Micros

NOT_STARTED = frozenset({"refused", "rejected", "expired", "superseded", "cancelled"})
"""Where a remediation ends that never did anything."""


class Would(msgspec.Struct, frozen=True):
    """One remediation as it was planned, and where it got to. `guard` would not have let it begin, in words.

    `acts`: it runs, or asks to, or would if the service were no dry run.
    """

    remediation: str
    rule: str
    mode: str
    incident: str
    what: tuple[str, ...]
    nodes: tuple[str, ...]
    state: str
    at: Micros
    root: bytes
    root_starts_at: Micros
    acts: bool
    destructive: bool
    guard: str = ""

    @property
    def key(self) -> tuple[str, bytes, Micros]:
        """Which rule, for which episode of which alert."""
        return self.rule, self.root, self.root_starts_at


class Remedies(msgspec.Struct, frozen=True):
    """Every remediation that was planned in a past, in the order of time."""

    would: tuple[Would, ...] = ()

    def __iter__(self) -> Iterator[Would]:
        return iter(self.would)

    @property
    def acting(self) -> list[Would]:
        """Remediations that do something, or ask to, and that no guard stops."""
        return [one for one in self.would if one.acts and not one.guard and one.state not in NOT_STARTED]

    @property
    def destructive(self) -> int:
        """... that may hurt."""
        return sum(one.destructive for one in self.acting)

    @property
    def guards(self) -> dict[str, int]:
        """How many each guard would not have let begin."""
        return dict(sorted(Counter(one.guard for one in self.would if one.acts and one.guard).items()))


class Redone(msgspec.Struct, frozen=True):
    """One remediation that would have been otherwise: `new`, `gone`, or `other`."""

    what: Literal["new", "gone", "other"]
    before: Would | None
    after: Would | None


def kept_back(planned: Planned) -> bool:
    """Whether it would act, or ask to, if the whole service were no dry run."""
    capped = planned.plan.capped_by in ("dry run", "place: shadow")
    return planned.state == "suggested" and capped and planned.plan.mode in ("approve", "auto")


def would_of(planned: Planned, at: Micros, guard: str) -> Would:
    plan = planned.plan
    steps = [step for step in plan.steps if step.node]
    acts = planned.state in UNDER_WAY or kept_back(planned)
    return Would(
        remediation=planned.remediation,
        rule=plan.rule,
        mode=plan.mode,
        incident=plan.incident,
        what=tuple(step.action for step in steps),
        nodes=tuple(dict.fromkeys(step.node for step in steps)),
        state=planned.state,
        at=at,
        root=plan.root,
        root_starts_at=plan.root_starts_at,
        acts=acts,
        destructive=any(step.destructive for step in steps),
        # What nobody would run needs no guard.
        guard=guard if acts else "",
    )


def redone(before: Remedies, after: Remedies) -> list[Redone]:
    """The remediations that would have been otherwise, oldest first: by rule, and by the episode that they are for."""
    was, now = _by_key(before), _by_key(after)
    found: list[Redone] = []
    for key in was.keys() | now.keys():
        pairs = zip_longest(was.get(key, ()), now.get(key, ()))
        for one, other in pairs:
            if one is None or other is None:
                found.append(Redone("new" if one is None else "gone", one, other))
            elif (one.what, one.nodes, one.acts, one.guard) != (other.what, other.nodes, other.acts, other.guard):
                found.append(Redone("other", one, other))
    return sorted(found, key=_planned_at)


def _by_key(remedies: Remedies) -> dict[tuple[str, bytes, Micros], list[Would]]:
    found: dict[tuple[str, bytes, Micros], list[Would]] = {}
    for one in remedies:
        found.setdefault(one.key, []).append(one)
    return found


def _planned_at(one: Redone) -> tuple[int, str, str]:
    would = one.after or one.before
    assert would is not None, "a difference has one side at least"
    return would.at, would.rule, would.remediation
