"""May this plan run, say the people who were asked? Pure: the remediation before, what somebody said, the remediation after.

The planner begins a remediation in `awaiting_approval`, the runner passes the question on when nobody answers, and the API
hands in the answers. An approval is for one plan, by its hash, and is used up when the plan begins.
"""

import msgspec

from healer.remediation.model import Asked, Remediation
from healer.times import HOUR, MINUTE, Micros, format_duration

PATIENCE: Micros = HOUR
"""What was approved and could not begin by then goes to a person."""
WITHIN: Micros = 30 * MINUTE
"""How long the owner of a node is asked where the rule names nobody."""
ANYBODY = "whoever is responsible"


class NotAsked(ValueError):
    """Nobody is asked (any more), or about another plan; the text says which."""


def asking(asked: Asked) -> str:
    """What people read while they are asked."""
    people = f"{asked.count} of {asked.who}" if asked.count > 1 else asked.who
    return f"asking {people}, for {format_duration(asked.within)}; nothing runs unless somebody agrees"


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
        remediation, state="planned", agreed=agreed, detail=f"approved by {', '.join(agreed)}", deadline=now + PATIENCE
    )


def reject(remediation: Remediation, who: str, now: Micros, plan: str = "") -> Remediation:
    """Somebody said no. Raises NotAsked."""
    _must_be_asked(remediation, now, plan)
    return msgspec.structs.replace(remediation, state="rejected", detail=f"{who} said no")


def pass_on(remediation: Remediation, now: Micros) -> Remediation:
    """Nobody answered in time: the next are asked, or the plan expires."""
    plan, following = remediation.plan, remediation.asked + 1
    if following < len(plan.approve):
        asked = plan.approve[following]
        return msgspec.structs.replace(
            remediation, asked=following, agreed=(), deadline=now + asked.within, detail=asking(asked)
        )
    ask = " or ".join(each.who for each in plan.approve)
    return msgspec.structs.replace(remediation, state="expired", detail=f"{ask} did not answer; nothing was run")


def _must_be_asked(remediation: Remediation, now: Micros, plan: str) -> None:
    if remediation.state != "awaiting_approval":
        raise NotAsked(f"remediation {remediation.id} is {remediation.state}: nobody is asked about it")
    if plan and plan != remediation.plan.hash:
        raise NotAsked(f"the plan is another one by now: {remediation.plan.hash}")
    if now > remediation.deadline:
        raise NotAsked("the time to answer is over")
