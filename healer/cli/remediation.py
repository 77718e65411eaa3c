"""What was done about it: remediations, newest first; one with its plan and every effect that was tried.

healer remediation list [--status executing] [--incident ID]
healer remediation show ID
healer remediation approve CODE | reject CODE    answer, when you are asked; the code stands in the question, the id will do too
healer remediation run ID                        what a rule only suggested
healer remediation cancel ID                     stop it between its steps
"""

import argparse
import shlex
from typing import TextIO

from healer.cli import answering, connection
from healer.cli.connection import Json
from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.story import rule_text
from healer.cli.words import ago, counted, label_text
from healer.seams import SystemClock
from healer.times import MILLISECOND, format_duration

LISTED = 50
"""Remediations listed when nothing else is said."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="list|show|approve|reject|run|cancel")
    listed = ways.add_parser("list", help="all of them, newest first")
    listed.add_argument("--status", action="append", metavar="STATE", help="only in this state; may be repeated")
    listed.add_argument("--incident", metavar="ID", help="only of this incident")
    listed.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"at most N (else {LISTED})")
    connection.add_arguments(listed)
    one = ways.add_parser("show", help="one with its plan and effects")
    one.add_argument("id", metavar="ID", help="as `list` shows it")
    connection.add_arguments(one)
    answering.add_arguments(ways)


def run(arguments: argparse.Namespace, output: Output | None = None, typed: TextIO | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    if arguments.way in answering.ANSWERS:
        return answering.run(arguments, link, output, typed)
    if arguments.way == "show":
        if not arguments.id.isalnum():
            raise Failure(f"{arguments.id!r} is no id: `healer remediation list` shows them", CALLED_WRONG)
        found = link.get(f"/api/v1/remediations/{arguments.id}")
        if arguments.json:
            output.json(found)
        else:
            _show(output, found)
        return 0
    items, total = link.all(
        "/api/v1/remediations", arguments.limit, status=arguments.status, incident=arguments.incident
    )
    if arguments.json:
        output.json({"items": items, "total": total})
        return 0
    table(output, items, empty="no remediations")
    if total > len(items):
        output.aside(f"{len(items)} of {counted(total, 'remediation')}; --limit {total} shows all")
    return 0


def table(output: Output, items: list[Json], *, empty: str) -> None:
    """Remediations as every command lists them."""
    now = SystemClock().now()
    columns = ("ID", "STATE", "MODE", "INCIDENT", "AGE", "RULE")
    rows = [
        (each["id"], each["state"], each["mode"], each["incident"], ago(each["created_at"], now), rule_text(each))
        for each in items
    ]
    output.table(columns, rows, empty=empty)


def _show(output: Output, found: Json) -> None:
    output.line(f"{found['rule']}: {found['state'].replace('_', ' ')}", "bold")
    if found["request"] is not None:
        output.line()
        answering.question(output, found)
        output.line()
    root = found["root"]
    output.facts(
        (
            ("remediation", found["id"]),
            ("incident", found["incident"]),
            ("state", found["state"]),
            ("detail", found["detail"]),
            ("mode", found["mode"]),
            ("held back by", found["capped_by"]),
            ("asks", found["asked"]),
            ("agreed", ", ".join(found["agreed"])),
            ("root", label_text(root["labels"]) if root else ""),
            ("because", "; ".join(found["because"])),
            ("created", found["created_at"]),
            ("changed", found["changed_at"]),
            ("effect ended", found["effect_ended_at"]),
            ("trace", found["trace_id"]),
        )
    )
    output.heading("Its plan")
    output.table(("STEP", "ACTION", "NODE", "TIMEOUT", "COMMAND"), _steps(found), empty="no step acts on a target")
    if measured := found.get("measured"):
        output.heading("What was measured")
        shown = [(each["query"], _said(each["before"]), _said(each["after"])) for each in measured]
        output.table(("QUERY", "BEFORE", "AFTER"), shown, empty="")
    if found["intents"]:
        output.heading("Effects")
        rows = [
            (one["step"], one["target"], one["token"], one["outcome"], one["why"] or "") for one in found["intents"]
        ]
        output.table(("STEP", "TARGET", "TOKEN", "OUTCOME", "WHY"), rows, empty="")
        if said := found["intents"][-1].get("guards"):
            output.heading("What the guards said before the last of them")
            for line in said:
                output.line(f"  {line}", "dim")
        for one in found["intents"]:
            if one["output"]:
                output.heading(f"What step {one['step']} said (exit code {one['exit_code']})")
                output.line(one["output"].rstrip())


def _said(value: float | str | None) -> str:
    if isinstance(value, str):
        return value
    return "unknown" if value is None else f"{value:g}"


def _steps(found: Json) -> list[tuple[object, ...]]:
    numbered = [(number, each) for number, each in enumerate(found["steps"])]
    otherwise = [("otherwise", each) for each in found["otherwise"]]
    after = [("after success", each) for each in found["after_success"]]
    undo = [("undo", each) for each in found.get("undo", ())]
    return [
        (
            number,
            each["action"],
            each["node"],
            format_duration(each["timeout_ms"] * MILLISECOND),
            shlex.join(each["argv"]) or each["until"] or each["call"] or "",
        )
        for number, each in (*numbered, *otherwise, *after, *undo)
    ]
