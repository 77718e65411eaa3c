"""Which commands do these rules need on machines, as lines of the wrapper's allow-list? Pure; used by `healer sudoers`."""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product

import msgspec

from rules import Action, Execute, Parameter, Rule, RuleSet, WaitUntil
from rules.expressions import Const, Expression, Glance, walk
from rules.parameters import HOLE, refuse, written
from rules.units import Type

MAX_LINES = 64
"""Lines for one step: where its parameters have more choices than that, any value of their kind is allowed."""
BY_THE_WRAPPER = ("ssh", "agent")
"""The executors that run the wrapper."""
_WORD = re.compile(r"[!-~]+")


class Unlistable(ValueError):
    """A command that the allow-list cannot name; the text says which and why."""


def lines(ruleset: RuleSet) -> list[str]:
    """One line for each command of each rule, sorted; those that only look begin with `observe`. Raises Unlistable."""
    found: set[str] = set()
    for rule in ruleset.rules:
        for step in _steps(rule, ruleset.actions):
            found.update(_of_step(step))
        for glance in _glances(rule):
            found.update(_of_glance(glance))
    return sorted(found)


def _steps(rule: Rule, actions: Mapping[str, Action]) -> Iterator[Execute]:
    """What a rule runs on machines, what undoes it included."""
    for step in (*rule.then, *rule.otherwise, *rule.after_success, *rule.on_recovery):
        if isinstance(step, Execute):
            yield from _on_machines(step)
            undo = actions.get(step.action.undo or "")
            if undo is not None:
                yield from _on_machines(
                    Execute(action=undo, parameters=step.parameters, target=step.target, timeout=0, retry=0)
                )


def _on_machines(step: Execute) -> Iterator[Execute]:
    """The step as each of its ways runs it, of those that machines carry out."""
    action = step.action
    if action.run.executor in BY_THE_WRAPPER:
        yield step
    if action.fallback is not None and action.fallback.executor in BY_THE_WRAPPER:
        other = msgspec.structs.replace(action, run=action.fallback, observe=None)
        yield msgspec.structs.replace(step, action=other, command=None)


def _glances(rule: Rule) -> Iterator[Glance]:
    """What it looks at on machines to verify, or while it waits."""
    steps = (*rule.then, *rule.otherwise, *rule.after_success, *rule.on_recovery)
    for verify in (rule.verify, *(step.until for step in steps if isinstance(step, WaitUntil))):
        for item in walk(verify.condition):
            if isinstance(item, Glance) and item.executor in BY_THE_WRAPPER:
                yield item


def _of_glance(glance: Glance) -> Iterator[str]:
    values = dict(glance.given)
    given = {each.name: _spellings(each, values.get(each.name)) for each in glance.parameters}
    yield from (f"observe {line}" for line in _commands(glance.argv, given))


def _of_step(step: Execute) -> Iterator[str]:
    values = dict(step.parameters)
    given = {each.name: _spellings(each, values.get(each.name)) for each in step.action.parameters}
    yield from _commands(step.command.argv if step.command is not None else step.action.run.argv, given)
    if step.action.observe is not None:
        yield from (f"observe {line}" for line in _commands(step.action.observe.argv, given))


def _spellings(parameter: Parameter, value: Expression | None) -> tuple[str, ...]:
    """What may stand for a parameter: the one value that the rule writes out, each of its choices, or a kind of value."""
    if isinstance(value, Const) and refuse(parameter, value.value) is None:
        return (written(parameter, value.value),)
    if parameter.choices:
        return tuple(written(parameter, choice) for choice in parameter.choices)
    if parameter.type is Type.BOOLEAN:
        return ("true", "false")
    if parameter.type is not Type.STRING:
        return ("<number>",)
    return ("<path>",) if "/" in (parameter.pattern or "") else ("<name>",)


def _commands(argv: tuple[str, ...], given: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    names = sorted({name for part in argv for name in HOLE.findall(part)})
    choices = list(product(*(given[name] for name in names)))
    if len(choices) > MAX_LINES:
        choices = [tuple("<name>" if len(given[name]) > 1 else given[name][0] for name in names)]
    for chosen in choices:
        yield _line(argv, dict(zip(names, chosen, strict=True)))


def _line(argv: Iterable[str], values: Mapping[str, str]) -> str:
    words = [_word(HOLE.sub(lambda hole: values[hole[1]], part)) for part in argv]
    for word in words:
        if not _WORD.fullmatch(word) or word == "...":
            raise Unlistable(f"{' '.join(words)!r} has the argument {word!r}: an allow-list holds words without spaces")
    return " ".join(words)


def _word(word: str) -> str:
    """A kind of value stands at the end of a word: what follows it belongs to the value then."""
    for kind in ("<name>", "<path>", "<number>"):
        before, mark, after = word.partition(kind)
        if mark and after:
            return before + ("<name>" if kind == "<number>" else kind)
    return word
