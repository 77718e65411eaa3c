"""What a rule can do: the actions, each with what it runs, takes and risks.

healer actions                                   those that ship with healer
healer actions --config /etc/healer/healer.yaml  with those of this installation's rule files
healer actions clean_disk                        one of them, in detail
"""

import argparse
import difflib
from pathlib import Path

from healer.cli.catalogue import invoked, ordered, row, shipped, takes, traits
from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.rule_files import compiled_files, read_settings
from rules import Action
from rules.units import format_duration


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="one action, in detail")
    parser.add_argument("--config", type=Path, metavar="FILE", help="with the actions of this installation's rules")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    actions = known(arguments.config)
    if arguments.name is not None:
        actions = [_named(arguments.name, actions)]
    if arguments.json:
        output.json({"items": [row(action) for action in actions], "total": len(actions)})
    elif arguments.name is not None:
        _show(actions[0], output)
    else:
        rows = [
            (each.name, each.run.executor, ", ".join(each.accepts) or "any", "; ".join(traits(each)))
            for each in actions
        ]
        output.table(("ACTION", "EXECUTOR", "ON", ""), rows, empty="there are no actions")
    return 0


def known(config: Path | None) -> list[Action]:
    """The actions that rules may name. Raises Failure where the configuration's rules do not compile."""
    settings = read_settings(config)
    if settings is None:
        return shipped()
    compiled = compiled_files([], settings)
    if compiled.ruleset is None:
        raise Failure(f"the rules have mistakes: healer check --config {config} says which")
    return ordered(compiled.ruleset.actions.values())


def _named(name: str, actions: list[Action]) -> Action:
    for action in actions:
        if action.name == name:
            return action
    near = difflib.get_close_matches(name, [action.name for action in actions], 1)
    hint = f"did you mean {near[0]}?" if near else "`healer actions` lists them"
    raise Failure(f"there is no action {name!r}; {hint}", CALLED_WRONG)


def _show(action: Action, output: Output) -> None:
    output.heading(action.name)
    facts = [
        ("executor", action.run.executor),
        ("on", ", ".join(action.accepts) or "any node"),
        ("runs", invoked(action.run)),
        ("falls back", f"{action.fallback.executor}: {invoked(action.fallback)}" if action.fallback else ""),
        ("looks with", invoked(action.observe) if action.observe else ""),
        ("", "; ".join(traits(action))),
        ("timeout", f"{format_duration(action.timeout)}, at most {format_duration(action.hard_timeout)}"),
        ("declared", f"{action.path}:{action.line}"),
    ]
    output.facts(facts)
    if action.parameters:
        output.heading("Parameters")
        described = {each["name"]: each["default"] for each in row(action)["parameters"]}
        rows = [(each.name, described[each.name] or "required", takes(each)) for each in action.parameters]
        output.table(("NAME", "DEFAULT", "TAKES"), rows, empty="")
