"""A rehearsal of the whole loop: an alert about a canary, from its arrival to the message that tells of its repair.

healer drill alert                what needs no canary: is the alert taken, and are people told?
healer drill canary --json        a drill of your own, declared in the settings under `drills`
healer drill --list               the drills, and how the last run of each went

It is marked as a drill, and harmless as its rule is. Exit code 1: it failed.
"""

import argparse
import asyncio
from collections.abc import Callable

from healer.cli import connection
from healer.cli.connection import Connection, Json
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.times import MILLISECOND, format_duration

LOOK_S = 0.5
STAGES = {
    "detect": "from the alert to its incident",
    "decide": "from there to a plan",
    "act": "from there to the end of its effect",
    "verify": "from there to the proof",
    "tell": "from the alert to the first message",
}

Wait = Callable[[float], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="which drill, as --list shows them")
    parser.add_argument("--list", action="store_true", help="the drills; runs none")
    connection.add_arguments(parser)


def sleep(seconds: float) -> None:
    """Wait by the event loop's clock."""
    asyncio.run(asyncio.sleep(seconds))


def run(arguments: argparse.Namespace, output: Output | None = None, wait: Wait = sleep) -> int:
    output = output or Output()
    if bool(arguments.name) is arguments.list:
        raise Failure("say which drill, or --list", CALLED_WRONG)
    link = connection.connect(arguments, output)
    if arguments.list:
        _list(link, output, as_json=arguments.json)
        return 0
    if not arguments.name.replace("-", "").replace("_", "").isalnum():
        raise Failure(f"{arguments.name!r} is no name of a drill: `healer drill --list` shows them", CALLED_WRONG)
    path = f"/api/v1/drills/{arguments.name}"
    found = link.post(path, {})
    said = ""
    while found["state"] == "running":
        if found["why"] != said:
            said = found["why"]
            output.aside(f"waiting: {said}")
        wait(LOOK_S)
        found = link.get(path)
    if arguments.json:
        output.json(found)
    else:
        _show(found, output)
    return 0 if found["state"] == "passed" else FOUND_WRONG


def _show(found: Json, output: Output) -> None:
    passed = found["state"] == "passed"
    output.line(
        f"The drill {found['name']} {'passed' if passed else 'failed'}.", "bold green" if passed else "bold red"
    )
    output.facts(
        (
            ("why", found["why"]),
            ("incident", found["incident"]),
            ("rule", found["rule"]),
            ("remediation", found["remediation"]),
            ("trace", found["trace_id"]),
            ("began", found["began_at"]),
            ("ended", found["ended_at"]),
        )
    )
    output.line()
    rows = [(stage, _took(found["times_ms"][stage]), words) for stage, words in STAGES.items()]
    output.table(("STAGE", "TOOK", ""), rows, empty="")


def _list(link: Connection, output: Output, *, as_json: bool) -> None:
    found = link.get("/api/v1/drills")
    if as_json:
        output.json(found)
        return
    rows = [
        (
            each["name"],
            each["expects"],
            _took(each["every_ms"]) if each["every_ms"] else "when asked",
            each["last"]["began_at"] if each["last"] else "never",
            f"{each['last']['state']}: {each['last']['why']}".removesuffix(": None") if each["last"] else "",
        )
        for each in found["items"]
    ]
    output.table(("DRILL", "EXPECTS", "EVERY", "LAST RUN", ""), rows, empty="there are no drills")


def _took(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "-"
    return format_duration(milliseconds * MILLISECOND) if milliseconds else "0s"
