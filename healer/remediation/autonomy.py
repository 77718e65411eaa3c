"""May a rule of mode `auto` act alone here? By its own record: what it verified on this kind of node, and what went wrong. Pure.

The planner asks before it begins something destructive, and tells how each remediation went; the record is part of the
fold's memory, so it comes out of the journal again as it was. A rule is the same rule for as long as it does the same
under the same condition: who is asked, how often it may run and its mode may change, and the record stays.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec

from healer.documents.fields import Duration
from healer.times import DAY, Micros, format_duration
from rules import Execute, Rule
from rules.ruleset import Step

MAX_STANDINGS = 10_000
"""Rules by kinds of node that are remembered: those that were heard of last."""
MAX_STAKES = 2_000
"""Remediations that somebody may still blame: the newest."""
OVERREACH = frozenset({"share of siblings", "health floor", "control plane"})
"""The guards whose no says that a rule would have reached too far."""


class Autonomy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a rule of mode `auto` has to show before it may do something destructive without being asked."""

    successes: int = 20
    """Verified successes of this rule on this kind of node; 0 asks for none."""
    without_mistake: Duration = 30 * DAY
    """For this long nothing may have gone wrong: no failed verification, no guard of the blast radius, no blame."""

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= 1_000_000:
            raise ValueError("expected 0 to 1000000", "successes")


class Standing(msgspec.Struct, frozen=True):
    """What one rule has shown on one kind of node. `does` names what it does; `wrong` is the last thing that went wrong, at
    `wrong_at` (0: nothing did)."""

    rule: str
    does: str
    kind: str
    verified: int = 0
    wrong_at: Micros = 0
    wrong: str = ""


class Stake(msgspec.Struct, frozen=True):
    """One remediation that counts for its rule. `doubted`: what it did first was not verified."""

    remediation: str
    incident: str
    rule: str
    does: str
    kinds: tuple[str, ...]
    acted: bool = False
    doubted: bool = False


class Trust(msgspec.Struct, frozen=True):
    """All that is remembered: a snapshot's part."""

    standings: tuple[Standing, ...] = ()
    stakes: tuple[Stake, ...] = ()


class Demotion(msgspec.Struct, frozen=True):
    """A rule that acted alone and asks from now on: on which kinds of node, because of what."""

    incident: str
    rule: str
    kinds: tuple[str, ...]
    why: str


class Record:
    """What rules have shown so far."""

    def __init__(self, trust: Trust | None = None) -> None:
        trust = trust or Trust()
        self._standings = {(one.rule, one.does, one.kind): one for one in trust.standings}
        self._stakes = {one.remediation: one for one in trust.stakes}

    def remembered(self) -> Trust:
        """For a snapshot."""
        return Trust(tuple(self._standings.values()), tuple(self._stakes.values()))

    def of(self, rule: Rule) -> list[Standing]:
        """What this rule has shown, by kind of node."""
        does = deeds_of(rule)
        return [one for one in self._standings.values() if (one.rule, one.does) == (rule.name, does)]

    def unearned(self, rule: Rule, kinds: Iterable[str], terms: Autonomy, now: Micros) -> str:
        """Why this rule has to ask before it acts on these kinds of node, in a sentence, or ""."""
        does = deeds_of(rule)
        for kind in kinds:
            standing = self._standings.get((rule.name, does, kind)) or Standing(rule.name, does, kind)
            if why := lacking(standing, terms, now):
                return why
        return ""

    # --- told by the planner

    def begins(self, remediation: str, incident: str, rule: Rule, kinds: Sequence[str]) -> None:
        """A remediation was planned that may act."""
        self._stakes[remediation] = Stake(remediation, incident, rule.name, deeds_of(rule), tuple(kinds))
        while len(self._stakes) > MAX_STAKES:
            del self._stakes[next(iter(self._stakes))]

    def went(
        self, remediation: str, state: str, detail: str, terms: Autonomy, now: Micros, *, doubted: bool
    ) -> Demotion | None:
        """How far it got. `doubted`: its `then` was not verified, and `otherwise` follows."""
        stake = self._stakes.get(remediation)
        if stake is None:
            return None
        before = stake
        acted, doubts = stake.acted or state == "executing", doubted or state == "not_verified"
        stake = msgspec.structs.replace(stake, acted=acted, doubted=stake.doubted or doubts)
        self._stakes[remediation] = stake
        if stake.doubted and not before.doubted:
            return self._demote(stake, f"remediation {remediation} was not verified", terms, now)
        if state in ("waiting", "refused") and detail.partition(": ")[0] in OVERREACH:
            return self._demote(stake, f"a guard stopped remediation {remediation}: {detail}", terms, now)
        if state == "succeeded" and not stake.doubted:
            for kind in stake.kinds:
                standing = self._standing(stake, kind)
                self._keep(msgspec.structs.replace(standing, verified=standing.verified + 1))
        return None

    def blamed(self, incident: str, by: str, terms: Autonomy, now: Micros) -> list[Demotion]:
        """Somebody says that another node was the cause: whatever acted on this incident treated the wrong thing."""
        stakes = [stake for stake in self._stakes.values() if stake.incident == incident and stake.acted]
        why = f"{by} blamed another node for incident {incident}"
        return [found for stake in stakes if (found := self._demote(stake, why, terms, now)) is not None]

    # --- inside

    def _demote(self, stake: Stake, why: str, terms: Autonomy, now: Micros) -> Demotion | None:
        """None where it had not been trusted before."""
        trusted = []
        for kind in stake.kinds:
            standing = self._standing(stake, kind)
            if not lacking(standing, terms, now):
                trusted.append(kind)
            self._keep(msgspec.structs.replace(standing, wrong_at=now, wrong=why))
        return Demotion(stake.incident, stake.rule, tuple(trusted), why) if trusted else None

    def _standing(self, stake: Stake, kind: str) -> Standing:
        key = (stake.rule, stake.does, kind)
        return self._standings.get(key) or Standing(*key)

    def _keep(self, standing: Standing) -> None:
        key = (standing.rule, standing.does, standing.kind)
        self._standings.pop(key, None)
        self._standings[key] = standing
        while len(self._standings) > MAX_STANDINGS:
            del self._standings[next(iter(self._standings))]


def lacking(standing: Standing, terms: Autonomy, now: Micros) -> str:
    """What a rule still has to show on this kind of node, in a sentence, or ""."""
    if standing.wrong_at and now - standing.wrong_at < terms.without_mistake:
        ago = format_duration(max(0, now - standing.wrong_at) // 1_000_000 * 1_000_000)
        patience = format_duration(terms.without_mistake)
        return f"auto is not trusted on a {standing.kind}: {standing.wrong}, {ago} ago of {patience}"
    if standing.verified < terms.successes:
        return (
            f"auto is not earned yet on a {standing.kind}: {standing.verified} of {terms.successes} verified successes"
        )
    return ""


def is_destructive(rule: Rule) -> bool:
    """Whether any of its steps may hurt."""
    clauses = (rule.then, rule.otherwise, rule.after_success)
    return any(step.action.destructive for steps in clauses for step in steps if isinstance(step, Execute))


def deeds_of(rule: Rule) -> str:
    """A hash of what a rule does, and when, whatever its mode, limits and approvers."""
    clauses = (rule.then, rule.otherwise, rule.after_success, rule.on_recovery)
    what = (rule.on_event, rule.when, rule.verify.condition, *(tuple(map(_deed, steps)) for steps in clauses))
    return blake2b(repr(what).encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def _deed(step: Step) -> object:
    """A step without the place where its action is declared."""
    if not isinstance(step, Execute):
        return step
    command = step.command.argv if step.command else ()
    return (step.action.name, step.action.version, command, step.parameters, step.target)
