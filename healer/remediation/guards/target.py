"""Is this a target that may be touched at all? Observed guards. Pure."""

from healer.remediation.guards.answer import Answer, no, yes
from healer.remediation.guards.observed import Observed
from healer.remediation.model import Plan, PlanStep


def target(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """One node that the topology knows. Nothing, or something unknown, never means everything."""
    if not step.node:
        return no("target", f"{step.action} has no target, and that never means everything", ends="refused")
    if not observed.known:
        return no("target", f"the topology does not know {step.node}")
    return yes("target", f"one node, {step.node}")


def own_machine(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """Never the machine that healer itself runs on, nor its store, nor what they stand on: nobody would finish the work."""
    if observed.own and not step.diagnostic:
        return no("own machine", observed.own, ends="refused")
    return yes("own machine", f"healer does not stand on {step.node}")


def health_floor(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """Where many of a kind are sick it is monitoring that fails, or the network: a person looks."""
    group, wanted = observed.floor, observed.bounds.healthy
    others = len(group.nodes) - (step.node in group.nodes) if group is not None else 0
    if group is None or not others or step.closing or step.diagnostic:
        return yes("health floor", f"nothing of its kind beside {step.node}")
    well = others - len(group.unwell) + (step.node in group.unwell)
    said = f"{well} of {others} {group.name} are well, {wanted:.0%} must be"
    return yes("health floor", said) if well >= wanted * others else no("health floor", said)
