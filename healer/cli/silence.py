"""Silences: matching alerts are kept and shown, but nobody is told and nothing is repaired, until they end.

healer silence add alertname=DiskFull 'host=~"db-.*"' --for 2h --comment "moving the archive"
healer silence list [--status active] [--filter 'host="db-1"']
healer silence expire ID [ID...]

A matcher is NAME=VALUE, NAME!=VALUE, or with a regular expression that matches the whole value, NAME=~RE, NAME!~RE.
"""

import argparse

from healer.cli import connection
from healer.cli.connection import Connection, Json
from healer.cli.output import Output
from healer.cli.person import somebody
from healer.cli.words import counted

LISTED = 100
"""Silences listed when nothing else is said."""
STATUSES = ("pending", "active", "expired")
STANDING = ("active", "pending")
"""Listed when nothing else is said: what is over is history."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="add|list|expire")
    add = ways.add_parser("add", help="silence what matches")
    add.add_argument("matchers", nargs="+", metavar="MATCHER", help='alertname=DiskFull, host=~"db-.*"')
    add.add_argument("--for", dest="lasts", metavar="DURATION", help="how long: 30m, 2h, 1d")
    add.add_argument("--until", metavar="TIME", help="or until when: 2026-01-07T18:00:00Z")
    add.add_argument("--from", dest="begin", default="", metavar="TIME", help="from when (else from now)")
    add.add_argument("--comment", required=True, metavar="TEXT", help="the reason, for those who come after you")
    add.add_argument("--by", default="", help="who says so (else your user name); a name that healer checked wins")
    add.add_argument("--id", default="", help="change this silence; other matchers make it another one")
    connection.add_arguments(add)
    listed = ways.add_parser("list", help="those that hold or are to come")
    listed.add_argument("--status", action="append", choices=STATUSES, help="only these; may be repeated")
    listed.add_argument("--filter", action="append", metavar="MATCHER", help='on their matchers: host="db-1"')
    listed.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"at most N (else {LISTED})")
    connection.add_arguments(listed)
    expire = ways.add_parser("expire", help="end them now; what still fires is judged as new")
    expire.add_argument("ids", nargs="+", metavar="ID", help="as `list` shows it")
    connection.add_arguments(expire)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    match arguments.way:
        case "add":
            return _add(link, output, arguments)
        case "expire":
            return _expire(link, output, arguments)
        case _:
            return _list(link, output, arguments)


def _add(link: Connection, output: Output, arguments: argparse.Namespace) -> int:
    order = {
        "matchers": arguments.matchers,
        "id": arguments.id,
        "startsAt": arguments.begin,
        "endsAt": arguments.until or "",
        "for": arguments.lasts or "",
        "createdBy": arguments.by or somebody(),
        "comment": arguments.comment,
    }
    found = link.post("/api/v1/silences", order)
    if arguments.json:
        output.json(found)
        return 0
    verb = "Silenced" if found["status"] == "active" else "Will be silenced"
    output.line(f"{verb}: {', '.join(found['matchers'])}, until {found['endsAt']}.", "bold yellow")
    output.line(f"`healer silence expire {found['id']}` ends it.")
    return 0


def _expire(link: Connection, output: Output, arguments: argparse.Namespace) -> int:
    ended = [link.delete(f"/api/v1/silences/{connection.part(id)}") for id in arguments.ids]
    if arguments.json:
        output.json(ended)
        return 0
    for each in ended:
        output.line(f"Ended: {', '.join(each['matchers'])}. What still fires is judged as new.", "green")
    return 0


def _list(link: Connection, output: Output, arguments: argparse.Namespace) -> int:
    status = arguments.status or list(STANDING)
    items, total = link.all("/api/v1/silences", arguments.limit, status=status, filter=arguments.filter)
    if arguments.json:
        output.json({"items": items, "total": total})
        return 0
    output.table(("ID", "STATUS", "ENDS", "BY", "MATCHERS"), map(_row, items), empty="no silences")
    if total > len(items):
        output.aside(f"{len(items)} of {counted(total, 'silence')}; --limit {total} shows all")
    return 0


def _row(each: Json) -> tuple[str, ...]:
    where = "" if each["source"] == "healer" else f" (of {each['source']})"
    comment = f": {each['comment']}" if each["comment"] else ""
    return (
        each["id"],
        each["status"],
        each["endsAt"],
        each["createdBy"],
        f"{', '.join(each['matchers'])}{comment}{where}",
    )
