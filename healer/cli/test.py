"""Run the `test` blocks of rules: the real engine, guards and planner on a virtual clock; nothing outside is touched.

healer test rules/                       every test of these files; folders are searched
healer test --config healer.yaml         those of a configuration, with its health queries
healer test --pack node                  those of rules that ship with healer (all: of every pack)
healer test rules/ --junit report.xml    for CI
"""

import argparse
from pathlib import Path
from typing import Any

from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.junit import Case, write_junit
from healer.cli.output import Output
from healer.cli.rule_files import compiled_files, read_settings
from healer.cli.words import counted
from healer.rehearsal.trial import Tried, attempt
from healer.settings.permitted import health_of
from healer.times import SECOND, format_duration
from rules import Compiled, format_problem, is_shipped, pack_names, path_of_pack


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", type=Path, nargs="*", metavar="PATH", help="rule files, or folders of them")
    parser.add_argument("--config", type=Path, metavar="FILE", help="test the rules of a configuration")
    parser.add_argument(
        "--pack",
        action="append",
        default=[],
        metavar="NAME",
        help="test rules that ship with healer; repeatable, or: all",
    )
    parser.add_argument("--only", metavar="TEXT", help="only tests whose name contains this")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write a report for CI, too")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    if not arguments.paths and arguments.config is None and not arguments.pack:
        raise Failure("nothing to test: give paths of rules, --config FILE or --pack NAME", CALLED_WRONG)
    settings = read_settings(arguments.config)
    packs = pack_names() if "all" in arguments.pack else tuple(arguments.pack)
    compiled = compiled_files(arguments.paths, settings, packs=packs)
    ruleset = compiled.ruleset
    if ruleset is None:
        raise Failure(_errors(compiled), FOUND_WRONG)
    asked = {path_of_pack(name) for name in packs}
    tests = [trial for trial in ruleset.tests if not is_shipped(trial.path) or trial.path in asked]
    wanted = [trial for trial in tests if not arguments.only or arguments.only in trial.name]
    health = health_of(settings) if settings is not None else None
    tried = []
    for number, trial in enumerate(wanted, 1):
        tried.append(attempt(trial, ruleset, health))
        if output.pretty and not arguments.json:
            output.errors.print(f"{number} of {len(wanted)}", end="\r", style="dim")
    if arguments.junit is not None:
        write_junit(arguments.junit, "healer test", [_case(one) for one in tried])
    if arguments.json:
        output.json({"items": [_item(one) for one in tried], "total": len(tried), "next": None})
    else:
        _show(output, tried)
    if not tried:
        # A suite without any test passes for ever: that is not what whoever runs it wants.
        raise Failure("there is no test in these files", FOUND_WRONG)
    return 0 if all(one.passed for one in tried) else FOUND_WRONG


def _errors(compiled: Compiled) -> str:
    return "\n".join(format_problem(problem) for problem in compiled.problems if problem.severity == "error")


def _show(output: Output, tried: list[Tried]) -> None:
    path = ""
    for one in tried:
        if one.trial.path != path:
            path = one.trial.path
            output.heading(path)
        output.line(f"  {'passed' if one.passed else 'FAILED'}  {one.trial.name}", "green" if one.passed else "red")
        if not one.passed:
            for failure in one.failures:
                output.line(f"          {failure}")
            output.line("          what happened:", "dim")
            for line in one.happened:
                output.line(f"            {line}", "dim")
    failed = sum(not one.passed for one in tried)
    output.line()
    summary = f"{counted(len(tried), 'test')}: {len(tried) - failed} passed, {failed} failed"
    output.line(summary, "red" if failed else "green")


def _item(one: Tried) -> dict[str, Any]:
    return {
        "name": one.trial.name,
        "path": one.trial.path,
        "line": one.trial.line,
        "passed": one.passed,
        "failures": list(one.failures),
        "happened": list(one.happened),
        "virtual_time": format_duration(one.lasted_us),
    }


def _case(one: Tried) -> Case:
    wrong = "\n".join((*one.failures, "what happened:", *one.happened)) if one.failures else ""
    return Case(f"{one.trial.path}:{one.trial.line}", one.trial.name, wrong, one.lasted_us / SECOND)
