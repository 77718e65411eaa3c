"""What would have come between the records of a past that was decided otherwise? Answers and outcomes that nobody recorded.

A question that the journal does not answer is answered from what was recorded of the same query, else by whoever knows the
past (Prometheus at the recorded time), else it stays unknown and is counted. A remediation that never was is taken to be
agreed to at once and to work, unless a guard says no: so what is counted is the most that would have been done. Pure.
"""

from collections.abc import Awaitable, Callable, Sequence

from healer.journey.fold import Fold
from healer.journey.ports import Planned
from healer.journey.records import Answer, Answered, Entry, Progressed, Resumed
from healer.rehearsal.remedies import kept_back
from healer.rehearsal.stopping import Ledger, refuse
from healer.remediation.model import UNDER_WAY, Refused
from healer.remediation.planner import ASK_EVERY, ASK_FOR, Question
from healer.times import MINUTE, SECOND, Micros
from rules import Query

LATE: Micros = 10 * SECOND
"""An answer that was recorded came sooner than this after its question."""
FRESH: Micros = MINUTE
"""A recorded answer answers the same query for so long."""
BEGINS: Micros = SECOND
"""After so long a remediation begins."""
A_STEP: Micros = MINUTE
"""How long each of its steps is taken to last."""
STABLE: Micros = 5 * MINUTE
"""How long it is watched where its rule does not say."""
GONE = "nobody asked this then, and nobody who is asked now knows"

Known = Callable[[str], Awaitable[bool]]
"""Whether a remediation was recorded, so that its progress is in the journal."""
Ask = Callable[[Sequence[Query], bytes, Micros], Awaitable[list[Answer]]]
"""Asks what a query would have said at an instant; `labels` choose whom."""


class Meanwhile:
    """Lets time pass between two records. `unknown` has the rules of incidents that had to do without an answer."""

    def __init__(self, known: Known, ask: Ask | None = None) -> None:
        self._known = known
        self._ask = ask
        self._tape: dict[str, tuple[Micros, Answer]] = {}
        self._waits: dict[tuple[str, str], Micros] = {}
        self._due: list[tuple[Micros, int, Planned, str]] = []
        self._count = 0
        self._ledger = Ledger()
        self._said: list[Entry] = []
        self.judged: dict[str, tuple[Micros, Refused | None]] = {}
        """By remediation, when it was planned, and the guard that would not have let it begin then."""
        self.unknown: set[tuple[str, str]] = set()

    def take(self) -> list[Entry]:
        """What was made up since the last call."""
        said, self._said = self._said, []
        return said

    async def __call__(self, fold: Fold, until: Micros, entry: Entry | None) -> None:
        """Let everything happen that comes before `until`, when `entry` follows."""
        if entry is not None and isinstance(entry.record, Resumed):
            until -= entry.record.gap
        await self._look(fold)
        while (due := self._next(fold)) is not None and due <= until:
            fold.advance(max(due, fold.engine.now))
            await self._happen(fold)
            await self._look(fold)
        if entry is not None:
            self._hear(entry)

    def _hear(self, entry: Entry) -> None:
        if isinstance(entry.record, Answered):
            self._tape.update((answer.query, (entry.at, answer)) for answer in entry.record.answers)
        elif isinstance(entry.record, Progressed):
            self._ledger.progress(entry.record, entry.at)

    def _next(self, fold: Fold) -> Micros | None:
        asked_again = [
            watch.answered_at + ASK_EVERY
            for course in fold.planner.courses.values()
            for watch in course.watches.values()
            if watch.needs and course.incident.status == "open" and watch.answered_at > fold.engine.now - ASK_EVERY
            if watch.answered_at + ASK_EVERY <= watch.asks_since + ASK_FOR
        ]
        dues = [fold.next_due(), *asked_again, *self._waits.values(), *(due for due, *_ in self._due)]
        return min((due for due in dues if due is not None), default=None)

    async def _look(self, fold: Fold) -> None:
        """What began just now, and what is asked."""
        now = fold.engine.now
        for planned in fold.begun:
            if planned.remediation in self.judged:
                continue
            self._ledger.plan(planned)
            refused = refuse(fold, planned.remediation, planned.plan, self._ledger)
            self.judged[planned.remediation] = now, refused
            if refused is None and kept_back(planned):
                self._ledger.pretend(planned, now)
            if planned.state in ("planned", "awaiting_approval") and not await self._known(planned.remediation):
                self._later(now + BEGINS, planned, "begin")
        asked = {(question.incident, question.rule) for question in fold.questions()}
        self._waits = {key: self._waits.get(key, now + LATE) for key in sorted(asked)}

    async def _happen(self, fold: Fold) -> None:
        now = fold.engine.now
        for question in list(fold.questions()):
            if self._waits.get((question.incident, question.rule), now + 1) <= now:
                del self._waits[question.incident, question.rule]
                self._say(fold, await self._answered(question, now))
        ready = sorted(one for one in self._due if one[0] <= now)
        self._due = [one for one in self._due if one[0] > now]
        for _, _, planned, what in ready:
            self._go_on(fold, planned, what)

    async def _answered(self, question: Question, now: Micros) -> Answered:
        recorded = {query.key: self._recorded(query.key, now) for query in question.queries}
        missing = [query for query in question.queries if recorded[query.key] is None]
        found = await self._ask(missing, question.labels, now) if self._ask is not None and missing else []
        by_key = {answer.query: answer for answer in found}
        answers = [
            recorded[query.key] or by_key.get(query.key) or Answer(query.key, None, 0, GONE)
            for query in question.queries
        ]
        made_up = {query.key for query in missing if query.key not in by_key}
        if made_up or any(answer.value is None and not answer.text for answer in found):
            self.unknown.add((question.incident, question.rule))
        return Answered(question.incident, question.rule, tuple(answers))

    def _recorded(self, key: str, now: Micros) -> Answer | None:
        at, answer = self._tape.get(key, (0, None))
        return answer if answer is not None and at >= now - FRESH else None

    def _go_on(self, fold: Fold, planned: Planned, what: str) -> None:
        """The next that becomes of a remediation which never was."""
        id, plan, now = planned.remediation, planned.plan, fold.engine.now
        deed = next((deed for deed in fold.planner.deeds(plan.incident) if deed.remediation == id), None)
        if deed is None or deed.state not in UNDER_WAY:
            return
        if what != "begin":
            self._say(fold, Progressed(id, plan.incident, what, "", now))
            return
        refused = refuse(fold, id, plan, self._ledger)
        if refused is not None:
            self._say(fold, Progressed(id, plan.incident, "refused", f"{refused.guard}: {refused.why}", now))
            return
        self._say(fold, Progressed(id, plan.incident, "executing", "", now))
        done = now + A_STEP * len(plan.steps)
        if not plan.recovery:
            rule = fold.planner.rule(plan.rule, plan.rule_version)
            self._later(done, planned, "verifying")
            done += rule.verify.stable if rule is not None else STABLE
        self._later(done, planned, "succeeded")

    def _later(self, due: Micros, planned: Planned, what: str) -> None:
        self._count += 1
        self._due.append((due, self._count, planned, what))

    def _say(self, fold: Fold, record: Progressed | Answered) -> None:
        entry = Entry(0, fold.engine.now, record)
        if isinstance(record, Progressed):
            self._ledger.progress(record, entry.at)
        self._said.append(entry)
        fold.apply(entry)
