"""What to do about an incident: which rule matches, what it would do, whether that may be done. Pure.

Driven by the fold: it is shown the incidents that changed, the answers to what it asked, the progress of what was started;
it says which remediations begin. What it does not know it asks for, and whoever answers puts the answer into the journal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Literal, Protocol

import msgspec

from healer.changes.model import Touched
from healer.convergence.outcome import AtWork, Happening, Incident, Stage
from healer.journey.ports import Planned, Superseded
from healer.journey.records import Answered, Progressed
from healer.notification.story import Deed
from healer.remediation.approval import WHOLE, asking, first_deadline
from healer.remediation.autonomy import Autonomy, Demotion, Record, Trust, is_destructive
from healer.remediation.facts import answer_of, facts_of
from healer.remediation.matching import matches
from healer.remediation.model import BEFORE_INTENT, UNDER_WAY, Plan, State
from healer.remediation.planning import Ground, draft, render
from healer.remediation.repetition import Repetition, Run, remember_run, repeats
from healer.remediation.settings import Guards
from healer.remediation.summary import Summary, standing
from healer.times import MINUTE, SECOND, Micros
from healer.topology.map import Map
from rules import (
    Answer,
    Facts,
    PlannedNotice,
    PlannedStep,
    Query,
    Rule,
    RuleSet,
    evaluate,
    needs_of,
    remember,
    render_steps,
)
from rules import Planned as RenderedStep

ASK_FOR: Micros = 30 * MINUTE
"""A rule that holds queries is asked about for so long once it needs to know, every `ASK_EVERY`."""
ASK_EVERY: Micros = 30 * SECOND
_STAGES: dict[str, Stage] = {
    "executing": "execute",
    "failed": "execute",
    "undoing": "execute",
    "undone": "execute",
    "verifying": "verify",
    "succeeded": "verify",
    "not_verified": "verify",
}
ONCE = Repetition()
MAX_SAID = 5
"""Messages of rules that a channel is told of one incident: the newest."""
_FAILED = frozenset({"failed", "undone", "not_verified", "handed_over"})


class Charter(Protocol):
    """What decides about remedies."""

    @property
    def ruleset(self) -> RuleSet: ...

    @property
    def health(self) -> dict[str, str]: ...

    @property
    def calendars(self) -> dict[str, tuple[tuple[Micros, Micros], ...]]: ...

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


class Decided(msgspec.Struct, frozen=True):
    """What the planner decided at one instant."""

    planned: list[Planned] = []
    superseded: list[Superseded] = []
    timeline: list[Happening] = []
    retold: list[str] = []
    """Incidents of which there is something new to tell, although nothing was planned for them."""


class Planner:
    """Rules over incidents."""

    def __init__(
        self,
        charter: Charter,
        topology: Map,
        courses: dict[str, Course] | None = None,
        at_work: Callable[[str], AtWork | None] = lambda _: None,
        *,
        runs: list[Run] | None = None,
        trust: Trust | None = None,
        earlier: Mapping[str, RuleSet] | None = None,
        fires: Callable[[int], bool] | None = None,
        changed: Callable[[Incident], Touched | None] | None = None,
    ) -> None:
        """`fires` says whether an alert fires on a node, by its number, `changed` what was deployed near an incident's root
        last; without them nobody knows.
        """
        self.courses: dict[str, Course] = courses or {}
        self.runs: list[Run] = runs or []
        self.record = Record(trust)
        self._rulesets: dict[str, RuleSet] = dict(earlier or {})
        self._demotions: list[Demotion] = []
        self._fires = fires
        self._changed = changed
        self._at_work = at_work
        self._due: set[str] = set()
        self.adopt(charter, topology)

    def adopt(self, charter: Charter, topology: Map) -> None:
        """Go on under other rules, settings or topology. Incidents under way keep the rules that they began with."""
        self._charter = charter
        self._topology = topology
        self._rulesets[charter.ruleset.version] = charter.ruleset
        self._forget_rules()

    def rules_in_use(self) -> set[str]:
        """The versions of the sets of rules by which something is decided."""
        return {self._charter.ruleset.version, *(course.rules for course in self.courses.values())}

    def rule(self, name: str, version: str) -> Rule | None:
        """A rule as it is now, or as an incident under way has it."""
        found = (ruleset.named(name) for ruleset in (self._charter.ruleset, *self._rulesets.values()))
        return next((rule for rule in found if rule is not None and rule.version == version), None)

    def _rules(self, course: Course) -> RuleSet:
        return self._rulesets.get(course.rules, self._charter.ruleset)

    def _forget_rules(self) -> None:
        if len(self._rulesets) > 1:
            used = self.rules_in_use()
            self._rulesets = {version: rules for version, rules in self._rulesets.items() if version in used}

    # --- in

    def answer(self, record: Answered, now: Micros) -> None:
        """What Prometheus said."""
        course = self.courses.get(record.incident)
        watch = course.watches.get(record.rule) if course is not None else None
        if watch is None:
            return
        for one in record.answers:
            watch.answers[one.query] = answer_of(one)
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
        when = "failed" if record.state in _FAILED else "helped" if record.state == "succeeded" else ""
        _say(course, [one for one in course.later.get(record.remediation, ()) if one.when == when])
        demoted = self.record.went(
            record.remediation, record.state, record.detail, self._charter.autonomy, now, doubted=record.doubted
        )
        if demoted is not None:
            self._demote(demoted, course, record.remediation)
        self.runs = remember_run(self.runs, record.remediation, record.state, now)
        if record.state not in UNDER_WAY:
            self._due.add(record.incident)
            self._due.update(id for id, other in self.courses.items() if any(w.waits for w in other.watches.values()))
        facts = {"remediation": record.remediation, "state": record.state, "detail": record.detail, "what": deed.what}
        return Happening(record.incident, now, _STAGES.get(record.state, "decide"), record.state, facts)

    def blame(self, incident: str, by: str, now: Micros) -> None:
        """Another node was the cause: rules that acted on this one treated the wrong thing."""
        for demoted in self.record.blamed(incident, by, self._charter.autonomy, now):
            self._demote(demoted, self.courses.get(incident), "")

    def _demote(self, demoted: Demotion, course: Course | None, remediation: str) -> None:
        """People read it beside what was done."""
        self._demotions.append(demoted)
        deed = course.deeds.get(remediation) if course is not None else None
        if course is not None and deed is not None:
            said = f"{deed.detail}. From now on this rule asks before it acts on a {' or '.join(demoted.kinds)}"
            course.deeds[remediation] = msgspec.structs.replace(deed, detail=said)

    def advance(self, now: Micros) -> None:
        """Conditions that could have turned by time alone are looked at again."""
        for id, course in self.courses.items():
            if any(watch.next_at is not None and watch.next_at <= now for watch in course.watches.values()):
                self._due.add(id)

    def look_again(self) -> None:
        """Somebody said when they work where: what waits for that is looked at again."""
        self._due.update(id for id, course in self.courses.items() if any(w.withheld for w in course.watches.values()))

    def look_at(self, incidents: Iterable[str]) -> None:
        """Something was deployed near these."""
        self._due.update(incidents)

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
        decided = Decided([], [], [], [])
        for one in self._demotions:
            told = {"rule": one.rule, "kinds": ", ".join(one.kinds), "why": one.why}
            decided.timeline.append(Happening(one.incident, now, "decide", "demoted", told))
        self._demotions = []
        for incident in changed:
            course = self.courses.get(incident.id)
            if course is None:
                if not self._charter.ruleset.listening(incident.root.name):
                    continue
                course = self.courses[incident.id] = Course(incident, self._charter.ruleset.version)
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
            if incident.status != "open":
                continue
            for name, watch in course.watches.items():
                unasked = any(query.key not in watch.answers for query in watch.needs)
                if (
                    watch.needs
                    and now <= watch.asks_since + ASK_FOR
                    and (unasked or now >= watch.answered_at + ASK_EVERY)
                ):
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

    def says(self, incident: str, channel: str) -> tuple[str, ...]:
        """What rules say there in their own words, beside the story."""
        course = self.courses.get(incident)
        return course.said.get(channel, ()) if course is not None else ()

    def wakes(self, incident: str, channel: str) -> bool:
        """Whether a rule wants a channel to be told urgently (`escalate: yes`)."""
        course = self.courses.get(incident)
        return course is not None and channel in course.urgent

    def let_go(self, incident: str) -> None:
        """The incident is over for good."""
        self.courses.pop(incident, None)
        self._forget_rules()

    # --- inside

    def _look(self, course: Course, now: Micros, decided: Decided) -> None:
        incident = course.incident
        if incident.status in ("resolved", "merged"):
            # Merged, it is another incident's affair; but what was left behind here is tidied up here.
            self._recover(course, now, decided)
        under_way = [id for id, deed in course.deeds.items() if deed.state in UNDER_WAY]
        if incident.status != "open" or not incident.told:
            for watch in course.watches.values():
                watch.next_at, watch.needs, watch.waits = None, (), False
            if incident.status == "merged" or not incident.told:
                why = f"merged into {incident.merged_into}" if incident.merged_into else "its root is silenced"
            else:
                why = "the incident is over"
            for id in under_way:
                if id in course.recoveries.values():
                    continue
                self._supersede(course, id, why, now, decided)
            return
        ready: list[tuple[Rule, Facts, tuple[str, ...]]] = []
        for rule in self._rules(course).listening(incident.root.name):
            again = _again_at(course, rule)
            if again is None:
                continue
            watch = course.watches.setdefault(rule.name, Watch())
            facts = self._facts(incident, watch, now)
            verdict = matches(rule, facts)
            watch.held_since = remember(watch.held_since, verdict, now)
            watch.next_at = min((at for at in (verdict.next_at, again) if at is not None and at > now), default=None)
            watch.needs = self._to_ask(rule, watch, verdict.needs, facts)
            watch.asks_since = (watch.asks_since or now) if watch.needs else 0
            watch.waits = False
            if verdict.value is not True or again > now:
                continue
            unfilled = needs_of(rule, facts)
            if unfilled and now <= (watch.asks_since or now) + ASK_FOR:
                watch.needs, watch.asks_since = unfilled, watch.asks_since or now
            else:
                ready.append((rule, facts, verdict.because))
        if not under_way:
            self._begin(course, ready, decided)

    def _begin(self, course: Course, ready: Sequence[tuple[Rule, Facts, tuple[str, ...]]], decided: Decided) -> None:
        """Start the first rule that does not have to wait for another remediation of its own."""
        for rule, facts, because in ready:
            repeat = repeats(rule, facts, self.runs)
            if repeat.wait:
                course.watches[rule.name].waits = True
                continue
            if why := _barred(rule, course.incident):
                self._bar(course, rule, why, facts.now, decided)
                continue
            if (work := self._work_under_way(rule, facts)) is not None:
                self._withhold(course, rule, work, facts.now, decided)
                return
            course.watches[rule.name] = Watch(answers=_texts(course.watches[rule.name]))
            self._start(course, rule, facts, (*because, *repeat.because), decided, repeat)
            return

    def _recover(self, course: Course, now: Micros, decided: Decided) -> None:
        """The incident is over: what rules that acted want done then, one after the other."""
        if any(deed.state in UNDER_WAY and deed.acted for deed in course.deeds.values()):
            return
        for name in dict.fromkeys(deed.rule for deed in course.deeds.values() if deed.acted):
            rule = self._rules(course).named(name)
            if rule is None or not rule.on_recovery or name in course.recoveries:
                continue
            facts = self._facts(course.incident, course.watches.get(name, Watch()), now)
            id = self._start(course, rule, facts, ("the incident is over",), decided, recovery=True)
            course.recoveries[name] = id
            return

    def _work_under_way(self, rule: Rule, facts: Facts) -> AtWork | None:
        """Maintenance on any node that this rule would touch: it need not be the one whose alert it answers."""
        nodes = [one.target.id for one in render_steps(rule, facts) if isinstance(one, PlannedStep)]
        return next((work for node in nodes if (work := self._at_work(node)) is not None), None)

    @staticmethod
    def _bar(course: Course, rule: Rule, why: str, now: Micros, decided: Decided) -> None:
        """Nothing is begun while the incident is marked so: the rule is asked again when the mark is gone."""
        watch = course.watches[rule.name]
        if watch.withheld != why:
            watch.withheld = why
            told = {"rule": rule.name, "why": why}
            decided.timeline.append(Happening(course.incident.id, now, "decide", "barred", told))

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
            fires=self._fires,
            calendars=self._charter.calendars,
            changed=self._changed,
        )

    def _start(
        self,
        course: Course,
        rule: Rule,
        facts: Facts,
        because: tuple[str, ...],
        decided: Decided,
        repeat: Repetition = ONCE,
        *,
        recovery: bool = False,
    ) -> str:
        """A rule matched: its plan, and whether it runs. Returns the remediation's id."""
        incident, now = course.incident, facts.now
        rendered = render(rule, facts, recovery=recovery)
        kinds = rendered.kinds
        unearned = "" if recovery else self._unearned(rule, kinds, now)
        drafted = draft(
            incident,
            rule,
            facts,
            Ground(self._charter.guards, self._rules(course).actions, self._topology),
            rendered,
            because=(*because, unearned) if unearned else because,
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
        course.deeds[id] = Deed(id, rule.name, what, state, detail, now)
        if state in UNDER_WAY and not recovery:
            self.record.begins(id, incident.id, rule, kinds)
        if state in UNDER_WAY and rule.repeat and not recovery:
            self.runs = [*self.runs, Run.of(id, rule, facts, state)]
        course.later[id] = (*_notices(rendered.otherwise, "failed"), *_notices(rendered.after, "helped"))
        # A repetition that is skipped is no news.
        if not repeat.skip:
            _say(course, _notices(rendered.then, "helped"))
        decided.planned.append(Planned(id, plan, state, deadline, detail))
        told = {"rule": rule.name, "state": state, "what": what, "because": "; ".join(because), "detail": detail}
        decided.timeline.append(Happening(incident.id, now, "decide", "matched", told))
        return id

    def _unearned(self, rule: Rule, kinds: Sequence[str], now: Micros) -> str:
        """Why a rule of mode auto asks all the same, or ""."""
        if rule.mode != "auto" or rule.approve or not is_destructive(rule):
            return ""
        return self.record.unearned(rule, kinds, self._charter.autonomy, now)

    def _sum_up(self, course: Course, rule: Rule, repeat: Repetition, id: str, facts: Facts, decided: Decided) -> str:
        """What is said of something that is held back: by the first all of it, by the others where that is told."""
        what = facts.node.id if facts.node is not None else course.incident.id
        for other in self.courses.values():
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
        if self._charter.cap and not (rule.diagnostic and self._charter.cap == "dry run"):
            return self._charter.cap
        return "mode: suggest" if rule.mode == "suggest" and not rule.diagnostic else ""


def _notices(planned: Iterable[RenderedStep], when: Literal["failed", "helped"]) -> tuple[Notice, ...]:
    found = (one for one in planned if isinstance(one, PlannedNotice))
    return tuple(Notice(when, one.to, one.message, one.escalate) for one in found)


def _say(course: Course, notices: Iterable[Notice]) -> None:
    """These are told from now on, each channel in its rule's own words."""
    for one in notices:
        if one.to not in course.also_tell:
            course.also_tell += (one.to,)
        if one.escalate:
            course.urgent += (one.to,)
        before = course.said.get(one.to, ())
        if one.message and one.message not in before:
            course.said[one.to] = (*before, one.message)[-MAX_SAID:]


def _texts(watch: Watch) -> dict[str, Answer]:
    """What an alert said in words stays true of it; what was measured is measured anew."""
    return {query: answer for query, answer in watch.answers.items() if answer.text is not None}


def _barred(rule: Rule, incident: Incident) -> str:
    """Why nothing is begun for an incident, whatever its rules say, or ""."""
    if incident.flapping:
        return "flapping: it comes and goes, and nothing is run until it is calm"
    if incident.storm and "storm" not in rule.allow:
        return "storm: many things broke at once, and this rule does not say `allow: storm`"
    return ""


def _first_state(rule: Rule, plan: Plan, now: Micros) -> tuple[State, str, Micros]:
    """Where a plan begins, what is said of that, and how long that may last."""
    if rule.mode == "observe":
        return "observed", plan.capped_by, now + WHOLE
    if plan.capped_by:
        return "suggested", plan.capped_by, now + WHOLE
    if plan.approve:
        return "awaiting_approval", asking(plan.approve[0], plan.hash), first_deadline(plan.approve, now)
    return "planned", "", now + WHOLE


def _again_at(course: Course, rule: Rule) -> Micros | None:
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
