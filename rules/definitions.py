"""Metrics, actions and commands: from what was read to what is meant. Called by `rules.compiling`."""

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any, Final, cast

from rules import expressions as ex
from rules import syntax
from rules.actions import SHOWN, Action, Command, Fence, Invocation, Metric
from rules.checking import Checker
from rules.names import FUNCTIONS, NAMES, OVERRIDABLE, PREFIXES
from rules.parameters import HOLE, Parameter, refuse
from rules.problems import Report, did_you_mean
from rules.reading import Draft, Written
from rules.units import NUMERIC, SECOND, WORDING, Type
from rules.world import World

EXECUTORS: Final = ("ssh", "agent", "kubernetes", "redfish", "http", "helm")
_WITH_ARGV: Final = frozenset({"ssh", "agent"})
_FENCES: Final = ("target", "precondition", "key", "none")
_FENCE_OF: Final[Mapping[str, Fence]] = {"ssh": "target", "agent": "target", "kubernetes": "precondition"}
_PARAMETER_TYPES: Final = {
    "string": Type.STRING,
    "integer": Type.NUMBER,
    "number": Type.NUMBER,
    "percentage": Type.PERCENTAGE,
    "duration": Type.DURATION,
    "bytes": Type.BYTES,
    "boolean": Type.BOOLEAN,
}
STEP_ARGUMENTS: Final = frozenset({"timeout", "retry", "on"})
DEFAULT_TIMEOUT: Final = 60 * SECOND
DEFAULT_HARD_TIMEOUT: Final = 30 * 60 * SECOND
MAX_ARGV: Final = 64


def version_of(*texts: str) -> str:
    """A short hash of the texts that a definition depends on."""
    return blake2b(
        "\0".join(text.strip() for text in texts).encode("utf-8", "surrogatepass"), digest_size=8
    ).hexdigest()


def compile_metric(draft: Draft, report: Report, world: World) -> Metric | None:
    """The metric, or None after an error."""
    tree: syntax.MetricText = draft.tree
    checker = Checker(world, report, report.text[draft.base :], draft.base)
    before = report.errors
    unit = next((kind for kind in NUMERIC | {Type.TIMESTAMP} if kind.value == tree.type.path), None)
    if unit is None:
        units = [kind.value for kind in Type if kind in NUMERIC | {Type.TIMESTAMP}]
        checker.error("E0207", tree.type.span, f"`{tree.type.path}` is no unit", expected=", ".join(units))
    if tree.name in {*NAMES, *PREFIXES, *FUNCTIONS} - OVERRIDABLE:
        checker.error(
            "E0110", tree.name_span, f"`{tree.name}` is a name of the language; call the metric something else"
        )
    # A metric stands on its own: its query is the definition's text, whatever else is defined.
    value = checker.expression(tree.value)
    if not isinstance(value, ex.Ask | ex.Broken):
        checker.error("E0305", tree.value.span, "a metric is a query", expected='query("...")')
    if report.errors > before or unit is None or not isinstance(value, ex.Ask):
        return None
    line, _ = report.place(draft.name_span[0])
    return Metric(
        name=tree.name,
        path=report.path,
        line=line,
        version=version_of(draft.text),
        type=unit,
        template=value.template,
    )


def compile_command(draft: Draft, report: Report) -> Command | None:
    """The command, or None after an error."""
    tree: syntax.CommandText = draft.tree
    before = report.errors
    _check_argv(tree.argv, (), report, draft.base)
    if report.errors > before:
        return None
    line, _ = report.place(draft.name_span[0])
    return Command(
        name=str(tree.name.value),
        path=report.path,
        line=line,
        version=version_of(draft.text),
        argv=tuple(str(part.value) for part in tree.argv),
    )


def compile_action(draft: Draft, report: Report, world: World) -> Action | None:
    """The action, or None after an error."""
    before = report.errors
    clauses = draft.clauses
    if "run" not in clauses:
        report.error("E0106", draft.name_span, "the action has no `run:`", expected='run: ssh ["/path", "argument"]')
    parameters = _parameters(clauses.get("with"), report)
    if report.errors > before:
        return None
    run = _invocation(clauses.get("run"), parameters, report)
    fallback = _invocation(clauses.get("fallback"), parameters, report)
    observe = _invocation(clauses.get("observe"), parameters, report)
    accepts = _accepts(clauses.get("accepts"), report, world)
    timeout, hard_timeout = _timeouts(clauses, report)
    diagnostic = _word(clauses.get("changes"), ("nothing",), report) == "nothing"
    fence = _word(clauses.get("fence"), _FENCES, report)
    if diagnostic and _flag(clauses.get("destructive"), default=False):
        report.error("E0406", clauses["destructive"].head, "an action that changes nothing destroys nothing")
    shows = _word(clauses.get("shows"), tuple(SHOWN), report) or ""
    if "shows" in clauses and "observe" not in clauses:
        report.error("E0406", clauses["shows"].head, "`shows:` says what `observe:` tells, and there is none")
    if run is not None and fallback is not None and fallback.executor == run.executor:
        message = f"`fallback:` is for when {run.executor} cannot be reached, so it is another executor's"
        report.error("E0406", clauses["fallback"].head, message)
    if fallback is not None and fallback.command_parameter:
        report.error("E0406", clauses["fallback"].head, "`fallback:` is an argv or a call, not a command by name")
    if report.errors == before:  # else what seems unused may be what another part misspells
        _refuse_unused(clauses.get("with"), parameters, (run, fallback, observe), report, SHOWN.get(shows, frozenset()))
    if report.errors > before or run is None or not draft.sound:
        return None
    line, _ = report.place(draft.name_span[0])
    return Action(
        name=draft.name,
        path=report.path,
        line=line,
        version=version_of(draft.text),
        run=run,
        parameters=parameters,
        accepts=accepts,
        idempotent=_flag(clauses.get("idempotent"), default=diagnostic),
        destructive=_flag(clauses.get("destructive"), default=not diagnostic),
        diagnostic=diagnostic,
        silences_source=_word(clauses.get("silences"), ("source",), report) == "source",
        closing=_flag(clauses.get("closing"), default=False),
        opposing=_text(clauses.get("opposing")),
        undo=_text(clauses.get("undo")),
        timeout=timeout,
        hard_timeout=hard_timeout,
        observe=observe,
        shows=shows,
        fallback=fallback,
        fence=cast("Fence", fence) if fence else _fence(run, fallback),
    )


def _fence(run: Invocation, fallback: Invocation | None) -> Fence:
    """How far a target refuses an older holder: no further than on the weaker of two ways."""
    ways = [run.executor, *([fallback.executor] if fallback is not None else [])]
    found = {_FENCE_OF.get(executor, "none") for executor in ways}
    return "none" if "none" in found else _FENCE_OF[run.executor]


def check_partners(actions: Mapping[str, Action], reports: Mapping[str, Report], broken: Collection[str] = ()) -> None:
    """Report actions whose `undo` or `opposing` names no action, or one that cannot take it back. `reports` is by path."""
    for action in actions.values():
        for clause, partner in (("undo", action.undo), ("opposing", action.opposing)):
            report = reports.get(action.path)
            if partner is None or report is None or f"action {partner}" in broken:
                continue
            if partner not in actions:
                start = report.text.find(clause, _offset(report, action.line))
                message = f"`{clause}:` of {action.name} names `{partner}`, and there is no such action"
                report.error("E0203", (start, start + len(clause)), message, **did_you_mean(partner, actions))
            elif clause == "undo":
                _refuse_partner(action, actions[partner], report)


def _refuse_partner(action: Action, undo: Action, report: Report) -> None:
    """What takes a step back is given the step's own values, and acts on the step's own node."""
    start = report.text.find("undo", _offset(report, action.line))
    known = {each.name: each.type for each in action.parameters}
    for each in undo.parameters:
        if each.default is None and known.get(each.name) is not each.type:
            message = f"{undo.name} needs `{each.name}`, {WORDING[each.type]}, and {action.name} has no such parameter"
            report.error("E0406", (start, start + len("undo")), message)
    if undo.accepts and not set(action.accepts) <= set(undo.accepts) | ({"any"} if not action.accepts else set()):
        missing = ", ".join(sorted(set(action.accepts) - set(undo.accepts)))
        report.error(
            "E0406", (start, start + len("undo")), f"{undo.name} does not accept {missing}, as {action.name} does"
        )


def _offset(report: Report, line: int) -> int:
    return sum(len(row) + 1 for row in report.text.split("\n")[: line - 1])


def _parameters(clause: Written | None, report: Report) -> tuple[Parameter, ...]:
    if clause is None or clause.tree is None:
        return ()
    found: dict[str, Parameter] = {}
    for item in cast("tuple[syntax.ParameterText, ...]", clause.tree):
        span = clause.place(item.span)
        if item.name in found:
            report.error("E0110", span, f"the parameter `{item.name}` is declared twice")
        if item.name in STEP_ARGUMENTS:
            report.error("E0406", span, f"`{item.name}` belongs to every step; call the parameter something else")
        parameter = _parameter(item, clause, report)
        if parameter is not None:
            found[item.name] = parameter
    return tuple(found.values())


def _parameter(item: syntax.ParameterText, clause: Written, report: Report) -> Parameter | None:
    kind = _PARAMETER_TYPES.get(item.type.path)
    if kind is None:
        known = ", ".join(_PARAMETER_TYPES)
        report.error("E0207", clause.place(item.type.span), f"`{item.type.path}` is no type", expected=known)
        return None
    values = [*item.choices, *(value for value in (item.lowest, item.highest, item.default) if value is not None)]
    for value in values:
        if value.type is not kind:
            message = f"`{item.name}` is {WORDING[kind]}, and this is {WORDING[value.type]}"
            report.error("E0403", clause.place(value.span), message)
            return None
    if item.pattern is not None:
        checker = Checker(World((), None, {}), report, clause.text, clause.base)
        if kind is not Type.STRING:
            report.error(
                "E0406", clause.place(item.pattern.span), f"a pattern is for strings; `{item.name}` is a {kind}"
            )
            return None
        if not checker.pattern(str(item.pattern.value), item.pattern.span):
            return None
    parameter = Parameter(
        name=item.name,
        type=kind,
        whole=item.type.path == "integer",
        pattern=str(item.pattern.value) if item.pattern else None,
        choices=tuple(choice.value for choice in item.choices),
        lowest=_bound(item.lowest),
        highest=_bound(item.highest),
        default=item.default.value if item.default else None,
    )
    if item.default is not None and (why := refuse(parameter, item.default.value)):
        report.error("E0404", clause.place(item.default.span), f"the default is refused: {why}")
    return parameter


def _bound(literal: syntax.Literal | None) -> float | int | None:
    return literal.value if literal is not None and isinstance(literal.value, int | float) else None


def _invocation(clause: Written | None, parameters: tuple[Parameter, ...], report: Report) -> Invocation | None:
    if clause is None or clause.tree is None:
        return None
    tree: syntax.Invocation = clause.tree
    executor = tree.executor.path
    span = clause.place(tree.executor.span)
    if executor not in EXECUTORS:
        near = did_you_mean(executor, EXECUTORS)
        report.error("E0406", span, f"there is no executor `{executor}`", expected=", ".join(EXECUTORS), **near)
        return None
    if (tree.call is None) is not (executor in _WITH_ARGV):
        wanted = '["/path", "argument"]' if executor in _WITH_ARGV else 'a call by name, as in kubernetes "scale"'
        report.error("E0406", span, f"`{executor}` does not run it this way", expected=wanted)
        return None
    if tree.argv is not None:
        _check_argv(tree.argv, parameters, report, clause.base)
    if tree.command is not None and not any(p.name == tree.command and p.type is Type.STRING for p in parameters):
        report.error("E0406", clause.place(tree.span), f"`{tree.command}` is no string parameter of `with:`")
    return Invocation(
        executor=executor,
        argv=tuple(str(part.value) for part in tree.argv or ()),
        call=str(tree.call.value) if tree.call else None,
        command_parameter=tree.command,
    )


def _check_argv(argv: tuple[syntax.Literal, ...], parameters: tuple[Parameter, ...], report: Report, base: int) -> None:
    by_name = {parameter.name: parameter for parameter in parameters}
    program = str(argv[0].value)
    where = argv[0].span[0] + base, argv[0].span[1] + base
    if not program.startswith("/") or HOLE.search(program):
        report.error("E0406", where, "the program is an absolute path without parameters", expected='"/usr/bin/..."')
    if len(argv) > MAX_ARGV:
        report.error("E0108", where, f"an argv has at most {MAX_ARGV} elements, and this one {len(argv)}")
    for part in argv:
        span = part.span[0] + base, part.span[1] + base
        text = str(part.value)
        if not text.isprintable():
            report.error("E0406", span, "an argument holds characters that cannot be printed")
        if "{{" in text:
            hint = "declare a parameter, and give it the name in the step"
            report.error("E0406", span, "an argv holds {parameters}, not {{ names }}", hint=hint)
            continue
        for name in HOLE.findall(text):
            parameter = by_name.get(name)
            if parameter is None:
                report.error("E0406", span, f"`{{{name}}}` is no parameter of `with:`", **did_you_mean(name, by_name))
            elif parameter.type is Type.STRING and parameter.pattern is None and not parameter.choices:
                hint = f'{name}: string =~ "[a-z0-9-]{{1,32}}"'
                report.error("E0406", span, f"the string `{name}` needs a pattern or a list of choices", hint=hint)


def _refuse_unused(
    clause: Written | None,
    parameters: tuple[Parameter, ...],
    invocations: tuple[Invocation | None, ...],
    report: Report,
    read: frozenset[str],
) -> None:
    found = [each for each in invocations if each is not None]
    if clause is None or any(each.call is not None for each in found):
        return
    used = {name for each in found for part in each.argv for name in HOLE.findall(part)}
    used |= read | {each.command_parameter or "" for each in found}
    for item in cast("tuple[syntax.ParameterText, ...]", clause.tree or ()):
        if item.name not in used and any(parameter.name == item.name for parameter in parameters):
            report.error("E0406", clause.place(item.span), f"the parameter `{item.name}` is never used")


def _accepts(clause: Written | None, report: Report, world: World) -> tuple[str, ...]:
    if clause is None or clause.tree is None:
        return ()
    checker = Checker(world, report, clause.text, clause.base)
    kinds = []
    for item in clause.tree.items:
        if not isinstance(item, syntax.Name):
            checker.error("E0205", item.span, "a kind of node stands without quotes")
        elif item.path == "any":
            return ()
        else:
            kinds.append(item.path)
    # The shipped catalogue names kinds that an installation need not have, so they are not checked against its list.
    return tuple(kinds)


def _timeouts(clauses: Mapping[str, Written], report: Report) -> tuple[int, int]:
    hard = _micros(clauses.get("hard timeout"), 0)
    timeout = _micros(clauses.get("timeout"), min(DEFAULT_TIMEOUT, hard or DEFAULT_TIMEOUT))
    if "hard timeout" not in clauses:
        hard = max(DEFAULT_HARD_TIMEOUT, timeout)
    for word, micros in (("timeout", timeout), ("hard timeout", hard)):
        if micros <= 0 and word in clauses:
            report.error("E0503", clauses[word].head, f"`{word}:` is longer than nothing")
    if timeout > hard > 0:
        report.error("E0406", clauses["timeout"].head, "`timeout:` is longer than `hard timeout:`")
    return timeout, hard


def _micros(clause: Written | None, default: int) -> int:
    return default if clause is None or clause.tree is None else int(clause.tree.value)


def _flag(clause: Written | None, *, default: bool) -> bool:
    return default if clause is None or clause.tree is None else bool(clause.tree.value)


def _text(clause: Written | None) -> str | None:
    return None if clause is None or clause.tree is None else str(clause.tree.value)


def _word(clause: Written | None, allowed: tuple[str, ...], report: Report) -> str | None:
    """The one word of a clause such as `fence:`, or None where it is absent or refused."""
    return one_word(clause, allowed, report) if clause is not None and clause.tree is not None else None


def one_word(clause: Written, allowed: tuple[str, ...], report: Report) -> str | None:
    """The one word of a clause, which must be one of those allowed."""
    items: tuple[Any, ...] = clause.tree.items
    if len(items) == 1 and isinstance(items[0], syntax.Name) and items[0].path.lower() in allowed:
        return items[0].path.lower()
    shown = items[0].path if isinstance(items[0], syntax.Name) else ""
    message = f"`{clause.word}:` holds one of its own words"
    span = clause.place(clause.tree.span)
    report.error("E0503", span, message, expected=", ".join(allowed), **did_you_mean(shown, allowed))
    return None
