"""What to do about an incident: which rule matches, what it would do, whether that may be done. Pure.

Driven by the fold: it is shown the incidents that changed, the answers to what it asked, the progress of what was started;
it says which remediations begin. What it does not know it asks for, and whoever answers puts the answer into the journal.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from healer.changes.model import Touched
from healer.convergence.outcome import AtWork, Happening, Incident
from healer.journey.records import Answered, Progressed
from healer.remediation.alarms import Alarms
from healer.remediation.autonomy import Trust
from healer.remediation.begun import Begun, Decided, Match, Terms
from healer.remediation.course import Course, Watch, again_at
from healer.remediation.deed import Deed
from healer.remediation.facts import answer_of, facts_of
from healer.remediation.matching import matches
from healer.remediation.model import UNDER_WAY
from healer.remediation.planning import Ground
from healer.remediation.repetition import Run, repeats
from healer.times import MINUTE, SECOND, Micros
from healer.topology.map import Map
from rules import Answer, Facts, PlannedStep, Query, Rule, RuleSet, evaluate, needs_of, remember, render_steps

ASK_FOR: Micros = 30 * MINUTE
"""A rule that holds queries is asked about for so long once it needs to know, every `ASK_EVERY`."""
ASK_EVERY: Micros = 30 * SECOND


class Charter(Terms, Protocol):
    """What decides about remedies."""

    @property
    def ruleset(self) -> RuleSet: ...

    @property
    def health(self) -> dict[str, str]: ...

    @property
    def calendars(self) -> dict[str, tuple[tuple[Micros, Micros], ...]]: ...


class Question(msgspec.Struct, frozen=True):
    """Queries that a rule needs answered for an incident; `labels` choose the Prometheus to ask."""

    incident: str
    rule: str
    labels: bytes
    queries: tuple[Query, ...]
    asked_at: Micros


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
        self.begun = Begun(charter, self.courses, runs or [], trust)
        self._rulesets: dict[str, RuleSet] = dict(earlier or {})
        self._fires = fires
        self._changed = changed
        self._at_work = at_work
        self._due: set[str] = set()
        self._alarms = Alarms()
        self._waiting: set[str] = set()
        """Incidents with a rule that waits for another remediation's end."""
        for id, course in self.courses.items():
            self._looked(id, course)
        self.adopt(charter, topology)

    def adopt(self, charter: Charter, topology: Map) -> None:
        """Go on under other rules, settings or topology. Incidents under way keep the rules that they began with."""
        self._charter = charter
        self.begun.adopt(charter)
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
        happening = self.begun.progress(record, now)
        if happening is not None and record.state not in UNDER_WAY:
            self._due.add(record.incident)
            self._due |= self._waiting
        return happening

    def advance(self, now: Micros) -> None:
        """Conditions that could have turned by time alone are looked at again."""
        self._due.update(self._alarms.ring(now))

    def look_again(self) -> None:
        """Somebody said when they work where: what waits for that is looked at again."""
        self._due.update(id for id, course in self.courses.items() if any(w.withheld for w in course.watches.values()))

    def look_at(self, incidents: Iterable[str]) -> None:
        """Something was deployed near these."""
        self._due.update(incidents)

    def next_due(self) -> Micros | None:
        """When a condition could turn next."""
        return self._alarms.next_at()

    # --- out

    def consider(self, changed: Sequence[Incident], now: Micros) -> Decided:
        """Look at the incidents that changed, and at those whose answers or times have come."""
        decided = Decided([], [], [], [])
        self.begun.tell_demotions(decided, now)
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
                self._looked(id, course)
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
        self._alarms.set(incident, None)
        self._waiting.discard(incident)
        self._forget_rules()

    # --- inside

    def _looked(self, id: str, course: Course) -> None:
        """What its rules wait for, now that they were looked at."""
        watches = course.watches.values()
        self._alarms.set(id, min((one.next_at for one in watches if one.next_at is not None), default=None))
        if any(one.waits for one in watches):
            self._waiting.add(id)
        else:
            self._waiting.discard(id)

    def _look(self, course: Course, now: Micros, decided: Decided) -> None:
        incident = course.incident
        if incident.status in ("resolved", "merged"):
            # Merged, it is another incident's affair; but what was left behind here is tidied up here.
            self._recover(course, now, decided)
        under_way = [id for id, deed in course.deeds.items() if deed.state in UNDER_WAY]
        if incident.status != "open" or not incident.told:
            course.watch_only(())
            if incident.status == "merged" or not incident.told:
                why = f"merged into {incident.merged_into}" if incident.merged_into else "its root is silenced"
            else:
                why = "the incident is over"
            for id in under_way:
                if id in course.recoveries.values():
                    continue
                self.begun.supersede(course, id, why, now, decided)
            return
        ready: list[Match] = []
        listening = [
            (rule, again)
            for rule in self._rules(course).listening(incident.root.name)
            if (again := again_at(course, rule)) is not None
        ]
        course.watch_only({rule.name for rule, _ in listening})
        for rule, again in listening:
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
                ready.append(Match(rule, facts, verdict.because))
        if not under_way:
            self._begin(course, ready, decided)

    def _begin(self, course: Course, ready: Sequence[Match], decided: Decided) -> None:
        """Start the first rule that does not have to wait for another remediation of its own."""
        for match in ready:
            rule, facts = match.rule, match.facts
            repeat = repeats(rule, facts, self.begun.runs)
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
            match = Match(rule, facts, (*match.because, *repeat.because))
            self.begun.start(course, match, self._ground(course), decided, repeat)
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
            match = Match(rule, facts, ("the incident is over",), recovery=True)
            course.recoveries[name] = self.begun.start(course, match, self._ground(course), decided)
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

    def _ground(self, course: Course) -> Ground:
        return Ground(self._charter.guards, self._rules(course).actions, self._topology)


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
