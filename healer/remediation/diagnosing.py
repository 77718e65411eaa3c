"""What is collected from a node before anything there is destroyed? Pure; called where plans are made.

Whether it works or not, the plan goes on: a machine that does not answer is rebooted all the same.
"""

from collections.abc import Iterator, Mapping

import msgspec

from healer.remediation.model import PlanStep
from healer.topology.map import Map
from rules import Action

DIAGNOSTICS = "collect_diagnostics"
"""The action of the catalogue that looks at a node before anything destructive is done to it."""


def with_diagnostics(
    first: tuple[PlanStep, ...], second: tuple[PlanStep, ...], actions: Mapping[str, Action], topology: Map
) -> tuple[tuple[PlanStep, ...], tuple[PlanStep, ...]]:
    """The steps, with a look at each node before the first thing there that destroys what could be seen."""
    seen: set[str] = set()

    def looked_at(steps: tuple[PlanStep, ...]) -> tuple[PlanStep, ...]:
        found: list[PlanStep] = []
        for step in steps:
            if step.destructive and step.node and step.node not in seen:
                found.extend(_diagnostics(step, actions, topology))
            if step.node and (step.diagnostic or step.destructive):
                seen.add(step.node)
            found.append(step)
        return tuple(found)

    return looked_at(first), looked_at(second)


def _diagnostics(step: PlanStep, actions: Mapping[str, Action], topology: Map) -> Iterator[PlanStep]:
    """The step that collects diagnostics from a target, where the catalogue has one that fits."""
    action = actions.get(DIAGNOSTICS)
    number = topology.index.id(step.node)
    kind = topology.index.kind(number) if number >= 0 else step.node.partition("/")[0]
    if action is None or action.parameters or (action.accepts and kind not in action.accepts):
        return
    yield msgspec.structs.replace(
        step,
        action=action.name,
        executor=action.run.executor,
        argv=action.run.argv,
        call=action.run.call or "",
        parameters=(),
        timeout=action.timeout,
        retry=0,
        idempotent=action.idempotent,
        destructive=False,
        diagnostic=True,
        observe=(),
        shows="",
        version=action.version,
        opposing="",
        best_effort=True,
    )
