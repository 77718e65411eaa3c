"""Did it help, and is it still needed? By signals that an effect did not produce, later than its end. Called by the runner."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec

from healer.convergence.outcome import Incident
from healer.journey.records import Answer as Sample
from healer.remediation.facts import answer_of, facts_of
from healer.remediation.guards.observed import Held
from healer.remediation.matching import holds_still
from healer.remediation.model import Measured, Remediation
from healer.remediation.observing import Silent
from healer.remediation.replacement import moved_to
from healer.remediation.situation import Situation
from healer.seams import Clock
from healer.times import Micros
from rules import Answer, Expression, Facts, Query, Verdict, evaluate, remember

ROUNDS = 3
"""How often one look may ask for what the answers before made it need."""

MAX_HELD = 1024
"""Looks whose `for` is remembered: the newest."""


class Asker(Protocol):
    """Asks Prometheus."""

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Sample]:
        """One answer per query, with why where there is none. Never raises for what the outside does."""
        ...


class Seen(msgspec.Struct, frozen=True):
    """What a look brought: whether the condition holds (None: nobody knows), why, and every answer by its query's text."""

    value: bool | None
    because: tuple[str, ...]
    answers: tuple[tuple[str, Answer], ...] = ()


class Verifier:
    """Evaluates what a rule's `verify` asks for."""

    def __init__(self, situation: Situation, asker: Asker, clock: Clock, silent: Silent = lambda: "") -> None:
        """`silent` says why the word of those who send alerts is not to be believed now."""
        self._situation = situation
        self._asker = asker
        self._clock = clock
        self._silent = silent
        self._held: dict[tuple[str, int], dict[str, Micros]] = {}
        """By remediation and step, since when what stands before a `for` holds. After a restart that is later, never sooner."""
        self._answered: dict[str, dict[str, Answer]] = {}
        """By remediation, what was answered when its exceptions were asked last."""

    async def look(self, remediation: Remediation, condition: Expression) -> Seen:
        """Does it hold now, going by what is known and asked afresh?"""
        situation = self._situation
        await situation.settled()
        incident = situation.incident(remediation.plan.incident)
        if incident is None:
            return Seen(False, ("the incident is not known any more",))
        held = self._held.pop((remediation.id, remediation.step), {})
        resolved = self._resolved(remediation, incident)

        def facts(answers: dict[str, Answer]) -> Facts:
            known = self._facts(incident, answers, held, samples_after=remediation.effect_ended_at)
            return msgspec.structs.replace(known, resolved=resolved)

        seen, verdict = await self._seen(partial(evaluate, condition), facts, incident)
        if verdict.held:
            self._held[remediation.id, remediation.step] = remember(held, verdict, self._clock.now())
            for oldest in list(self._held)[:-MAX_HELD]:
                del self._held[oldest]
        return seen

    async def still_holds(self, remediation: Remediation, condition: Expression | None) -> Held:
        """Does what made a rule match hold now, going by what is known and asked afresh?"""
        at = self._clock.now()
        incident = self._situation.incident(remediation.plan.incident)
        if incident is None:
            return Held(None, "the incident is not known any more", at)
        seen, _ = await self._seen(
            partial(holds_still, condition), lambda known: self._facts(incident, known, {}), incident
        )
        return Held(seen.value, "; ".join(seen.because[-3:]), at)

    async def measure(self, remediation: Remediation, condition: Expression) -> tuple[Measured, ...]:
        """What the queries of a condition say before anything is done."""
        incident = self._situation.incident(remediation.plan.incident)
        if incident is None:
            return ()
        seen, _ = await self._seen(
            partial(evaluate, condition), lambda known: self._facts(incident, known, {}), incident
        )
        return tuple(Measured(text, said(answer), answer.sampled_at or 0) for text, answer in seen.answers)

    async def excepted(self, remediation: Remediation, *, ask: bool) -> tuple[str, str]:
        """The exception of the rule that holds now, and the one that may; each in a sentence, "" where there is none.

        Without `ask` what was asked before is believed: the target waits for go.
        """
        situation = self._situation
        rule, incident = (
            situation.charter.ruleset.named(remediation.plan.rule),
            situation.incident(remediation.plan.incident),
        )
        if rule is None or incident is None or not rule.exceptions:
            return "", ""
        answers = {} if ask else self._answered.get(remediation.id, {})
        doubtful = ""
        for exception in rule.exceptions:
            verdict, answers, _ = await self._asked(
                partial(evaluate, exception), lambda known: self._facts(incident, known, {}), incident, answers, ask=ask
            )
            if verdict.value is True:
                return "; ".join(verdict.because), ""
            if verdict.value is None:
                doubtful = doubtful or "; ".join(verdict.because)
        if ask and answers:
            self._answered[remediation.id] = answers
            for oldest in list(self._answered)[:-MAX_HELD]:
                del self._answered[oldest]
        return "", doubtful

    async def _seen(
        self, judge: Callable[[Facts], Verdict], facts: Callable[[dict[str, Answer]], Facts], incident: Incident
    ) -> tuple[Seen, Verdict]:
        """What a look brings once all that it needs was asked."""
        verdict, answers, texts = await self._asked(judge, facts, incident, {})
        answered = tuple((texts[key], answer) for key, answer in answers.items())
        return Seen(verdict.value, verdict.because, answered), verdict

    async def _asked(
        self,
        judge: Callable[[Facts], Verdict],
        facts: Callable[[dict[str, Answer]], Facts],
        incident: Incident,
        answers: dict[str, Answer],
        *,
        ask: bool = True,
    ) -> tuple[Verdict, dict[str, Answer], dict[str, str]]:
        """The verdict once all that it needs was asked, the answers, and the texts of what was asked, by key."""
        known, texts = dict(answers), {}
        for _ in range(ROUNDS):
            verdict = judge(facts(known))
            if not verdict.needs or not ask:
                break
            texts.update({query.key: query.text for query in verdict.needs})
            for sample in await self._asker.ask(verdict.needs, incident.root.labels):
                known[sample.query] = answer_of(sample)
        return verdict, known, texts

    def _facts(
        self,
        incident: Incident,
        answers: dict[str, Answer],
        held: dict[str, Micros],
        samples_after: Micros | None = None,
    ) -> Facts:
        situation = self._situation
        return facts_of(
            incident,
            situation.topology,
            self._clock.now(),
            health=situation.charter.health,
            answers=answers,
            held_since=held,
            samples_after=samples_after,
            fires=self._fires,
            calendars=situation.charter.calendars,
            changed=situation.changed,
        )

    def _fires(self, node: int) -> bool:
        name = self._situation.topology.index.name(node)
        return any(alert.status != "resolved" for alert in self._situation.on_node(name))

    def _resolved(self, remediation: Remediation, incident: Incident) -> bool | None:
        """The alert's sender said that it ended. One that merely vanished is not healed.

        What was said after the effect's end counts at once. What was said while the effect ran may be the effect's own
        shadow (a source that was away is silent): it counts when nobody has said otherwise for `settle` since.
        Where nobody says anything any more, nobody knows.
        """
        if self._silent():
            return None
        root = incident.root
        if moved_to(self._situation.topology, root.node, root.name, remediation.created_at, self._situation.on_node):
            return False
        alert = self._situation.alert(remediation.plan.root)
        if alert is not None:
            said, resolution, at = alert.status == "resolved", alert.resolution, alert.ended_at
        else:
            # The engine has forgotten the alert by now; the incident says how it ended.
            said, resolution, at = incident.status == "resolved", incident.resolution, incident.resolved_at
        since = remediation.effect_ended_at
        stands = self._clock.now() >= since + self._situation.charter.settle
        return said and resolution == "sent" and (at > since or stands)


def said(answer: Answer) -> float | str | None:
    """A number or a state in words; None where nobody knows."""
    return answer.value if answer.value is not None else answer.text
