"""What is remembered of one incident while it lasts: what its rules know, what was begun, whom they want told.

Kept by the planner, and in the journey's snapshots.
"""

from collections.abc import Container, Iterable
from typing import Literal

import msgspec

from healer.convergence.outcome import Incident
from healer.remediation.deed import Deed
from healer.remediation.model import UNDER_WAY
from healer.remediation.summary import Summary
from healer.times import Micros
from rules import Answer, PlannedNotice, Query, Rule
from rules import Planned as RenderedStep

MAX_SAID = 5
"""Messages of rules that a channel is told of one incident: the newest."""


class Watch(msgspec.Struct):
    """What one rule knows about one incident so far."""

    next_at: Micros | None = None
    answers: dict[str, Answer] = {}
    answered_at: Micros = 0
    held_since: dict[str, Micros] = {}
    needs: tuple[Query, ...] = ()
    asks_since: Micros = 0
    """Since when there is something that it needs to know; 0 while there is not."""
    withheld: str = ""
    """The maintenance for which this rule waits."""
    waits: bool = False
    """It would start, but for another remediation that is under way."""


class Notice(msgspec.Struct, frozen=True):
    """Somebody to be told once a remediation has `failed` or `helped`: a channel, and what is said there beside the story."""

    when: Literal["failed", "helped"]
    to: str
    message: str = ""
    escalate: bool = False


class Course(msgspec.Struct):
    """One incident as the planner follows it: its rules, its remediations, and whom rules want told beside the routes.

    `rules` is the version of the set of rules that it began with, and keeps.
    """

    incident: Incident
    rules: str = ""
    watches: dict[str, Watch] = {}
    deeds: dict[str, Deed] = {}
    later: dict[str, tuple[Notice, ...]] = {}
    """By remediation, whom its rule wants told once it has failed, or helped."""
    also_tell: tuple[str, ...] = ()
    urgent: tuple[str, ...] = ()
    """Those of them that are woken up."""
    said: dict[str, tuple[str, ...]] = {}
    """By channel, what rules said there in their own words."""
    summaries: tuple[Summary, ...] = ()
    """What its remediations tell of others that were held back."""
    recoveries: dict[str, str] = {}
    """By rule, the remediation that is its `on recovery`."""

    def watch_only(self, rules: Container[str]) -> None:
        """All others wait for nothing any more: they had their turn, or do not listen to the root that it has by now."""
        for name, watch in self.watches.items():
            if name not in rules:
                watch.next_at, watch.needs, watch.waits = None, (), False


def notices(planned: Iterable[RenderedStep], when: Literal["failed", "helped"]) -> tuple[Notice, ...]:
    """Those of these steps that tell somebody."""
    found = (one for one in planned if isinstance(one, PlannedNotice))
    return tuple(Notice(when, one.to, one.message, one.escalate) for one in found)


def say(course: Course, notices: Iterable[Notice]) -> None:
    """These are told from now on, each channel in its rule's own words."""
    for one in notices:
        if one.to not in course.also_tell:
            course.also_tell += (one.to,)
        if one.escalate:
            course.urgent += (one.to,)
        before = course.said.get(one.to, ())
        if one.message and one.message not in before:
            course.said[one.to] = (*before, one.message)[-MAX_SAID:]


def again_at(course: Course, rule: Rule) -> Micros | None:
    """From when on a rule may start for this incident; None: it had its turn.

    It starts one remediation, and another one where `repeat: again after ...` says so, once the last has come to its end.
    One that was superseded before it began does not count.
    """
    mine = [deed for deed in course.deeds.values() if deed.rule == rule.name]
    mine = [deed for deed in mine if deed.acted or deed.state != "superseded"]
    if not mine:
        return 0
    pause = next((repeat.window for repeat in rule.repeat if repeat.form == "again"), None)
    if pause is None or any(deed.state in UNDER_WAY for deed in mine):
        return None
    return max(deed.at for deed in mine) + pause
