"""What each channel was told: newest first; and dead letters, which nobody could be told, to be sent once more.

healer notifications list [--status dead] [--incident ID]
healer notifications resend ID CHANNEL
healer notifications resend --all
"""

import argparse

from healer.cli import connection
from healer.cli.connection import Connection, Json, part
from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.words import counted

LISTED = 50
"""Notifications listed when nothing else is said."""
MOST = 1_000
"""Dead letters that one call wakes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="list|resend")
    listed = ways.add_parser("list", help="all of them, newest first")
    listed.add_argument("--status", action="append", metavar="STATE", help="waiting, claimed, told or dead; may repeat")
    listed.add_argument("--incident", metavar="ID", help="only of this incident")
    listed.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"at most N (else {LISTED})")
    connection.add_arguments(listed)
    resend = ways.add_parser("resend", help="give a dead letter another chance")
    resend.add_argument("id", metavar="ID", nargs="?", default="", help="the incident")
    resend.add_argument("channel", metavar="CHANNEL", nargs="?", default="", help="the channel's name")
    resend.add_argument("--all", action="store_true", help="every dead letter")
    connection.add_arguments(resend)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    if arguments.way == "resend" and arguments.all == bool(arguments.channel):
        raise Failure("name an incident and a channel, or --all", CALLED_WRONG)
    link = connection.connect(arguments, output)
    if arguments.way == "resend":
        return _resend(arguments, output, link)
    items, total = link.all(
        "/api/v1/notifications", arguments.limit, status=arguments.status, incident=arguments.incident
    )
    if arguments.json:
        output.json({"items": items, "total": total})
        return 0
    _table(output, items)
    if total > len(items):
        output.aside(f"{len(items)} of {counted(total, 'notification')}; --limit {total} shows all")
    if any(each["state"] == "dead" for each in items):
        output.aside("Dead letters were refused for good. When the reason is mended: healer notifications resend --all")
    return 0


def _resend(arguments: argparse.Namespace, output: Output, link: Connection) -> int:
    if arguments.all:
        dead = link.all("/api/v1/notifications", MOST, status=["dead"])[0]
        places = [(each["incident"], each["channel"]) for each in dead]
    else:
        places = [(arguments.id, arguments.channel)]
    woken = [
        link.post(f"/api/v1/notifications/{part(incident)}/{part(channel)}/resend", {}) for incident, channel in places
    ]
    if arguments.json:
        output.json({"items": woken, "total": len(woken)})
    else:
        output.line(f"{counted(len(woken), 'notification')} will be tried again at once.")
    return 0


def _table(output: Output, items: list[Json]) -> None:
    columns = ("INCIDENT", "CHANNEL", "STATE", "FAILED", "NEXT", "WHY")
    rows = [
        (
            each["incident"],
            _where(each),
            each["state"],
            str(each["attempts"] or ""),
            each["not_before"] or "",
            each["why"],
        )
        for each in items
    ]
    output.table(columns, rows, empty="nobody was told of anything yet")


def _where(row: Json) -> str:
    """The channel, in whose place, and what people are called for in a message of its own."""
    meant_for, matter = row.get("meant_for"), row.get("matter")
    return str(row["channel"]) + (f" (for {meant_for})" if meant_for else "") + (f": {matter}" if matter else "")
