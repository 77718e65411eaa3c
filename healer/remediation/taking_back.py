"""What takes back the steps of a plan? Pure; called where plans are made."""

from collections.abc import Mapping, Sequence

import msgspec

from healer.remediation.model import PlanStep
from healer.remediation.steps import effect
from rules import Action, Planned, PlannedStep
from rules import undo_of as back_of


def undo_of(
    steps: Sequence[PlanStep], then: Sequence[Planned], otherwise: Sequence[Planned], actions: Mapping[str, Action]
) -> tuple[PlanStep, ...]:
    """What takes back each of these steps, where its action has a partner that can; `position` is the step's number."""
    found = []
    for number, step in enumerate(steps):
        planned = (then if step.clause == "then" else otherwise)[step.position]
        back = back_of(planned, actions) if isinstance(planned, PlannedStep) and not step.best_effort else None
        if back is not None:
            found.append(msgspec.structs.replace(effect(back, "undo"), position=number))
    return tuple(found)
