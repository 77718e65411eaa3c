"""What every part of the runner works with, and the few ways in which a remediation moves on."""

import logging
from collections.abc import Mapping

import msgspec

from healer.executors.target import Order, Target
from healer.remediation.model import Intent, PlanStep, Remediation, State
from healer.remediation.ports import EffectStore
from healer.remediation.situation import Situation
from healer.seams import Clock
from healer.times import SECOND, Micros
from rules import Rule

log = logging.getLogger(__name__)

PRIORITIES = {"critical": 3, "error": 2, "warning": 1}
"""By the severity of the incident; all others 0."""


class Desk:
    """The store, what converged, the targets and the clock. `grace_s` is how long after a step's own end its intent may end."""

    def __init__(
        self,
        store: EffectStore,
        situation: Situation,
        targets: Mapping[str, Target],
        clock: Clock,
        grace_s: int,
        author: str,
    ) -> None:
        self.store = store
        self.situation = situation
        self.targets = targets
        self.clock = clock
        self.grace: Micros = grace_s * SECOND
        self.author = author

    async def move(self, remediation: Remediation, was: State) -> bool:
        """Store the new state, if the old one is still `was`."""
        return await self.store.move(remediation, was=was, now=self.clock.now())

    async def end(self, remediation: Remediation, state: State, why: str) -> Remediation | None:
        """Its last state, if nobody moved it; else what the store has."""
        log.info("remediation %s: %s %s", remediation.id, state, why)
        ended = msgspec.structs.replace(remediation, state=state, detail=why)
        return None if await self.move(ended, remediation.state) else await self.again(remediation)

    async def again(self, remediation: Remediation) -> Remediation | None:
        """The remediation as the store has it: somebody may have cancelled or superseded it meanwhile."""
        return await self.store.remediation(remediation.id)

    def rule(self, remediation: Remediation) -> Rule | None:
        """The rule as it was when it matched; None where nothing has it any more."""
        return self.situation.rule(remediation.plan.rule, remediation.plan.rule_version)

    def is_over(self, remediation: Remediation) -> bool:
        """Whether its incident is: ended, merged into another, or forgotten."""
        incident = self.situation.incident(remediation.plan.incident)
        return incident is None or incident.status != "open"

    def order(self, intent: Intent, step: PlanStep | None) -> Order:
        """What a target is asked to do for an intent; without the step, by the intent alone."""
        timeout = step.timeout if step is not None else intent.deadline - intent.written_at
        return Order(
            intent=intent.id,
            step=intent.step,
            token=intent.token,
            target=intent.target,
            address=intent.address or self.address(intent.target),
            argv=intent.argv,
            deadline_s=max(2, timeout // SECOND),
            trace_id=intent.trace_id,
            identity=intent.identity,
            ends_by=intent.deadline,
            priority=self._priority(intent.incident),
        )

    def _priority(self, incident: str) -> int:
        """What is critical goes first where a machine takes few orders at once."""
        found = self.situation.incident(incident)
        return PRIORITIES.get(found.severity, 0) if found is not None else 0

    def address(self, node: str) -> str:
        """For plans and intents that do not say where their target was."""
        index = self.situation.topology.index
        number = index.id(node)
        attributes = index.attributes(number) if number >= 0 else {}
        return str(attributes.get("address", node.partition("/")[2] or node))
