"""What would this step change, and may it be done now? Every guard's answer, and a look at the target where one is possible.

Asked by `healer.rehearsal.preview` of each step of a plan. A look changes nothing.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from healer.executors.states.reading import Change
from healer.remediation import guards
from healer.remediation.autonomy import Record
from healer.remediation.guards import Answer, Observed
from healer.remediation.model import PlanStep, Remediation
from healer.remediation.observing import Observing
from healer.times import format_duration


class Present(msgspec.Struct, frozen=True):
    """Who knows the present: what guards observe, and what they count. Without it they say what they can."""

    observing: Observing
    count: Callable[..., Awaitable[list[Answer]]]
    """`EffectStore.count`."""
    record: Record = Record()
    """What rules have shown so far."""
    change: Callable[[PlanStep], Awaitable[tuple[Change | None, str]]] | None = None
    """What a step would change, by a look; or why nobody can say."""


async def foresee(step: PlanStep, at: Remediation, observed: Observed, around: Present | None) -> dict[str, Any]:
    """One step: what would be sent where, what that would change, and what each guard says to it."""
    return {
        "action": step.action,
        "node": step.node or None,
        "executor": step.executor or None,
        "until": step.until or None,
        "preview": {
            "argv": list(step.argv),
            "call": step.call or None,
            "parameters": dict(step.parameters),
            **(await _change(step, around) if step.node else {"verdict": None, "change": ""}),
        },
        "timeout": format_duration(step.timeout),
        "destructive": step.destructive,
        "guards": [
            {"guard": one.guard, "allows": one.allows, "why": one.why}
            for one in await _said(step, at, observed, around)
        ],
        "guards_know_the_present": around is not None,
    }


async def _change(step: PlanStep, around: Present | None) -> dict[str, Any]:
    if around is None or around.change is None:
        return {"verdict": None, "change": "not looked at: a running healer can"}
    change, why = await around.change(step)
    if change is None:
        return {"verdict": None, "change": f"not looked at: {why}"}
    return {"verdict": change.verdict, "change": change.sentence}


async def _said(step: PlanStep, at: Remediation, observed: Observed, around: Present | None) -> list[Answer]:
    """Every guard that can answer: those that count need a store."""
    if not step.node:
        return []
    if around is None:
        return guards.observe(at.plan, step, observed)
    found = around.observing.observe(at, step, observed.held)
    paper = {name: getattr(observed, name) for name in ("now", "incident", "root", "excepted", "doubtful")}
    place = around.observing.place(at.plan.rule, step.node)
    counted = await around.count(at, step, place, now=observed.now)
    return [*guards.observe(at.plan, step, msgspec.structs.replace(found, **paper)), *counted]
