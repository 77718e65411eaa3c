"""May this plan run, say the people who were asked? Pure: the remediation before, what somebody said, the remediation after.

The planner begins a remediation in `awaiting_approval`, the runner passes the question on when nobody answers, and the API
hands in the answers. An approval is for one plan, by its hash; T3 asks `unapproved`, and the first intent uses it up.
"""

import base64
from collections.abc import Collection

import msgspec

from healer.remediation.model import BEFORE_INTENT, ONLY_SUGGESTED, Asked, Plan, PlanStep, Remediation, Tap
from healer.times import HOUR, MINUTE, SECOND, Micros, format_duration

PATIENCE: Micros = 15 * MINUTE
"""What was approved and could not begin by then goes to a person."""
WHOLE: Micros = HOUR
"""How long a plan may take to begin its last step, from its approval where it needs one."""
TWICE: Micros = 60 * SECOND
"""How soon somebody has to say once more what something destructive is done to."""
CODE_LENGTH = 6
WITHIN: Micros = 30 * MINUTE
"""How long the owner of a node is asked where the rule names nobody."""
ANYBODY = "whoever is responsible"


class NotAsked(ValueError):
    """Nobody is asked (any more), or about another plan; the text says which."""


def code_of(plan: str) -> str:
    """A short code for the plan of this hash, for people who type. It names a plan and opens nothing: who types it has to be
    somebody who may."""
    digest = bytes.fromhex(plan)[:5] if len(plan) >= 10 and set(plan) <= set("0123456789abcdef") else plan.encode()[:5]
    # Of the 32 letters none looks like another digit.
    return base64.b32encode(digest).decode()[:CODE_LENGTH]


def asking(asked: Asked, plan: str) -> str:
    """What people read while they are asked about the plan of this hash."""
    people = f"{asked.count} of {asked.who}" if asked.count > 1 else asked.who
    how = f"healer remediation approve {code_of(plan)}"
    return f"asking {people}, for {format_duration(asked.within)}; nothing runs unless somebody agrees: {how}"


def destroyed(plan: Plan) -> tuple[str, ...]:
    """The targets of a plan's destructive steps, sorted: what has to be named by whoever agrees."""
    return tuple(sorted({step.node for step in all_steps(plan) if step.destructive}))


def all_steps(plan: Plan) -> tuple[PlanStep, ...]:
    """Everything that a plan may do to a target, now or later: an approval is for all of it."""
    steps = (*plan.steps, *plan.otherwise, *plan.undo, *plan.after_success)
    return tuple(step for step in steps if step.node)


def first_deadline(approve: tuple[Asked, ...], now: Micros) -> Micros:
    """Until when the first are asked."""
    return now + approve[0].within


def agree(remediation: Remediation, who: str, now: Micros, plan: str = "") -> Remediation:
    """Somebody said yes. Raises NotAsked."""
    _must_be_asked(remediation, now, plan)
    if who in remediation.agreed:
        raise NotAsked(f"{who} has agreed already; another person is needed")
    agreed = (*remediation.agreed, who)
    wanted = remediation.plan.approve[remediation.asked].count
    if len(agreed) < wanted:
        detail = f"{who} agreed, {len(agreed)} of {wanted} people"
        return msgspec.structs.replace(remediation, agreed=agreed, detail=detail)
    return msgspec.structs.replace(
        remediation,
        state="planned",
        agreed=agreed,
        detail=f"approved by {', '.join(agreed)}",
        deadline=now + WHOLE,
        approved_until=now + PATIENCE,
    )


def say_yes(remediation: Remediation, who: str, now: Micros, plan: str, targets: Collection[str]) -> Remediation:
    """Somebody says yes; to something destructive twice, the second time with its targets. Raises NotAsked.

    The first time only remembers that (the state stays), and the second has to come within `TWICE`.
    """
    wanted = destroyed(remediation.plan)
    if not wanted:
        return agree(remediation, who, now, plan)
    _must_be_asked(remediation, now, plan)
    if who in remediation.agreed:
        raise NotAsked(f"{who} has agreed already; another person is needed")
    if not targets:
        return _tapped(remediation, who, now)
    _check_targets(remediation, who, now, targets)
    return agree(remediation, who, now, plan)


def run_suggested(remediation: Remediation, who: str, now: Micros, plan: str, targets: Collection[str]) -> Remediation:
    """Somebody wants run what was only suggested; what destroys something they say twice, as a yes. Raises NotAsked.

    Whoever its rule asks is asked then, as if it had not only been suggested.
    """
    if remediation.state != "suggested":
        raise NotAsked(f"remediation {remediation.id} is {remediation.state.replace('_', ' ')}: it is no suggestion")
    if remediation.plan.capped_by != ONLY_SUGGESTED:
        raise NotAsked(f"nothing is run here now: {remediation.plan.capped_by}")
    if plan and plan != remediation.plan.hash:
        raise NotAsked(f"the plan is another one by now: {remediation.plan.hash}")
    if now > remediation.deadline:
        raise NotAsked("the suggestion is too old: things may be different by now")
    if destroyed(remediation.plan):
        if not targets:
            return _tapped(remediation, who, now)
        _check_targets(remediation, who, now, targets)
    asked = remediation.plan.approve
    if asked:
        return msgspec.structs.replace(
            remediation,
            state="awaiting_approval",
            tapped=(),
            detail=f"{who} wants it run: {asking(asked[0], remediation.plan.hash)}",
            deadline=first_deadline(asked, now),
        )
    return msgspec.structs.replace(
        remediation, state="planned", agreed=(who,), detail=f"{who} wants it run", deadline=now + WHOLE
    )


def used(remediation: Remediation, intent: str) -> Remediation:
    """The remediation once this intent has begun it: its approval is used up."""
    if not remediation.plan.approve or remediation.approval_used:
        return remediation
    return msgspec.structs.replace(remediation, approval_used=intent)


def unapproved(stored: Remediation, now: Micros) -> str:
    """Why a plan that asks may not begin, or go on, or "". `stored` is the remediation as the store has it. Part of T3."""
    if not stored.plan.approve or stored.approval_used:
        return ""
    wanted = stored.plan.approve[stored.asked].count
    people = len(set(stored.agreed))
    if people < wanted or not stored.approved_until:
        return f"{people} of {wanted} people have agreed to this plan"
    if now > stored.approved_until:
        late = format_duration(max((now - stored.approved_until) // SECOND, 1) * SECOND)
        return f"what was agreed to had to begin {late} ago"
    return ""


def cancel(remediation: Remediation, who: str, because: str = "") -> Remediation:
    """Somebody stops a plan between its steps. Raises NotAsked where a step runs, or it is over."""
    if remediation.state not in BEFORE_INTENT:
        going = remediation.state == "executing"
        why = "a step that runs is not broken off; try again when it is done" if going else "there is nothing to stop"
        raise NotAsked(f"remediation {remediation.id} is {remediation.state.replace('_', ' ')}: {why}")
    done = ". What was done before is not verified" if remediation.effect_ended_at else ""
    return msgspec.structs.replace(remediation, state="cancelled", detail=f"{who} stopped it{_colon(because)}{done}")


def reject(remediation: Remediation, who: str, now: Micros, plan: str = "", because: str = "") -> Remediation:
    """Somebody said no. Raises NotAsked."""
    _must_be_asked(remediation, now, plan)
    return msgspec.structs.replace(remediation, state="rejected", detail=f"{who} said no{_colon(because)}")


def pass_on(remediation: Remediation, now: Micros) -> Remediation:
    """Nobody answered in time: the next are asked, or the plan expires."""
    plan, following = remediation.plan, remediation.asked + 1
    if following < len(plan.approve):
        asked = plan.approve[following]
        return msgspec.structs.replace(
            remediation,
            asked=following,
            agreed=(),
            tapped=(),
            deadline=now + asked.within,
            detail=asking(asked, plan.hash),
        )
    ask = " or ".join(each.who for each in plan.approve)
    return msgspec.structs.replace(remediation, state="expired", detail=f"{ask} did not answer; nothing was run")


def _tapped(remediation: Remediation, who: str, now: Micros) -> Remediation:
    """Somebody said yes to something destructive for the first time."""
    others = tuple(tap for tap in remediation.tapped if tap.who != who)
    return msgspec.structs.replace(remediation, tapped=(*others, Tap(who, now)))


def _check_targets(remediation: Remediation, who: str, now: Micros, targets: Collection[str]) -> None:
    """Raises NotAsked unless they said so once already, not long ago, and name what is destroyed."""
    wanted = destroyed(remediation.plan)
    tap = next((tap for tap in remediation.tapped if tap.who == who), None)
    if tap is None or now > tap.at + TWICE:
        late = "too late" if tap is not None else "too early"
        raise NotAsked(f"{late}: say yes first, and name {' and '.join(wanted)} within {format_duration(TWICE)}")
    if set(targets) != set(wanted):
        raise NotAsked(f"this is done to {' and '.join(wanted)}, not to {' and '.join(sorted(targets))}")


def _colon(because: str) -> str:
    return f": {because}" if because else ""


def _must_be_asked(remediation: Remediation, now: Micros, plan: str) -> None:
    if remediation.state != "awaiting_approval":
        raise NotAsked(f"remediation {remediation.id} is {remediation.state}: nobody is asked about it")
    if plan and plan != remediation.plan.hash:
        raise NotAsked(f"the plan is another one by now: {remediation.plan.hash}")
    if now > remediation.deadline:
        raise NotAsked("the time to answer is over")
