"""What to do about an incident: which rule matches, what it would do, whether that may be done. Pure.

Driven by the fold: it is shown the incidents that changed, the answers to what it asked, the progress of what was started;
it says which remediations begin. What it does not know it asks for, and whoever answers puts the answer into the journal.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Protocol

import msgspec

from healer.convergence.outcome import AtWork, Happening, Incident, Stage
from healer.journey.ports import Planned, Superseded
from healer.journey.records import Answered, Progressed
from healer.notification.story import Deed
from healer.remediation.facts import facts_of
from healer.remediation.model import BEFORE_INTENT, UNDER_WAY, Limit, Plan, PlanStep, State
from healer.times import HOUR, MINUTE, SECOND, Micros
from healer.topology.map import Map
from rules import (
    Answer,
    Facts,
    LimitKey,
    PlannedNotice,
    PlannedStep,
    Query,
    Refusal,
    Rule,
    RuleSet,
    evaluate,
    limit_keys,
    remember,
    render_steps,
)

ASK_FOR: Micros = 30 * MINUTE
"""A rule that holds queries is asked about this long after its incident opened, every `ASK_EVERY`."""
ASK_EVERY: Micros = 30 * SECOND
PATIENCE: Micros = HOUR
"""A remediation that nobody began to run by then goes to a person."""

_STAGES: dict[str, Stage] = {
    "executing": "execute",
    "failed": "execute",
    "verifying": "verify",
    "succeeded": "verify",
    "not_verified": "verify",
}
_FAILED = frozenset({"failed", "not_verified", "handed_over"})


class Charter(Protocol):
    """What decides about remedies."""

    @property
    def ruleset(self) -> RuleSet: ...

    @property
    def health(self) -> dict[str, str]: ...

    @property
    def cap(self) -> str:
        """Why nothing may be run ("dry run", "place: shadow"), or ""."""
        ...


class Question(msgspec.Struct, frozen=True):
    """Queries that a rule needs answered for an incident; `labels` choose the Prometheus to ask."""

    incident: str
    rule: str
    labels: bytes
    queries: tuple[Query, ...]
    asked_at: Micros


class Watch(msgspec.Struct):
    """What one rule knows about one incident so far."""

    next_at: Micros | None = None
    answers: dict[str, Answer] = {}
    answered_at: Micros = 0
    held_since: dict[str, Micros] = {}
    needs: tuple[Query, ...] = ()
    withheld: str = ""
    """The maintenance for which this rule waits."""


class Course(msgspec.Struct):
    """One incident as the planner follows it: its rules, its remediations, and whom rules want told beside the routes."""

    incident: Incident
    watches: dict[str, Watch] = {}
    deeds: dict[str, Deed] = {}
    notices: dict[str, tuple[str, ...]] = {}
    also_tell: tuple[str, ...] = ()


class Decided(msgspec.Struct, frozen=True):
    """What the planner decided at one instant."""

    planned: list[Planned] = []
    superseded: list[Superseded] = []
    timeline: list[Happening] = []


class Planner:
    """Rules over incidents."""

    def __init__(
        self,
        charter: Charter,
        topology: Map,
        courses: dict[str, Course] | None = None,
        at_work: Callable[[str], AtWork | None] = lambda _: None,
    ) -> None:
        self.courses: dict[str, Course] = courses or {}
        self._at_work = at_work
        self._due: set[str] = set()
        self.adopt(charter, topology)

    def adopt(self, charter: Charter, topology: Map) -> None:
        """Go on under other rules, settings or topology."""
        self._charter = charter
        self._topology = topology

    # --- in

    def answer(self, record: Answered, now: Micros) -> None:
        """What Prometheus said."""
        course = self.courses.get(record.incident)
        watch = course.watches.get(record.rule) if course is not None else None
        if watch is None:
            return
        for one in record.answers:
            watch.answers[one.query] = Answer(one.value, one.sampled_at or None, one.why or None)
        watch.answered_at = now
        self._due.add(record.incident)

    def progress(self, record: Progressed, now: Micros) -> Happening | None:
        """How far a remediation got."""
        course = self.courses.get(record.incident)
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
        if record.state in _FAILED:
            course.also_tell += tuple(
                one for one in course.notices.get(record.remediation, ()) if one not in course.also_tell
            )
        if record.state not in UNDER_WAY:
            self._due.add(record.incident)
        facts = {"remediation": record.remediation, "state": record.state, "detail": record.detail, "what": deed.what}
        return Happening(record.incident, now, _STAGES.get(record.state, "decide"), record.state, facts)

    def advance(self, now: Micros) -> None:
        """Conditions that could have turned by time alone are looked at again."""
        for id, course in self.courses.items():
            if any(watch.next_at is not None and watch.next_at <= now for watch in course.watches.values()):
                self._due.add(id)

    def look_again(self) -> None:
        """Somebody said when they work where: what waits for that is looked at again."""
        self._due.update(id for id, course in self.courses.items() if any(w.withheld for w in course.watches.values()))

    def next_due(self) -> Micros | None:
        """When a condition could turn next."""
        return min(
            (
                watch.next_at
                for course in self.courses.values()
                for watch in course.watches.values()
                if watch.next_at is not None
            ),
            default=None,
        )

    # --- out

    def consider(self, changed: Sequence[Incident], now: Micros) -> Decided:
        """Look at the incidents that changed, and at those whose answers or times have come."""
        decided = Decided([], [], [])
        for incident in changed:
            course = self.courses.get(incident.id)
            if course is None:
                if not self._charter.ruleset.listening(incident.root.name):
                    continue
                course = self.courses[incident.id] = Course(incident)
            course.incident = incident
            self._due.add(incident.id)
        due, self._due = self._due, set()
        for id in sorted(due):
            course = self.courses.get(id)
            if course is not None:
                self._look(course, now, decided)
        return decided

    def questions(self, now: Micros) -> list[Question]:
        """What is to be asked now."""
        found = []
        for id, course in self.courses.items():
            incident = course.incident
            if incident.status != "open" or now > incident.opened_at + ASK_FOR:
                continue
            for name, watch in course.watches.items():
                if watch.needs and now >= watch.answered_at + ASK_EVERY:
                    found.append(Question(id, name, incident.root.labels, watch.needs, now))
        return found

    def deeds(self, incident: str) -> tuple[Deed, ...]:
        """What was done about an incident, oldest first."""
        course = self.courses.get(incident)
        return tuple(course.deeds.values()) if course is not None else ()

    def busy(self, incident: str) -> bool:
        """Whether something that was started for it has not come to its end yet."""
        return any(deed.state in UNDER_WAY for deed in self.deeds(incident))

    def also_tell(self, incident: str) -> tuple[str, ...]:
        """Channels that a rule named beside the routes."""
        course = self.courses.get(incident)
        return course.also_tell if course is not None else ()

    def let_go(self, incident: str) -> None:
        """The incident is over for good."""
        self.courses.pop(incident, None)

    # --- inside

    def _look(self, course: Course, now: Micros, decided: Decided) -> None:
        incident = course.incident
        under_way = [id for id, deed in course.deeds.items() if deed.state in UNDER_WAY]
        if incident.status != "open" or not incident.told:
            for watch in course.watches.values():
                watch.next_at, watch.needs = None, ()
            if incident.status == "merged" or not incident.told:
                why = f"merged into {incident.merged_into}" if incident.merged_into else "its root is silenced"
            else:
                why = "the incident is over"
            for id in under_way:
                self._supersede(course, id, why, now, decided)
            return
        ready: list[tuple[Rule, Facts, tuple[str, ...]]] = []
        for rule in self._charter.ruleset.listening(incident.root.name):
            if _had_its_turn(course, rule):
                continue
            watch = course.watches.setdefault(rule.name, Watch())
            facts = self._facts(incident, watch, now)
            verdict = evaluate(rule.when, facts)
            watch.held_since = remember(watch.held_since, verdict, now)
            watch.next_at = verdict.next_at if verdict.next_at is not None and verdict.next_at > now else None
            watch.needs = self._to_ask(rule, watch, verdict.needs, facts)
            if verdict.value is True:
                ready.append((rule, facts, verdict.because))
        if ready and not under_way:
            rule, facts, because = ready[0]
            if (work := self._work_under_way(rule, facts)) is not None:
                self._withhold(course, rule, work, now, decided)
                return
            course.watches[rule.name] = Watch()
            self._start(course, rule, facts, because, decided)

    def _work_under_way(self, rule: Rule, facts: Facts) -> AtWork | None:
        """Maintenance on any node that this rule would touch: it need not be the one whose alert it answers."""
        nodes = [one.target.id for one in render_steps(rule, facts) if isinstance(one, PlannedStep)]
        return next((work for node in nodes if (work := self._at_work(node)) is not None), None)

    @staticmethod
    def _withhold(course: Course, rule: Rule, work: AtWork, now: Micros, decided: Decided) -> None:
        """Nothing is begun where somebody works: the rule is asked again when they are done."""
        watch = course.watches[rule.name]
        watch.next_at = work.until
        if watch.withheld != work.id:
            watch.withheld = work.id
            told = {"rule": rule.name, "why": str(work), "maintenance": work.id}
            decided.timeline.append(Happening(course.incident.id, now, "decide", "withheld", told))

    @staticmethod
    def _supersede(course: Course, id: str, why: str, now: Micros, decided: Decided) -> None:
        """What was planned for an incident that is over is not begun; what is under way finishes, and says so itself."""
        deed = course.deeds[id]
        if deed.state in BEFORE_INTENT and not deed.acted:
            course.deeds[id] = msgspec.structs.replace(deed, state="superseded", detail=why, at=now)
            decided.superseded.append(Superseded(id, why))

    def _to_ask(self, rule: Rule, watch: Watch, needs: tuple[Query, ...], facts: Facts) -> tuple[Query, ...]:
        """The queries of a rule: those not asked yet, and, while it is not true, those asked before, for a fresh sample."""
        if needs or not rule.asks:
            return needs
        return evaluate(rule.when, msgspec.structs.replace(facts, answers={})).needs if watch.answers else ()

    def _facts(self, incident: Incident, watch: Watch, now: Micros) -> Facts:
        return facts_of(
            incident,
            self._topology,
            now,
            health=self._charter.health,
            answers=watch.answers,
            held_since=watch.held_since,
        )

    def _start(self, course: Course, rule: Rule, facts: Facts, because: tuple[str, ...], decided: Decided) -> None:
        """A rule matched: its plan, and whether it runs."""
        incident, now = course.incident, facts.now
        then = render_steps(rule, facts)
        otherwise = render_steps(rule, facts, clause="otherwise")
        refusals = [one for one in (*then, *otherwise) if isinstance(one, Refusal)]
        limits = [_limit(key, rule) for key in limit_keys(rule, facts)]
        plan = _hashed(
            Plan(
                hash="",
                incident=incident.id,
                trace_id=incident.trace_id,
                root=incident.root.labels,
                root_starts_at=incident.root.starts_at,
                rule=rule.name,
                rule_version=rule.version,
                mode=rule.mode,
                steps=_steps(then),
                otherwise=_steps(otherwise),
                limits=tuple(one for one in limits if one is not None),
                because=because,
                capped_by=self._capped(rule),
            )
        )
        state: State = "observed" if rule.mode == "observe" else "suggested" if plan.capped_by else "planned"
        detail = plan.capped_by
        if refusals:
            state, detail = "refused", f"{refusals[0].step}: {refusals[0].why}"
        elif None in limits:
            state, detail = "refused", "a limit counts by something that is unknown here"
        id = blake2b(f"{plan.hash}\0{len(course.deeds)}".encode(), digest_size=6, person=b"remediation").hexdigest()
        what = ", ".join(one.sentence for one in then if isinstance(one, PlannedStep)) or "tell people"
        course.deeds[id] = Deed(id, rule.name, what, state, detail, now)
        course.notices[id] = tuple(one.to for one in otherwise if isinstance(one, PlannedNotice))
        course.also_tell += tuple(
            one.to for one in then if isinstance(one, PlannedNotice) and one.to not in course.also_tell
        )
        decided.planned.append(Planned(id, plan, state, now + PATIENCE, detail))
        told = {"rule": rule.name, "state": state, "what": what, "because": "; ".join(because), "detail": detail}
        decided.timeline.append(Happening(incident.id, now, "decide", "matched", told))

    def _capped(self, rule: Rule) -> str:
        """Why a matching rule is not run, or ""."""
        if self._charter.cap and not (rule.diagnostic and self._charter.cap == "dry run"):
            return self._charter.cap
        if rule.mode == "suggest" and not rule.diagnostic:
            return "mode: suggest"
        return "mode: approve, and nobody can approve yet" if rule.mode == "approve" else ""


def _had_its_turn(course: Course, rule: Rule) -> bool:
    """A rule starts one remediation for an incident; one that was superseded before it began does not count."""
    return any(deed.rule == rule.name and (deed.acted or deed.state != "superseded") for deed in course.deeds.values())


def _steps(planned: Sequence[object]) -> tuple[PlanStep, ...]:
    return tuple(
        PlanStep(
            action=one.action.name,
            executor=one.executor,
            node=one.target.id,
            argv=one.argv,
            timeout=one.timeout,
            retry=one.retry,
            idempotent=one.action.idempotent,
            destructive=one.action.destructive,
            diagnostic=one.action.diagnostic,
        )
        for one in planned
        if isinstance(one, PlannedStep)
    )


def _limit(key: LimitKey, rule: Rule) -> Limit | None:
    """What is counted: this rule's remediations, by the limit's own key."""
    if key.key is None or key.limit.form == "share":
        return None
    return Limit(key.limit.count, key.limit.window, f"{rule.name} per {key.limit.per} {key.key}", key.limit.form)


def _hashed(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, hash=blake2b(msgspec.msgpack.encode(plan), digest_size=16).hexdigest())
