"""Yes, no and stop: what you say of a plan. Used by `healer remediation`.

A yes shows first what it is about, and is for that plan alone. What destroys something asks for the name of its target.
"""

import argparse
import sys
from typing import Any, TextIO

from healer.cli import connection
from healer.cli.connection import Connection, Json, part
from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.person import somebody
from healer.cli.words import ago
from healer.seams import SystemClock

ANSWERS = {
    "approve": "let it run; shows what you agree to",
    "reject": "let it not run",
    "run": "let it run although it was only suggested",
    "cancel": "stop it between its steps; a step that runs is not broken off",
}
TWICE = "This destroys something. Name {} to say yes once more, within 60 s"


def add_arguments(ways: Any) -> None:
    """The ways of `healer remediation` that say something."""
    for way, meaning in ANSWERS.items():
        answer = ways.add_parser(way, help=meaning)
        answer.add_argument("id", metavar="ID|CODE", help="as `list` shows it, or the code of the message that asked")
        answer.add_argument("--plan", default="", metavar="HASH", help="only if it still is this plan")
        if way in ("approve", "run"):
            answer.add_argument(
                "--target", action="append", default=[], metavar="NODE", help="what is destroyed; may be repeated"
            )
        else:
            answer.add_argument(
                "--why", default="", metavar="TEXT", help="the reason; people read it with the incident"
            )
        connection.add_arguments(answer)


def run(arguments: argparse.Namespace, link: Connection, output: Output, typed: TextIO | None = None) -> int:
    """Say it. `typed` is where the second yes comes from (standard input)."""
    path = f"/api/v1/remediations/{part(arguments.id)}"
    order: Json = {"by": somebody(), "plan": arguments.plan}
    if arguments.way == "run":
        return _show(output, arguments, _run(arguments, link, output, typed))
    if arguments.way != "approve":
        return _show(output, arguments, link.post(f"{path}/{arguments.way}", order | {"why": arguments.why}))
    found = link.get(path)
    asked = found["request"]
    if asked is None:
        raise Failure(f"remediation {found['id']} is {found['state'].replace('_', ' ')}: nobody is asked about it")
    order["plan"] = order["plan"] or found["plan_hash"]
    if not arguments.json:
        question(output, found)
    path = f"/api/v1/remediations/{part(found['id'])}"
    after = link.post(f"{path}/approve", order)
    if asked["confirm"]:
        named = arguments.target or _name(arguments.id, asked["confirm"], output, typed or sys.stdin)
        after = link.post(f"{path}/approve", order | {"targets": named})
    return _show(output, arguments, after)


def _run(arguments: argparse.Namespace, link: Connection, output: Output, typed: TextIO | None) -> Json:
    """Have a suggestion run: shows what it is, and what destroys something is said twice."""
    found = link.get(f"/api/v1/remediations/{part(arguments.id)}")
    if not arguments.json:
        output.line(f"{found['rule']} suggested this:", "bold")
        for step in found["steps"]:
            words = " ".join(step["argv"]) or ", ".join(f"{name} {value}" for name, value in step["parameters"].items())
            output.line(f"  {step['action']} on {step['node']}" + (f": {words}" if words else ""), "bold")
    path = f"/api/v1/remediations/{part(found['id'])}/run"
    order: Json = {"by": somebody(), "plan": arguments.plan or found["plan_hash"]}
    after: Json = link.post(path, order)
    if after["state"] == "suggested":
        steps = (*found["steps"], *found["otherwise"], *found["after_success"], *found["undo"])
        destroyed = sorted({step["node"] for step in steps if step["destructive"] and step["node"]})
        named = arguments.target or _name(arguments.id, destroyed, output, typed or sys.stdin, "run")
        after = link.post(path, order | {"targets": named})
    return after


def question(output: Output, found: Json) -> None:
    """All that somebody has to know before they say yes."""
    asked = found["request"]
    output.line(f"{found['rule']} asks whether it may do this:", "bold")
    for step in asked["steps"]:
        words = " ".join(step["words"]) or ", ".join(f"{name} {value}" for name, value in step["parameters"].items())
        where = "" if step["clause"] == "then" else f" ({step['clause']})"
        output.line(f"  {step['action']} on {step['target']}{where}" + (f": {words}" if words else ""), "bold")
    agreed = f", {', '.join(asked['agreed'])} agreed" if asked["agreed"] else ""
    people = f"{asked['people']} of {asked['who']}" if asked["people"] > 1 else asked["who"]
    output.facts(
        (
            ("why", "; ".join(asked["why"])),
            ("confidence", asked["confidence"]),
            ("touches", "; ".join(asked["touches"])),
            ("why not", "; ".join(asked["doubts"])),
            ("asked", people + agreed),
            ("until", asked["expires"]),
            ("if nobody answers", asked["if_nobody"]),
            ("plan", found["plan_hash"]),
        )
    )
    now = SystemClock().now()
    rows = [(ago(one["at"], now), one["state"], one["rule"], one["detail"]) for one in asked["earlier"]]
    if rows:
        output.heading("The last runs here")
        output.table(("AGO", "STATE", "RULE", "DETAIL"), rows, empty="")


def _name(id: str, wanted: list[str], output: Output, typed: TextIO, way: str = "approve") -> list[str]:
    """What somebody types: one name after the other, in one line. Raises Failure."""
    how = TWICE.format(" and ".join(wanted))
    if not typed.isatty():
        again = " ".join(f"--target {name}" for name in wanted)
        raise Failure(f"{how}: healer remediation {way} {id} {again}", CALLED_WRONG)
    output.aside(f"{how}:")
    found = typed.readline().replace(",", " ").split()
    if not found:
        raise Failure("nothing was named, so nothing runs", CALLED_WRONG)
    return found


def _show(output: Output, arguments: argparse.Namespace, found: Json) -> int:
    if arguments.json:
        output.json(found)
    else:
        output.line(f"{found['rule']}: {found['state'].replace('_', ' ')}: {found['detail']}")
    return 0
