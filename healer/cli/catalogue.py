"""What does an action take, run and risk, in words? For `healer actions` and docs/actions.md, from the catalogue itself.

`python -m healer.cli.catalogue docs/actions.md` writes the tables into the page; a test holds the page to them.
"""

import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from rules import Action, Invocation, Parameter, compile_files
from rules.definitions import EXECUTORS
from rules.parameters import written
from rules.units import format_duration, format_value

BEGIN = "<!-- actions: written by `python -m healer.cli.catalogue docs/actions.md` -->"
END = "<!-- end of actions -->"
_HEADINGS = {
    "ssh": "ssh: on the machine itself",
    "kubernetes": "kubernetes: by the API server",
    "redfish": "redfish: below the operating system",
    "http": "http: pipelines and webhooks",
    "helm": "helm: releases",
}


def shipped() -> list[Action]:
    """The catalogue that comes with healer, by executor, then in the order of its file."""
    compiled = compile_files([], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    return ordered(compiled.ruleset.actions.values())


def ordered(actions: Iterable[Action]) -> list[Action]:
    """By executor, then in the order of the files."""
    return sorted(actions, key=lambda action: (EXECUTORS.index(action.run.executor), action.path, action.line))


def row(action: Action) -> dict[str, Any]:
    """One action for JSON, with all that it declares. Times are seconds."""
    return {
        "name": action.name,
        "executor": action.run.executor,
        "runs": invoked(action.run),
        "falls_back": {"executor": action.fallback.executor, "runs": invoked(action.fallback)}
        if action.fallback
        else None,
        "observes": invoked(action.observe) if action.observe else "",
        "shows": action.shows,
        "accepts": list(action.accepts),
        "parameters": [
            {"name": each.name, "takes": takes(each), "default": _default(each)} for each in action.parameters
        ],
        "idempotent": action.idempotent,
        "destructive": action.destructive,
        "changes_nothing": action.diagnostic,
        "silences_source": action.silences_source,
        "closing": action.closing,
        "undo": action.undo,
        "opposing": action.opposing,
        "fence": action.fence,
        "timeout_s": action.timeout / 1_000_000,
        "hard_timeout_s": action.hard_timeout / 1_000_000,
        "version": action.version,
        "path": action.path,
    }


def traits(action: Action) -> list[str]:
    """What it risks and promises, the worst first."""
    found = [
        ("changes nothing", action.diagnostic),
        ("destructive", action.destructive),
        ("silences its own alert", action.silences_source),
        ("idempotent", action.idempotent and not action.diagnostic),
        ("tidies up", action.closing),
        ("the target cannot compare tokens: needs `allow: unfenced`", action.fence == "none"),
        (f"undone by `{action.undo}`", bool(action.undo)),
        (f"the opposite of `{action.opposing}`", bool(action.opposing)),
        (f"looks at the {action.shows} before and after", bool(action.shows)),
    ]
    return [words for words, holds in found if holds]


def invoked(invocation: Invocation) -> str:
    """What runs: the argv, one element a word, or the call."""
    if invocation.command_parameter:
        return f"the command that {invocation.command_parameter} names"
    return " ".join(invocation.argv) if invocation.argv else invocation.call or ""


def takes(parameter: Parameter) -> str:
    """Type and limits of a parameter, as the language writes them."""
    kind = "integer" if parameter.whole else str(parameter.type)
    if parameter.choices:
        return " | ".join(format_value(parameter.type, choice) for choice in parameter.choices)
    if parameter.pattern is not None:
        return f'{kind} =~ "{parameter.pattern}"'
    if parameter.lowest is not None and parameter.highest is not None:
        lowest, highest = (format_value(parameter.type, each) for each in (parameter.lowest, parameter.highest))
        return f"{kind} from {lowest} to {highest}"
    return kind


def markdown() -> str:
    """A section for each executor, a table of its actions, and below it what each one runs."""
    parts = []
    for executor, group in groupby(shipped(), key=lambda action: action.run.executor):
        actions = list(group)
        rows = "".join(
            f"| `{action.name}` | {', '.join(action.accepts) or 'any'} | {_cell('; '.join(traits(action)))} |"
            f" {format_duration(action.timeout)} | {format_duration(action.hard_timeout)} |\n"
            for action in actions
        )
        head = "| action | on | | timeout | at most |\n| --- | --- | --- | --- | --- |\n"
        parts.append(f"### {_HEADINGS[executor]}\n\n{head}{rows}\n" + "\n".join(map(_detail, actions)))
    return "\n".join(parts)


def rewritten(page: str) -> str:
    """The page with today's catalogue between its markers. Raises ValueError when it has no markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{markdown()}\n{END}{after}"


def _detail(action: Action) -> str:
    lines = [f"- **{action.name}** runs `{invoked(action.run)}`"]
    if action.observe:
        lines.append(f"  - looks with `{invoked(action.observe)}`")
    for parameter in action.parameters:
        default = _default(parameter)
        lines.append(f"  - `{parameter.name}`: `{takes(parameter)}`" + (f", else `{default}`" if default else ""))
    return "\n".join(lines) + "\n"


def _default(parameter: Parameter) -> str:
    if parameter.default is None:
        return ""
    return (
        written(parameter, parameter.default) if parameter.pattern else format_value(parameter.type, parameter.default)
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(rewritten(file.read_text("utf-8")), "utf-8")
