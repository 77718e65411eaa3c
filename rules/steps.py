"""The steps of a rule: which action, with which parameters, on which node. Called by `rules.clauses`."""

from collections.abc import Mapping
from difflib import get_close_matches

import msgspec

from rules import expressions as ex
from rules import syntax
from rules.actions import Action, Command
from rules.checking import Checker
from rules.definitions import STEP_ARGUMENTS
from rules.expressions import Expression, Target, type_of
from rules.parameters import Parameter, refuse
from rules.problems import did_you_mean
from rules.ruleset import DEFAULT_WITHIN, Execute, Notify, Step, Verify, WaitUntil
from rules.units import WORDING, Type, format_value
from rules.world import Reach

MAX_RETRIES = 10


class Catalogue(msgspec.Struct, frozen=True):
    """What a step may name."""

    actions: Mapping[str, Action]
    commands: Mapping[str, Command]


def compile_steps(tree: syntax.Steps, checker: Checker, catalogue: Catalogue, reach: Reach) -> tuple[Step, ...]:
    """The steps in order; those with a mistake are reported and left out."""
    found: list[Step] = []
    for item in tree.items:
        if isinstance(item, syntax.Wait):
            checker.uses("wait until", item.span, "`wait until`", "E0601")
            until = compile_verify(item.until, checker, reach)
            if until is not None:
                found.append(WaitUntil(until=until))
            continue
        step = _notify(item, checker) if item.word == "notify" else _execute(item, checker, catalogue)
        if step is not None:
            found.append(step)
    return tuple(found)


def compile_verify(tree: syntax.Verification, checker: Checker, reach: Reach) -> Verify | None:
    """`X stable S within W`, or None after an error."""
    checker.reach = reach
    condition = checker.condition(tree.condition)
    checker.reach = None
    span = tree.condition.span
    before = checker.report.errors
    if any(isinstance(item, ex.HeldFor) for item in ex.walk(condition)):
        checker.uses("for in verify", span, "`for` after `verify:` and `wait until`", "E0601")
    stable = tree.stable or 0
    within = DEFAULT_WITHIN if tree.within is None else tree.within
    if is_constant(condition):
        expected = "resolved, healthy(target), a metric or a query"
        checker.error("E0502", span, "this does not depend on anything that was observed", expected=expected)
    elif stable > within or within <= 0:
        message = (
            f"stable {format_value(Type.DURATION, stable)} does not fit within {format_value(Type.DURATION, within)}"
        )
        checker.error("E0502", tree.span, message)
    if isinstance(condition, ex.Broken) or checker.report.errors > before:
        return None
    return Verify(condition=condition, stable=stable, within=within, text=checker.words(tree.span))


def is_constant(condition: Expression) -> bool:
    """Whether the condition is the same whatever is observed."""
    fixed = ex.Const | ex.Arithmetic | ex.Comparison | ex.Matching | ex.Membership | ex.AllOf | ex.AnyOf | ex.Not
    also = ex.HeldFor | ex.Default | ex.Known | ex.Convert
    return all(isinstance(item, fixed | also) for item in ex.walk(condition))


def _notify(item: syntax.Step, checker: Checker) -> Notify | None:
    message: Expression | None = None
    escalate = False
    for argument in _arguments(item, checker).values():
        if argument.name == "escalate":
            checker.uses("escalate", argument.span, "`escalate:` of notify", "E0601")
            if isinstance(argument.value, syntax.Literal) and argument.value.type is Type.BOOLEAN:
                escalate = bool(argument.value.value)
            else:
                checker.error("E0403", argument.value.span, "`escalate` is true or false, written out")
        elif argument.name == "message":
            checker.uses("message", argument.span, "`message:` of notify", "E0601")
            message = checker.expression(argument.value)
            if type_of(message) not in {Type.STRING, Type.BROKEN}:
                checker.error("E0403", argument.value.span, f"`message` is a string, not {WORDING[type_of(message)]}")
        else:
            known = did_you_mean(argument.name or "", ("escalate", "message"))
            checker.error("E0401", argument.span, f"notify(...) has no parameter `{argument.name}`", **known)
    channel = str(item.subject.value)
    if not channel.strip():
        checker.error("E0402", item.subject.span, "notify(...) names a channel", expected='notify("oncall")')
        return None
    channels = checker.world.channels
    if channels is not None and channel not in channels:
        listed = f"there are: {', '.join(sorted(channels))}" if channels else "the configuration has no `channels:` yet"
        more = did_you_mean(channel, channels) or {"hint": listed}
        checker.error("E0208", item.subject.span, f"there is no channel, person or schedule `{channel}`", **more)
        return None
    return Notify(to=channel, message=message, escalate=escalate)


def _execute(item: syntax.Step, checker: Checker, catalogue: Catalogue) -> Execute | None:
    name = str(item.subject.value)
    action = catalogue.actions.get(name)
    given = _arguments(item, checker)
    if action is None:
        if f"action {name}" not in checker.world.broken:
            more = did_you_mean(name, catalogue.actions) or {
                "hint": "`healer actions` lists all; declare one as: action ..."
            }
            checker.error("E0203", item.subject.span, f"there is no action `{name}`", **more)
        return None
    target = _target(given.pop("on", None), action, checker)
    timeout = _timeout(given.pop("timeout", None), action, checker)
    retry = _retry(given.pop("retry", None), checker)
    parameters: list[tuple[str, Expression]] = []
    sound = target is not None
    strange = given.keys() - {parameter.name for parameter in action.parameters}
    for parameter in action.parameters:
        argument = given.pop(parameter.name, None)
        if argument is None:
            if parameter.default is None and get_close_matches(parameter.name, strange, 1):
                sound = False  # it is there, misspelt, and that is said below
            elif parameter.default is None:
                message = f"{name} needs `{parameter.name}`, {WORDING[parameter.type]}"
                checker.error("E0402", item.span, message, expected=f"{parameter.name}: ...")
                sound = False
            else:
                parameters.append((parameter.name, ex.Const(parameter.type, parameter.default)))
            continue
        value = _value(parameter, argument, checker)
        if value is None:
            sound = False
        else:
            parameters.append((parameter.name, value))
    for argument in given.values():
        names = [*(each.name for each in action.parameters), *sorted(STEP_ARGUMENTS)]
        known = did_you_mean(argument.name or "", names) or {"expected": ", ".join(names)}
        checker.error("E0401", argument.span, f"{name} has no parameter `{argument.name}`", **known)
    command, found = _command(action, parameters, item, checker, catalogue)
    if not sound or not found or target is None:
        return None
    return Execute(
        action=action, parameters=tuple(parameters), target=target, timeout=timeout, retry=retry, command=command
    )


def _arguments(item: syntax.Step, checker: Checker) -> dict[str, syntax.Argument]:
    given: dict[str, syntax.Argument] = {}
    for argument in item.arguments:
        if argument.name in given:
            checker.error("E0110", argument.span, f"`{argument.name}` is given twice")
        given[argument.name or ""] = argument
    return given


def _target(argument: syntax.Argument | None, action: Action, checker: Checker) -> Target | None:
    if argument is None:
        return Target()
    target = checker.find_target(argument.value)
    if target is not None and target.kind and action.accepts and target.kind not in action.accepts:
        message = f"{action.name} does not accept a {target.kind}"
        checker.error("E0405", argument.span, message, expected=" or ".join(action.accepts))
        return None
    return target


def _timeout(argument: syntax.Argument | None, action: Action, checker: Checker) -> int:
    if argument is None:
        return action.timeout
    value = argument.value
    if not isinstance(value, syntax.Literal) or value.type is not Type.DURATION:
        checker.error("E0403", value.span, "`timeout` is a duration, written out", expected="a duration such as 45s")
        return action.timeout
    if not 0 < value.value <= action.hard_timeout:  # type: ignore[operator] # a duration is a number
        most = format_value(Type.DURATION, action.hard_timeout)
        checker.error("E0404", value.span, f"the timeout of {action.name} is more than nothing and at most {most}")
    return int(value.value)


def _retry(argument: syntax.Argument | None, checker: Checker) -> int:
    if argument is None:
        return 0
    value = argument.value
    if isinstance(value, syntax.Literal) and value.type is Type.NUMBER and value.value in range(MAX_RETRIES + 1):
        return int(value.value)
    checker.error("E0403", value.span, "`retry` is a whole number, written out", expected=f"0 to {MAX_RETRIES}")
    return 0


def _value(parameter: Parameter, argument: syntax.Argument, checker: Checker) -> Expression | None:
    value = checker.expression(argument.value)
    kind = type_of(value)
    if kind is Type.BROKEN:
        return None
    if kind is not parameter.type:
        message = f"`{parameter.name}` is {WORDING[parameter.type]}, and this is {WORDING[kind]}"
        checker.error("E0403", argument.value.span, message)
        return None
    if isinstance(value, ex.Const) and (why := refuse(parameter, value.value)):
        checker.error("E0404", argument.value.span, why)
        return None
    return value


def _command(
    action: Action,
    parameters: list[tuple[str, Expression]],
    item: syntax.Step,
    checker: Checker,
    catalogue: Catalogue,
) -> tuple[Command | None, bool]:
    """The declared command that a parameter names, and whether all is well."""
    wanted = action.run.command_parameter
    if wanted is None:
        return None, True
    value = dict(parameters).get(wanted)
    if value is None:
        return None, False
    span = next((argument.value.span for argument in item.arguments if argument.name == wanted), item.span)
    if not isinstance(value, ex.Const):
        checker.error(
            "E0204", span, "a command is named in the rule, not taken from the alert", expected="a name in quotes"
        )
        return None, False
    command = catalogue.commands.get(str(value.value))
    if command is None and f"command {value.value}" not in checker.world.broken:
        hint = did_you_mean(str(value.value), catalogue.commands) or {
            "hint": f'declare it: command "{value.value}": ["/usr/bin/...", "..."]'
        }
        checker.error("E0204", span, f"there is no command `{value.value}`", **hint)
    return command, command is not None
