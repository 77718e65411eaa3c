"""Who is on call by each schedule, until when, and who is next; now, or at another time.

healer oncall [--schedule NAME] [--at 2026-12-24T18:00:00+01:00]
"""

import argparse
from datetime import datetime
from zoneinfo import ZoneInfo

from healer.cli import connection
from healer.cli.connection import Json
from healer.cli.failure import FOUND_WRONG
from healer.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--at", default="", metavar="TIME", help="then, not now: 2026-12-24T18:00:00+01:00")
    parser.add_argument("--schedule", default="", metavar="NAME", help="only of this schedule")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    found = link.get("/api/v1/oncall", at=arguments.at, schedule=arguments.schedule)
    items = found["items"]
    nobody = any(not reachable(each) for each in items)
    if arguments.json:
        output.json(found)
        return FOUND_WRONG if nobody else 0
    columns = ("SCHEDULE", "ON CALL", "BY", "UNTIL", "THEN")
    output.table(columns, map(_row, items), empty="no schedule: write one under oncall.schedules")
    if nobody:
        output.aside("Where nobody can be called an escalation goes on to its next step at once.")
    return FOUND_WRONG if nobody else 0


def reachable(each: Json) -> bool:
    """Whether anybody who is on call has a channel."""
    return any(who["channels"] for who in each["people"])


def _row(each: Json) -> tuple[str, ...]:
    until = _local(each["until"], each["zone"]) if each["until"] else "for a year at least"
    then = _people(each["next"]) if each["next"] else ""
    return (each["schedule"], _people(each), each["source"] or "-", until, then)


def _people(duty: Json) -> str:
    """Their names; whoever has no channel cannot be called."""
    names = (who["name"] + ("" if who["channels"] else " (no channel)") for who in duty["people"])
    return ", ".join(names) or "nobody"


def _local(moment: str, zone: str) -> str:
    """As clocks in the schedule's zone show it."""
    return f"{datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}"
