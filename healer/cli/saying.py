"""What you say of an incident: the ways of `healer incidents` that write to its journal. Used by `healer.cli.incidents`."""

import argparse
from typing import Any

from healer.cli import connection, story
from healer.cli.connection import Connection, Json
from healer.cli.output import Output
from healer.cli.person import somebody
from healer.seams import SystemClock

SAID = {
    "ack": "say that you are on it",
    "confirm": "say that the root it names is right",
    "blame": "say which node is the root: it is named at once",
    "split": "take alerts into an incident of their own",
    "merge": "make another incident part of this one",
    "note": "write a line into its timeline",
    "close": "say that it is over, whatever still fires",
}
ALERTS = 5
"""Alerts shown in the answer; `healer incidents show` shows more."""


def add_arguments(ways: "argparse._SubParsersAction[Any]") -> None:
    """One way for each thing that can be said."""
    for way, meaning in SAID.items():
        one = ways.add_parser(way, help=meaning)
        one.add_argument("id", metavar="ID", help="as `list` shows it, or `last`")
        if way == "blame":
            one.add_argument("node", metavar="NODE", help="its id in the topology: switch/s1")
        elif way == "split":
            one.add_argument("what", nargs="+", metavar="FINGERPRINT|NODE", help="a node means all beneath it as well")
        elif way == "merge":
            one.add_argument("other", metavar="OTHER", help="the id of the incident that is part of this one")
        if way == "note":
            one.add_argument("comment", metavar="TEXT", help="what is to be remembered")
        else:
            one.add_argument("--comment", default="", metavar="TEXT", help="the reason, for those who come after you")
        one.add_argument("--by", default="", help="who says so (else your user name); a name that healer checked wins")
        one.add_argument("--key", default="", help="of your own choice: sent twice, it counts once")
        connection.add_arguments(one)


def run(link: Connection, output: Output, arguments: argparse.Namespace, id: str) -> int:
    """Say it, and show what became of the incident."""
    order: dict[str, Any] = {"by": arguments.by or somebody(), "comment": arguments.comment, "id": arguments.key}
    for name in ("node", "what", "other"):
        if name in arguments:
            order[name] = getattr(arguments, name)
    found: Json = link.post(f"/api/v1/incidents/{id}/{arguments.way}", order)
    if arguments.json:
        output.json(found)
    else:
        story.show(output, found, SystemClock().now(), alerts=ALERTS)
    return 0
