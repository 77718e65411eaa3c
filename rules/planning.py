"""What exactly would these steps do to which node? Every parameter filled in and checked, or refused with the reason.

Parameters are data: an argv element stays one element whatever stands in it, and nothing here ever becomes shell text.
Called by the runner in healer.remediation when a rule has matched.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from rules import expressions as ex
from rules.actions import Action, Fence
from rules.evaluation import see, target_of, value_of
from rules.facts import Facts, NodeFact, Query
from rules.parameters import fill, refuse, written
from rules.permissions import touches
from rules.ruleset import Execute, Limit, Notify, Rule, Step, WaitUntil
from rules.units import Type, format_value


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """How else an effect is had: by another executor, with an argv, or with a call and the step's own parameters."""

    executor: str
    argv: tuple[str, ...] = ()
    call: str | None = None


class PlannedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One effect to be: everything that the executor needs, and nothing left to decide. Times are microseconds.

    `argv` is for ssh and agent; `call` with `parameters` for the others. `observe` is an argv that tells the state.
    """

    position: int
    action: Action
    target: NodeFact
    executor: str
    argv: tuple[str, ...] = ()
    call: str | None = None
    parameters: tuple[tuple[str, str | float | int | bool], ...] = ()
    observe: tuple[str, ...] = ()
    timeout: int
    hard_timeout: int
    retry: int
    fence: Fence
    fallback: Way | None = None
    """Where the first way is down."""

    @property
    def sentence(self) -> str:
        """The step in a few words: `restart_service(unit: "nginx.service") on host/web-1`."""
        kinds = {parameter.name: parameter.type for parameter in self.action.parameters}
        given = ", ".join(f"{name}: {format_value(kinds[name], value)}" for name, value in self.parameters)
        return f"{self.action.name}({given}) on {self.target.id}"


class PlannedNotice(msgspec.Struct, frozen=True, kw_only=True):
    """People to be told: a channel, what is said beside the story, and whether it goes up a level."""

    position: int
    to: str
    message: str = ""
    escalate: bool = False


class PlannedWait(msgspec.Struct, frozen=True, kw_only=True):
    """The plan waits here until this holds; `text` is for people, times are microseconds."""

    position: int
    text: str
    stable: int
    within: int


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A step that cannot be, and why, in one sentence."""

    position: int
    step: str
    why: str


class LimitKey(msgspec.Struct, frozen=True, kw_only=True):
    """What one limit counts by here; `key` is None where that is unknown, and then the limit refuses."""

    limit: Limit
    key: str | None
    why: str = ""


Planned = PlannedStep | PlannedNotice | PlannedWait | Refusal
Clause = Literal["then", "otherwise", "after success", "on recovery"]


def render_steps(rule: Rule, facts: Facts, *, clause: Clause = "then") -> tuple[Planned, ...]:
    """The steps of a rule's clause for this incident, in order, each one planned or refused."""
    return tuple(_render(step, position, rule, facts) for position, step in enumerate(steps_of(rule, clause)))


def steps_of(rule: Rule, clause: Clause) -> tuple[Step, ...]:
    """The steps of a clause."""
    clauses = {"then": rule.then, "otherwise": rule.otherwise, "after success": rule.after_success}
    return clauses.get(clause, rule.on_recovery)


def _render(step: Step, position: int, rule: Rule, facts: Facts) -> Planned:
    if isinstance(step, Execute):
        planned = _plan(step, position, facts)
        if isinstance(planned, PlannedStep) and not touches(rule.nodes, planned.target):
            why = f"{planned.target.id} is none of the nodes that the rule's folder may touch: {', '.join(rule.nodes)}"
            return Refusal(position=position, step=step.action.name, why=why)
        return planned
    if isinstance(step, WaitUntil):
        until = step.until
        return PlannedWait(position=position, text=until.text, stable=until.stable, within=until.within)
    # What cannot be said is left out: people are told all the same.
    said = value_of(step.message, facts)[0] if step.message is not None else ""
    return PlannedNotice(position=position, to=step.to, message=str(said or ""), escalate=step.escalate)


def undo_of(step: PlannedStep, actions: Mapping[str, Action]) -> PlannedStep | None:
    """What takes this step back, with the same values on the same node; None where nothing does."""
    action = actions.get(step.action.undo or "")
    if action is None:
        return None
    known = dict(step.parameters)
    values = {each.name: known.get(each.name, each.default) for each in action.parameters}
    given = {name: value for name, value in values.items() if value is not None}
    texts = {each.name: written(each, given[each.name]) for each in action.parameters if each.name in given}
    filled = _filled(action, texts)
    if isinstance(filled, str):
        return None
    argv, observe = filled
    return msgspec.structs.replace(
        step,
        action=action,
        executor=action.run.executor,
        argv=argv,
        call=action.run.call,
        parameters=tuple(given.items()),
        observe=observe,
        timeout=action.timeout,
        hard_timeout=action.hard_timeout,
        retry=0,
        fence=action.fence,
        fallback=None,
    )


def needs_of(rule: Rule, facts: Facts) -> tuple[Query, ...]:
    """What has to be asked before the steps of any clause can be filled in."""
    found: list[Query] = []
    for step in (*rule.then, *rule.otherwise, *rule.after_success, *rule.on_recovery):
        if isinstance(step, Execute):
            parts = (*step.parameters, *step.target.where)
            found.extend(need for _, value in parts for need in see(value, facts).needs)
        elif isinstance(step, Notify) and step.message is not None:
            found.extend(see(step.message, facts).needs)
    return tuple(dict.fromkeys(found))


def limit_keys(rule: Rule, facts: Facts) -> tuple[LimitKey, ...]:
    """What each limit of the rule counts by for this incident."""
    return tuple(
        LimitKey(limit=limit, key=key, why=why)
        for limit in rule.limits
        for key, why in (key_of(limit.per, rule, facts),)
    )


def key_of(per: str, rule: Rule, facts: Facts) -> tuple[str | None, str]:
    """What is counted by for this incident; None, and why, where that is unknown."""
    if per == "rule":
        return rule.name, ""
    if per == "action":
        return ",".join(sorted({step.action.name for step in rule.then if isinstance(step, Execute)})), ""
    if per == "siblings":
        return _siblings(facts)
    value, why = value_of(ex.Read(Type.STRING, "node.id" if per == "node" else per), facts)
    return (None, why) if value is None else (str(value), "")


def _siblings(facts: Facts) -> tuple[str | None, str]:
    """The node's siblings share a kind and the nearest node above: that is their name."""
    if facts.node is None or facts.around is None:
        return None, "the incident has no node" if facts.node is None else "the topology is not known"
    above = facts.around.above(facts.node.id, None)
    if not above:
        return None, f"{facts.node.id} has nothing above it, so its siblings are unknown"
    return f"{facts.node.kind} below {above[0]}", ""


def _plan(step: Execute, position: int, facts: Facts) -> PlannedStep | Refusal:
    action = step.action
    target, why = target_of(step.target, facts)
    if target is None:
        return Refusal(position=position, step=action.name, why=f"no target: {why}")
    if action.accepts and target.kind not in action.accepts:
        kinds = " or ".join(action.accepts)
        why = f"{target.id} is a {target.kind}, and {action.name} accepts {kinds}"
        return Refusal(position=position, step=action.name, why=why)
    values: dict[str, str | float | int | bool] = {}
    texts: dict[str, str] = {}
    for parameter in action.parameters:
        value, why = value_of(dict(step.parameters)[parameter.name], facts)
        if value is None or isinstance(value, NodeFact | tuple):
            return Refusal(position=position, step=action.name, why=f"{parameter.name} is unknown: {why}")
        refused = refuse(parameter, value)
        if refused:
            return Refusal(position=position, step=action.name, why=refused)
        values[parameter.name] = value
        texts[parameter.name] = written(parameter, value)
    filled = _filled(action, texts)
    if isinstance(filled, str):
        return Refusal(position=position, step=action.name, why=filled)
    argv, observe = filled
    fallback = _fallback(action, texts)
    if isinstance(fallback, str):
        return Refusal(position=position, step=action.name, why=fallback)
    return PlannedStep(
        position=position,
        action=action,
        target=target,
        executor=action.run.executor,
        argv=step.command.argv if step.command else argv,
        call=action.run.call,
        parameters=tuple(values.items()),
        observe=observe,
        timeout=step.timeout,
        hard_timeout=action.hard_timeout,
        retry=step.retry,
        fence=action.fence,
        fallback=fallback,
    )


def _fallback(action: Action, texts: dict[str, str]) -> Way | str | None:
    """The other way, filled in; None where there is none, or why not."""
    other = action.fallback
    if other is None:
        return None
    argv = fill(other.argv, texts)
    return argv if isinstance(argv, str) else Way(executor=other.executor, argv=argv, call=other.call)


def _filled(action: Action, texts: dict[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]] | str:
    """The argv that runs, and the one that looks (empty where there is none), or why not."""
    argv = fill(action.run.argv, texts)
    observe = fill(action.observe.argv, texts) if action.observe else ()
    if isinstance(argv, str):
        return argv
    return observe if isinstance(observe, str) else (argv, observe)
