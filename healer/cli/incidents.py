"""What is going on: incidents, newest first; one with its alerts; its whole story after it is over. What you say of them.

healer incidents list [--status open] [--filter 'severity="critical"']
healer incidents show ID        ID may be `last`: the newest
healer incidents report ID
healer incidents ack ID         I am on it          healer incidents confirm ID     the root it names is right
healer incidents blame ID NODE  it is that node     healer incidents note ID TEXT   for those who come after you
healer incidents split ID FINGERPRINT|NODE ...      these have nothing to do with it, nor has what is beneath a node
healer incidents merge ID OTHER                     the other one is part of this one
healer incidents close ID       it is over, whatever still fires
"""

import argparse
from typing import Any

from healer.cli import connection, deeds, saying, story
from healer.cli.connection import Connection, Json
from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.words import ago, counted, name_of
from healer.seams import SystemClock

LISTED = 50
"""Incidents listed when nothing else is said."""
DECIDED = 5_000
"""Entries of the audit log that a report shows."""
STATUSES = ("open", "resolved", "merged")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(
        dest="way", required=True, metavar="list|show|report|ack|confirm|blame|split|merge|note|close"
    )
    listed = ways.add_parser("list", help="all of them, newest first")
    listed.add_argument("--status", action="append", choices=STATUSES, help="only these; may be repeated")
    listed.add_argument(
        "--filter", action="append", metavar="MATCHER", help='on the root\'s labels: severity="critical"'
    )
    listed.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"at most N (else {LISTED})")
    connection.add_arguments(listed)
    for way, meaning in (("show", "one with its alerts"), ("report", "its whole story, line by line")):
        one = ways.add_parser(way, help=meaning)
        one.add_argument("id", metavar="ID", help="as `list` shows it, or `last`")
        one.add_argument("--alerts", type=int, default=story.ALERTS, metavar="N", help="alerts to show at most")
        connection.add_arguments(one)
    saying.add_arguments(ways)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    if arguments.way == "list":
        return _list(link, output, arguments)
    found = find(link, arguments.id)
    if arguments.way in saying.SAID:
        return saying.run(link, output, arguments, found["id"])
    lines = link.get(f"/api/v1/incidents/{found['id']}/timeline")["items"]
    done = link.all("/api/v1/audit", DECIDED, incident=found["id"])[0] if arguments.way == "report" else []
    if arguments.json:
        output.json(found if arguments.way == "show" else found | {"timeline": lines, "audit": done})
    elif arguments.way == "show":
        story.show(output, found, SystemClock().now(), alerts=arguments.alerts)
    else:
        story.report(output, found, lines, SystemClock().now(), alerts=arguments.alerts)
        deeds.show(output, done)
    return 0


def find(link: Connection, id: str) -> Json:
    """One incident; `last` is the newest. Raises Failure."""
    if id == "last":
        newest = link.get("/api/v1/incidents", limit=1)["items"]
        if not newest:
            raise Failure("there has been no incident yet; `healer storm` sends some alerts to look at")
        id = newest[0]["id"]
    if not id.isalnum():
        raise Failure(f"{id!r} is no incident's id: `healer incidents list` shows them", CALLED_WRONG)
    found: Json = link.get(f"/api/v1/incidents/{id}")
    return found


def table(output: Output, items: list[Json], *, empty: str) -> None:
    """Incidents as every command lists them."""
    now = SystemClock().now()
    columns = ("ID", "STATUS", "SEVERITY", "FIRING", "AGE", "ROOT")
    output.table(columns, [_row(each, now) for each in items], empty=empty)


def _row(incident: Json, now: int) -> tuple[Any, ...]:
    root = incident["root"]
    return (
        incident["id"],
        incident["status"],
        incident["severity"],
        f"{incident['firing_count']} of {incident['alert_count']}",
        ago(root["onset"], now),
        f"{name_of(root['labels'])} on {root['node'] or 'no node'}",
    )


def _list(link: Connection, output: Output, arguments: argparse.Namespace) -> int:
    items, total = link.all("/api/v1/incidents", arguments.limit, status=arguments.status, filter=arguments.filter)
    if arguments.json:
        output.json({"items": items, "total": total})
        return 0
    table(output, items, empty="no incidents")
    if total > len(items):
        output.aside(f"{len(items)} of {counted(total, 'incident')}; --limit {total} shows all")
    return 0
