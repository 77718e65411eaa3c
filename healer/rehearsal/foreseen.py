"""What would this step change, and may it be done now? Every guard's answer, and a look at the target where one is possible.

Asked by `healer.rehearsal.preview` of each step of a plan. A look changes nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from healer.convergence.outcome import AlertView, AtWork
from healer.executors.states.reading import Change
from healer.remediation import guards
from healer.remediation.autonomy import Record
from healer.remediation.model import Plan, PlanStep, Refused, Remediation
from healer.times import Micros, format_duration

COUNTED = ("kill switch", "unsettled", "limit")
"""Guards that count: they are asked where an effect begins, and answer here as of now."""

Look = Callable[[str], Sequence[AlertView]]


class Present(msgspec.Struct, frozen=True):
    """What is known of the present by whoever asks; without it the guards that need it say that they cannot tell."""

    on_node: Look
    above_node: Look
    silences: tuple[Micros | None, bool]
    record: Record = Record()
    """What rules have shown so far."""
    at_work: Callable[[str], AtWork | None] | None = None
    counted: Callable[[Remediation, str], Awaitable[list[Refused]]] | None = None
    """What the counted guards say to an effect on a target."""
    change: Callable[[PlanStep], Awaitable[tuple[Change | None, str]]] | None = None
    """What a step would change, by a look; or why nobody can say."""


async def foresee(step: PlanStep, plan: Plan, observed: guards.Observed, around: Present | None) -> dict[str, Any]:
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
        "guards": [*_observed(step, plan, observed, around), *await _counted(step, plan, around)],
        "guards_know_the_present": around is not None,
    }


async def _change(step: PlanStep, around: Present | None) -> dict[str, Any]:
    if around is None or around.change is None:
        return {"verdict": None, "change": "not looked at: a running healer can"}
    change, why = await around.change(step)
    if change is None:
        return {"verdict": None, "change": f"not looked at: {why}"}
    return {"verdict": change.verdict, "change": change.sentence}


def _observed(step: PlanStep, plan: Plan, observed: guards.Observed, around: Present | None) -> list[dict[str, Any]]:
    if not step.node:
        return []
    if around is not None:
        age, readable = around.silences
        observed = msgspec.structs.replace(
            observed,
            on_target=tuple(around.on_node(step.node)),
            above_target=tuple(around.above_node(step.node)),
            silences_age=age,
            silences_readable=readable,
            at_work=around.at_work(step.node) if around.at_work is not None else None,
        )
    return [_answer(guard.__name__.replace("_", " "), guard(plan, step, observed)) for guard in guards.GUARDS]


async def _counted(step: PlanStep, plan: Plan, around: Present | None) -> list[dict[str, Any]]:
    if not step.node or around is None or around.counted is None:
        return []
    refused = {one.guard: one for one in await around.counted(Remediation("", plan, "planned"), step.node)}
    return [_answer(guard, refused.get(guard)) for guard in COUNTED]  # type: ignore[call-overload] # a guard is a word


def _answer(guard: str, refused: Refused | None) -> dict[str, Any]:
    return {"guard": guard, "allows": refused is None, "why": refused.why if refused else ""}
