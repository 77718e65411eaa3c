"""The kill switch. Once `healer pause` says so, no repair starts any more; what is under way is listed.

healer pause --why "network work until 4 pm"
healer pause --rule "restart a failed systemd unit"
healer pause --cluster north
healer resume
"""

import argparse

from healer.cli import connection, remediation
from healer.cli.connection import Connection
from healer.cli.output import Output
from healer.cli.person import somebody
from healer.remediation.model import UNDER_WAY

LISTED = 100
"""Remediations under way that are listed; guards let far fewer run at once."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument(
        "--scope", metavar="SCOPE", help="all, rule:NAME, cluster:NAME or 'rule:NAME on NODE' (else: all)"
    )
    scope.add_argument("--rule", metavar="NAME", help="short for --scope rule:NAME")
    scope.add_argument("--cluster", metavar="NAME", help="short for --scope cluster:NAME")
    parser.add_argument("--why", default="", help="the reason, for those who come after you")
    parser.add_argument("--by", default="", help="who says so (else your user name); a name that healer checked wins")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    scope = _scope(arguments)
    order = {"scope": scope, "by": arguments.by or somebody(), "why": arguments.why}
    switch = link.post(f"/api/v1/{arguments.command}", order)
    going_on = _under_way(link) if switch["paused"] else []
    if arguments.json:
        output.json(switch | {"under_way": going_on})
        return 0
    what = "everything" if scope == "all" else scope.removeprefix("rule:")
    if not switch["paused"]:
        output.line(f"Resumed: {what}. Repairs may start again.", "green")
        _say_what_stays(link, output)
        return 0
    output.line(f"Paused: {what}. No repair starts any more; `healer resume` ends it.", "bold yellow")
    if going_on:
        output.heading("Still under way (a step that runs is not broken off)")
        remediation.table(output, going_on, empty="")
    return 0


def _scope(arguments: argparse.Namespace) -> str:
    if arguments.rule:
        return f"rule:{arguments.rule}"
    return f"cluster:{arguments.cluster}" if arguments.cluster else arguments.scope or "all"


def _under_way(link: Connection) -> list[connection.Json]:
    return link.all("/api/v1/remediations", LISTED, status=sorted(UNDER_WAY))[0]


def _say_what_stays(link: Connection, output: Output) -> None:
    for each in link.get("/api/v1/pause")["items"]:
        if each["paused"]:
            output.line(f"Still paused: {each['scope']}, by {each['by']}" + (f": {each['why']}" if each["why"] else ""))
