"""The kill switch. Once `healer pause` says so, no repair starts any more; what is under way is listed.

A rule, node or cluster that nothing is called by stops nothing: the switch is thrown all the same, that is said in red, and the
exit code is 1.

healer pause --why "network work until 4 pm"
healer pause --rule "restart a failed systemd unit"
healer pause --cluster north
healer pause --list                    what is paused now; switches nothing
healer resume
"""

import argparse

from healer.cli import connection, remediation
from healer.cli.connection import Connection
from healer.cli.output import Output
from healer.cli.person import somebody
from healer.cli.words import resuming
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
    scope.add_argument("--list", action="store_true", help="only show what is paused, by whom and why")
    parser.add_argument("--why", default="", help="the reason, for those who come after you")
    parser.add_argument("--by", default="", help="who says so (else your user name); a name that healer checked wins")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    if arguments.list:
        _list(link, output, as_json=arguments.json)
        return 0
    scope = _scope(arguments)
    idle = arguments.command == "resume" and scope not in {each["scope"] for each in _thrown(link.get("/api/v1/pause"))}
    order = {"scope": scope, "by": arguments.by or somebody(), "why": arguments.why}
    switch = link.post(f"/api/v1/{arguments.command}", order)
    going_on = _under_way(link) if switch["paused"] else []
    if arguments.json:
        output.json(switch | {"under_way": going_on})
        return int(bool(switch.get("doubt")))
    what = "everything" if scope == "all" else scope.removeprefix("rule:")
    if not switch["paused"]:
        output.line(f"{what} was not paused." if idle else f"Resumed: {what}. Repairs may start again.", "green")
        _say_what_stays(link, output)
        return 0
    doubted = _say_doubts([switch], output)
    if not doubted:
        output.line(f"Paused: {what}. No repair starts any more; `{resuming(scope)}` ends it.", "bold yellow")
    if going_on:
        output.heading("Still under way (a step that runs is not broken off)")
        remediation.table(output, going_on, empty="")
    return int(doubted)


def _scope(arguments: argparse.Namespace) -> str:
    if arguments.rule:
        return f"rule:{arguments.rule}"
    return f"cluster:{arguments.cluster}" if arguments.cluster else arguments.scope or "all"


def _under_way(link: Connection) -> list[connection.Json]:
    return link.all("/api/v1/remediations", LISTED, status=sorted(UNDER_WAY))[0]


def _thrown(found: connection.Json) -> list[connection.Json]:
    return [each for each in found["items"] if each["paused"]]


def _list(link: Connection, output: Output, *, as_json: bool) -> None:
    found = link.get("/api/v1/pause")
    thrown = _thrown(found)
    if as_json:
        output.json({"file": found["file"], "items": thrown, "total": len(thrown)})
        return
    if found["file"]:
        output.line(f"Paused: everything: {found['file']}", "bold yellow")
        if not thrown:
            return
    rows = [(each["scope"], each["at"], each["by"], each["why"], resuming(each["scope"])) for each in thrown]
    output.table(("PAUSED", "SINCE", "BY", "WHY", "ENDS WITH"), rows, empty="nothing is paused")
    _say_doubts(thrown, output)


def _say_doubts(found: list[connection.Json], output: Output) -> bool:
    """What is wrong with switches that are thrown, and whether anything is."""
    doubted = [each for each in found if each.get("doubt")]
    for each in doubted:
        output.line(f"Careful: {each['doubt']}", "bold red")
        output.line(f"`healer pause` stops everything; `{resuming(each['scope'])}` takes this one back.")
    return bool(doubted)


def _say_what_stays(link: Connection, output: Output) -> None:
    found = link.get("/api/v1/pause")
    if found["file"]:
        output.line(f"Still paused: {found['file']}")
    for each in _thrown(found):
        output.line(f"Still paused: {each['scope']}, by {each['by']}" + (f": {each['why']}" if each["why"] else ""))
