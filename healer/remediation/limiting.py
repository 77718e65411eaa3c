"""What is counted for a plan, and under which keys: the rule's own limits, and the installation's. Pure; called by the planner.

Limits travel in the plan and its hash covers them; T3 holds them (`healer.remediation.guards`).
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from healer.remediation.model import Limit, PlanStep
from healer.remediation.settings import Guards
from healer.topology.map import Map
from rules import Facts, LimitKey, Rule, limit_keys

SERVES: frozenset[str] = frozenset({"service", "workload", "database"})
"""Kinds of node that people use: what a node carries of them is what suffers when it is away."""
MAX_SERVICES = 20
"""Services of one node that are counted, the nearest."""
MAX_LOOKED_AT = 1_000
"""Nodes beneath one that are looked at for services."""


def limits_of(rule: Rule, facts: Facts) -> tuple[tuple[Limit, ...], str]:
    """What the rule itself wants counted; and why its plan is refused already, or ""."""
    found: list[Limit] = []
    for key in limit_keys(rule, facts):
        if key.key is None:
            return (), f"a limit counts by something that is unknown here: {key.why}"
        found.append(_limit(key, rule))
    return tuple(found), ""


def limits_here(bounds: Guards, rule: Rule, steps: Sequence[PlanStep], topology: Map) -> tuple[Limit, ...]:
    """What the installation wants counted for a plan with these steps."""
    found = [
        Limit(bounds.at_once, 0, "all rules", "at_once", guard="concurrency"),
        Limit(bounds.rates.rule.count, bounds.rates.rule.within, f"rule:{rule.name}", guard="rate per rule"),
        Limit(
            bounds.ramp.failures, bounds.ramp.within, f"rule:{rule.name}", "ramp", guard="ramp", first=bounds.ramp.first
        ),
    ]
    effects = [step for step in steps if step.node and not step.diagnostic]
    rate = bounds.rates.action
    found.extend(
        Limit(rate.count, rate.within, f"action:{action}", guard="rate per action", action=action)
        for action in dict.fromkeys(step.action for step in effects)
    )
    for node in dict.fromkeys(step.node for step in effects):
        found.extend(_on(node, bounds, rule, services_of(topology, node)))
    return tuple(found)


def services_of(topology: Map, node: str) -> tuple[str, ...]:
    """The services that a node is or carries, nearest first."""
    index = topology.index
    number = index.id(node)
    if number < 0:
        return ()
    if index.kind(number) in SERVES:
        return (node,)
    beneath = (index.name(one) for one in islice(topology.below(number), MAX_LOOKED_AT) if index.kind(one) in SERVES)
    return tuple(islice(beneath, MAX_SERVICES))


def _on(node: str, bounds: Guards, rule: Rule, services: Sequence[str]) -> Iterator[Limit]:
    """What is counted for one target."""
    target, service, bad = bounds.rates.target, bounds.rates.service, bounds.ineffective
    yield Limit(target.count, target.within, f"target:{node}", guard="rate per target", on=node)
    key = f"rule:{rule.name} on {node}"
    yield Limit(bad.count, bad.within, key, "ineffective", guard="ineffective", on=node)
    yield Limit(1, 0, f"share:{node}", "share", guard="share of siblings", share=bounds.siblings, on=node)
    for name in services:
        yield Limit(service.count, service.within, f"service:{name}", guard="rate per service", on=node)


def _limit(key: LimitKey, rule: Rule) -> Limit:
    """One line of the rule's own `limit:`."""
    limit, name = key.limit, f"{rule.name} per {key.limit.per} {key.key}"
    if limit.form == "share":
        return Limit(1, 0, f"repair of {key.key}", "share", share=limit.share)
    return Limit(limit.count, limit.window, name, "rate" if limit.form == "rate" else "at_once")
