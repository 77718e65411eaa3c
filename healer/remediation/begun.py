"""What was begun for incidents, how far it got, and what that taught: plans, their states, the record that rules earn.

Driven by the planner, which says that a rule matched. Pure: what is to be stored and told is left in what was `Decided`.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Protocol

import msgspec

from healer.convergence.outcome import Happening, Stage
from healer.journey.ports import Planned, Superseded
from healer.journey.records import Progressed
from healer.remediation.approval import WHOLE, asking, first_deadline
from healer.remediation.autonomy import Autonomy, Demotion, Record, Trust, is_destructive
from healer.remediation.course import Course, notices, say
from healer.remediation.deed import Deed
from healer.remediation.model import BEFORE_INTENT, ONLY_SUGGESTED, UNDER_WAY, Plan, State
from healer.remediation.planning import Ground, Rendered, draft, render
from healer.remediation.repetition import Repetition, Run, remember_run
from healer.remediation.settings import Guards
from healer.remediation.summary import Summary, standing
from healer.times import Micros
from rules import Facts, PlannedStep, Rule

_STAGES: dict[str, Stage] = {
    "executing": "execute",
    "failed": "execute",
    "undoing": "execute",
    "undone": "execute",
    "verifying": "verify",
    "succeeded": "verify",
    "not_verified": "verify",
}
_FAILED = frozenset({"failed", "undone", "not_verified", "handed_over"})
ONCE = Repetition()


class Terms(Protocol):
    """On which terms a rule may act."""

    @property
    def autonomy(self) -> Autonomy:
        """What a rule of mode auto has to show before it acts alone."""
        ...

    @property
    def guards(self) -> Guards: ...

    @property
    def cap(self) -> str:
        """Why nothing may be run ("dry run", "place: shadow"), or ""."""
        ...


class Decided(msgspec.Struct, frozen=True):
    """What was decided at one instant."""

    planned: list[Planned] = []
    superseded: list[Superseded] = []
    timeline: list[Happening] = []
    retold: list[str] = []
    """Incidents of which there is something new to tell, although nothing was planned for them."""


class Match(msgspec.Struct, frozen=True):
    """A rule, and why it holds of these facts. With `recovery` the incident is over, and what it wants done then is meant."""

    rule: Rule
    facts: Facts
    because: tuple[str, ...]
    recovery: bool = False


class Begun:
    """The remediations of all incidents that are followed."""

    def __init__(self, terms: Terms, courses: Mapping[str, Course], runs: list[Run], trust: Trust | None) -> None:
        self.record = Record(trust)
        self.runs = runs
        self._courses = courses
        self._demotions: list[Demotion] = []
        self.adopt(terms)

    def adopt(self, terms: Terms) -> None:
        """Go on, on other terms."""
        self._terms = terms

    def start(self, course: Course, match: Match, ground: Ground, decided: Decided, repeat: Repetition = ONCE) -> str:
        """A rule matched: its plan, and whether it runs. Returns the remediation's id."""
        incident, rule, facts, now = course.incident, match.rule, match.facts, match.facts.now
        rendered = render(rule, facts, recovery=match.recovery)
        unearned = "" if match.recovery else self._unearned(rule, rendered.kinds, now)
        drafted = draft(
            incident,
            rule,
            facts,
            ground,
            rendered,
            because=(*match.because, unearned) if unearned else match.because,
            capped_by=self._capped(rule),
            ask=repeat.ask or bool(unearned),
        )
        plan = drafted.plan
        id = blake2b(f"{plan.hash}\0{len(course.deeds)}".encode(), digest_size=6, person=b"remediation").hexdigest()
        state, detail, deadline = _first_state(rule, plan, now)
        if unearned and state == "awaiting_approval":
            detail = f"{detail}. {unearned}"
        if drafted.refusals or repeat.skip:
            state, detail = "refused", (*drafted.refusals, repeat.skip)[0]
        if state == "refused" and repeat.together:
            detail = self._sum_up(course, rule, repeat, id, facts, decided)
        what = ", ".join(one.sentence for one in rendered.then if isinstance(one, PlannedStep)) or "tell people"
        course.deeds[id] = Deed(id, rule.name, what, state, detail, now, runbook=rule.runbook or "")
        if state in UNDER_WAY and not match.recovery:
            self._remember(id, course, match, rendered, state)
        course.later[id] = (*notices(rendered.otherwise, "failed"), *notices(rendered.after, "helped"))
        # A repetition that is skipped is no news.
        if not repeat.skip:
            say(course, notices(rendered.then, "helped"))
        decided.planned.append(Planned(id, plan, state, deadline, detail))
        told = {"rule": rule.name, "state": state, "what": what, "because": "; ".join(match.because), "detail": detail}
        decided.timeline.append(Happening(incident.id, now, "decide", "matched", told))
        return id

    def progress(self, record: Progressed, now: Micros) -> Happening | None:
        """How far a remediation got; None when that is no news."""
        course = self._courses.get(record.incident)
        deed = course.deeds.get(record.remediation) if course is not None else None
        if course is None or deed is None:
            return None
        if record.state == "verifying" and (deed.state, deed.detail) == (record.state, record.detail):
            # Verification notes for itself since when it holds: no news, and what ran did not run again.
            return None
        course.deeds[record.remediation] = msgspec.structs.replace(
            deed,
            state=record.state,
            detail=record.detail,
            at=now,
            acted=deed.acted or record.state == "executing",
        )
        when = "failed" if record.state in _FAILED else "helped" if record.state == "succeeded" else ""
        say(course, [one for one in course.later.get(record.remediation, ()) if one.when == when])
        demoted = self.record.went(
            record.remediation, record.state, record.detail, self._terms.autonomy, now, doubted=record.doubted
        )
        if demoted is not None:
            self._demote(demoted, course, record.remediation)
        self.runs = remember_run(self.runs, record.remediation, record.state, now)
        facts = {"remediation": record.remediation, "state": record.state, "detail": record.detail, "what": deed.what}
        return Happening(record.incident, now, _STAGES.get(record.state, "decide"), record.state, facts)

    def supersede(self, course: Course, id: str, why: str, now: Micros, decided: Decided) -> None:
        """What was planned for an incident that is over is not begun; what is under way finishes, and says so itself."""
        deed = course.deeds[id]
        if deed.state in BEFORE_INTENT and not deed.acted:
            course.deeds[id] = msgspec.structs.replace(deed, state="superseded", detail=why, at=now)
            decided.superseded.append(Superseded(id, why))

    def blame(self, incident: str, by: str, now: Micros) -> None:
        """Another node was the cause: rules that acted on this one treated the wrong thing."""
        for demoted in self.record.blamed(incident, by, self._terms.autonomy, now):
            self._demote(demoted, self._courses.get(incident), "")

    def tell_demotions(self, decided: Decided, now: Micros) -> None:
        """Rules that ask from now on, for the timelines."""
        for one in self._demotions:
            told = {"rule": one.rule, "kinds": ", ".join(one.kinds), "why": one.why}
            decided.timeline.append(Happening(one.incident, now, "decide", "demoted", told))
        self._demotions = []

    def _demote(self, demoted: Demotion, course: Course | None, remediation: str) -> None:
        """People read it beside what was done."""
        self._demotions.append(demoted)
        deed = course.deeds.get(remediation) if course is not None else None
        if course is not None and deed is not None:
            said = f"{deed.detail}. From now on this rule asks before it acts on a {' or '.join(demoted.kinds)}"
            course.deeds[remediation] = msgspec.structs.replace(deed, detail=said)

    def _remember(self, id: str, course: Course, match: Match, rendered: Rendered, state: State) -> None:
        """For what the rule earns by it, and for its `repeat:`."""
        self.record.begins(id, course.incident.id, match.rule, rendered.kinds)
        if match.rule.repeat:
            self.runs = [*self.runs, Run.of(id, match.rule, match.facts, state)]

    def _unearned(self, rule: Rule, kinds: Sequence[str], now: Micros) -> str:
        """Why a rule of mode auto asks all the same, or ""."""
        if rule.mode != "auto" or rule.approve or not is_destructive(rule):
            return ""
        return self.record.unearned(rule, kinds, self._terms.autonomy, now)

    def _sum_up(self, course: Course, rule: Rule, repeat: Repetition, id: str, facts: Facts, decided: Decided) -> str:
        """What is said of something that is held back: by the first all of it, by the others where that is told."""
        what = facts.node.id if facts.node is not None else course.incident.id
        for other in self._courses.values():
            found = standing(other.summaries, rule.name, repeat.together, facts.now - repeat.window)
            if found is None:
                continue
            after = found.add(what)
            other.summaries = tuple(after if one is found else one for one in other.summaries)
            deed = other.deeds[found.carrier]
            other.deeds[found.carrier] = msgspec.structs.replace(deed, detail=after.sentence)
            decided.retold.append(other.incident.id)
            return f"told with incident {other.incident.id}"
        first = Summary(rule.name, repeat.together, id, facts.now, repeat.skip, (what,))
        course.summaries += (first,)
        return first.sentence

    def _capped(self, rule: Rule) -> str:
        """Why a matching rule is not run, or ""."""
        if self._terms.cap and not (rule.diagnostic and self._terms.cap == "dry run"):
            return self._terms.cap
        return ONLY_SUGGESTED if rule.mode == "suggest" and not rule.diagnostic else ""


def _first_state(rule: Rule, plan: Plan, now: Micros) -> tuple[State, str, Micros]:
    """Where a plan begins, what is said of that, and how long that may last."""
    if rule.mode == "observe":
        return "observed", plan.capped_by, now + WHOLE
    if plan.capped_by:
        return "suggested", plan.capped_by, now + WHOLE
    if plan.approve:
        return "awaiting_approval", asking(plan.approve[0], plan.hash), first_deadline(plan.approve, now)
    return "planned", "", now + WHOLE
