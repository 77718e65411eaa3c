"""Agents: processes on machines that dial out to healer for their orders (docs/agent.md).

healer agents list
healer agents invite host/cn-1 --out cn-1.json      a file for that machine alone; it works once
healer agents remove host/cn-1                      it may not come in any more
"""

import argparse
from pathlib import Path

import msgspec

from healer.cli import connection
from healer.cli.connection import Json
from healer.cli.output import Output
from healer.cli.private_file import write_new


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="list|invite|remove")
    connection.add_arguments(ways.add_parser("list", help="who is enrolled, there, and at what; who is invited"))
    invited = ways.add_parser("invite", help="let one machine become an agent")
    invited.add_argument("name", metavar="NAME", help="what it will be called: the node's id, or its address")
    invited.add_argument(
        "--out", type=Path, metavar="FILE", help="a new file, for its owner alone (else: standard output)"
    )
    connection.add_arguments(invited, json=False)
    removed = ways.add_parser("remove", help="let it in no more")
    removed.add_argument("name", metavar="NAME")
    connection.add_arguments(removed)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    if arguments.way == "invite":
        return _invite(arguments, link.post("/api/v1/agents", {"name": arguments.name}), output)
    if arguments.way == "remove":
        said = link.delete(f"/api/v1/agents/{connection.part(arguments.name)}")
        if arguments.json:
            output.json(said)
        else:
            output.line(f"{arguments.name} may not come in any more.", "green")
        return 0
    found = link.get("/api/v1/agents")
    if arguments.json:
        output.json(found)
    else:
        empty = "no agent is enrolled; `healer agents invite NAME` invites one"
        output.table(
            ("NAME", "STATUS", "TASKS", "WAITING", "LOAD", "HEARD", ""), map(_row, found["items"]), empty=empty
        )
    return int(any(each["status"] == "inactive" for each in found["items"]))


def _row(each: Json) -> tuple[str, ...]:
    if each["status"] == "invited":
        return each["name"], "invited", "", "", "", "", f"until {each['invited_until']}"
    numbers = (str(each["tasks"]), str(each["waiting"]), f"{each['load']:.2f}")
    return each["name"], each["status"], *numbers, each["last_heard_at"], each["paused"] or ""


def _invite(arguments: argparse.Namespace, invitation: Json, output: Output) -> int:
    if arguments.out is None:
        output.json(invitation)
    else:
        write_new(arguments.out, msgspec.json.format(msgspec.json.encode(invitation), indent=2).decode())
        output.line(f"The invitation is in {arguments.out}.", "green")
    output.aside("Bring it to the machine as /etc/healer/invitation.json: whoever has it becomes this agent, once.")
    return 0
