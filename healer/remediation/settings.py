"""How far may healing go here, whatever a rule says? The part `guards` of the configuration; each guard reads its line.

Durations are microseconds. A rule's own `limit:` may be stricter, never wider.
"""

from typing import Annotated

import msgspec

from healer.documents.fields import Duration, PathText
from healer.times import DAY, HOUR, MINUTE, SECOND, Micros, format_duration

Count = Annotated[int, msgspec.Meta(ge=0)]
LONGEST: Micros = 366 * DAY
"""No limit counts what is older; the store forgets it. As `rules.bounds.MAX_WINDOW`, for the limits of rules."""
Ratio = Annotated[float, msgspec.Meta(ge=0, le=1)]


def _refuse_too_long(within: Micros) -> None:
    if within > LONGEST:
        raise ValueError(f"expected at most {format_duration(LONGEST)}", "within")


class Rate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most so many within a time that slides."""

    count: Count
    """At most so many."""
    within: Duration
    """In any span of this length."""

    def __post_init__(self) -> None:
        _refuse_too_long(self.within)


class PerTarget(Rate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Remediations on one node."""

    count: Count = 1
    """On one node at most so many, whichever rules ask for them."""
    within: Duration = 10 * MINUTE
    """In any span of this length."""


class PerRule(Rate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Remediations by one rule."""

    count: Count = 20
    """By one rule at most so many."""
    within: Duration = HOUR
    """In any span of this length."""


class PerAction(Rate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Remediations with one kind of action."""

    count: Count = 30
    """With one kind of action at most so many."""
    within: Duration = HOUR
    """In any span of this length."""


class PerService(Rate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Remediations of what one service stands on."""

    count: Count = 10
    """On what one service stands on at most so many."""
    within: Duration = HOUR
    """In any span of this length."""


class Ineffective(Rate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs that did not help."""

    count: Count = 2
    """So many runs of a rule on a node that did not help suspend it there, until somebody resumes it."""
    within: Duration = DAY
    """Those that ended within this time count."""


class Rates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many remediations may act, all rules counted together; one that only looks is not counted."""

    target: PerTarget = PerTarget()
    """On one node."""
    rule: PerRule = PerRule()
    """By one rule."""
    action: PerAction = PerAction()
    """With one kind of action."""
    service: PerService = PerService()
    """On what one service stands on."""


class Ramp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule begins with one remediation at a time; when that helped two, then four."""

    first: Annotated[int, msgspec.Meta(ge=1)] = 1
    """So many together at first."""
    failures: Annotated[int, msgspec.Meta(ge=1)] = 3
    """So many that did not help stop the rule."""
    within: Duration = HOUR
    """What is older does not count: then a rule begins with one again."""

    def __post_init__(self) -> None:
        _refuse_too_long(self.within)


class Guards(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must hold before anything is done to a machine."""

    rates: Rates = Rates()
    """How often."""
    at_once: Annotated[int, msgspec.Meta(ge=1)] = 10
    """Remediations under way together."""
    siblings: Ratio = 0.2
    """Of a node's siblings, those down or under repair together; one may always be repaired where all others are well."""
    healthy: Ratio = 0.51
    """Of the nodes of a target's kind, at least so many are well: else it is monitoring that fails, or the network."""
    ineffective: Ineffective = Ineffective()
    """When a rule is suspended on a node."""
    ramp: Ramp = Ramp()
    """How a rule goes from one remediation at a time to many."""
    dwell: Duration = 5 * MINUTE
    """How long something must have lasted, from its onset, before anything destructive is done about it."""
    stale: Duration = DAY
    """What fires for longer is somebody's decision by now, not news."""
    confidence: Ratio = 0.7
    """How sure a root that was not found directly must be, by what proved right here, before anything runs unasked."""
    freeze: tuple[str, ...] = ()
    """Names from `calendars`: while one of them has an entry nothing is changed."""
    diagnostics: bool = True
    """Collect diagnostics from a node before anything destructive is done to it."""
    own_nodes: tuple[str, ...] = ()
    """Nodes that healer needs to live, such as its database; the machine that it runs on is known without."""
    pause_file: PathText = ""
    """While this file exists nothing is begun; one that cannot be looked for counts as there."""

    def __post_init__(self) -> None:
        if self.stale < SECOND:
            raise ValueError("expected at least 1s", "stale")
