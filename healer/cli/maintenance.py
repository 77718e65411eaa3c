"""Maintenance: somebody works on a node. Nobody is told of its alerts and nothing is repaired there, until it ends.

healer maintenance add host/db-1 --for 2h --comment "new disks"
healer maintenance add rack/r17 --below --for 4h --comment "moving the rack"
healer maintenance add 'cluster="test"' --schedule "Sat 02:00" --zone Europe/Berlin --for 3h --comment "weekly reinstall"
healer maintenance list [--status active]
healer maintenance extend ID --for 1h        healer maintenance end ID

A schedule is `Sat 02:00`, `Mon-Fri 22:30`, `daily 03:00`, or cron's five fields; its times are those of clocks in --zone.
"""

import argparse

from healer.cli import connection
from healer.cli.connection import Connection, Json
from healer.cli.output import Output
from healer.cli.person import somebody
from healer.cli.words import counted

LISTED = 100
"""Entries listed when nothing else is said."""
STATUSES = ("pending", "active", "expired")
STANDING = ("active", "pending")
"""Listed when nothing else is said: what is over is history."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="add|list|end|extend")
    add = ways.add_parser("add", help="say who works where")
    add.add_argument(
        "what", nargs="+", metavar="NODE|MATCHER", help='a node of the topology, or alerts: cluster="test"'
    )
    add.add_argument("--below", action="store_true", help="the node and everything beneath it")
    add.add_argument("--for", dest="lasts", metavar="DURATION", help="how long (with --schedule: each time): 2h")
    add.add_argument(
        "--until", metavar="TIME", help="or until when: 2026-01-07T18:00:00Z (with --schedule: its last end)"
    )
    add.add_argument("--from", dest="begin", default="", metavar="TIME", help="from when (else from now)")
    add.add_argument("--schedule", default="", metavar="WHEN", help='again and again: "Sat 02:00", "0 2 * * 6"')
    add.add_argument("--zone", default="", metavar="ZONE", help="whose clocks the schedule means: Europe/Berlin, UTC")
    add.add_argument("--comment", required=True, metavar="TEXT", help="the reason, for those who come after you")
    add.add_argument("--by", default="", help="who says so (else your user name); a name that healer checked wins")
    connection.add_arguments(add)
    listed = ways.add_parser("list", help="what is under way or to come")
    listed.add_argument("--status", action="append", choices=STATUSES, help="only these; may be repeated")
    listed.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"at most N (else {LISTED})")
    connection.add_arguments(listed)
    end = ways.add_parser("end", help="it is done, all that was to come of it too; what still fires is judged as new")
    end.add_argument("id", metavar="ID", help="as `list` shows it")
    connection.add_arguments(end)
    extend = ways.add_parser("extend", help="it takes longer")
    extend.add_argument("id", metavar="ID", help="as `list` shows it")
    extend.add_argument("--for", dest="lasts", metavar="DURATION", help="so much longer than it would have lasted: 1h")
    extend.add_argument("--until", metavar="TIME", help="or until when: 2026-01-07T18:00:00Z")
    connection.add_arguments(extend)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    if arguments.way == "list":
        return _list(link, output, arguments)
    if arguments.way == "add":
        found = link.post("/api/v1/maintenance", _order(arguments))
    elif arguments.way == "extend":
        longer = {"endsAt": arguments.until or "", "for": arguments.lasts or ""}
        found = link.post(f"/api/v1/maintenance/{connection.part(arguments.id)}/extend", longer)
    else:
        found = link.delete(f"/api/v1/maintenance/{connection.part(arguments.id)}")
    if arguments.json:
        output.json(found)
    else:
        _say(output, found)
    return 0


def _order(arguments: argparse.Namespace) -> Json:
    # A node has no sign of comparison in its name, and a matcher has nothing else to be known by.
    by_matchers = any("=" in word or "!~" in word for word in arguments.what)
    return {
        "node": "" if by_matchers else " ".join(arguments.what),
        "matchers": arguments.what if by_matchers else [],
        "below": arguments.below,
        "startsAt": arguments.begin,
        "endsAt": arguments.until or "",
        "for": arguments.lasts or "",
        "schedule": arguments.schedule,
        "zone": arguments.zone,
        "createdBy": arguments.by or somebody(),
        "comment": arguments.comment,
    }


def _say(output: Output, found: Json) -> None:
    if found["status"] == "expired":
        output.line(f"Over: {_what(found)}. What still fires is judged as new.", "green")
        return
    if found["status"] == "active":
        output.line(f"In maintenance: {_what(found)}, until {found['under_way_until']}.", "bold yellow")
    else:
        output.line(f"To come: {_what(found)}, from {found['next_at']}{_how_often(found)}.", "yellow")
    output.line(
        f"`healer maintenance end {found['id']}` ends it, `healer maintenance extend {found['id']} --for 1h` prolongs it."
    )


def _list(link: Connection, output: Output, arguments: argparse.Namespace) -> int:
    status = arguments.status or list(STANDING)
    items, total = link.all("/api/v1/maintenance", arguments.limit, status=status)
    if arguments.json:
        output.json({"items": items, "total": total})
        return 0
    output.table(("ID", "STATUS", "WHEN", "BY", "WHAT"), map(_row, items), empty="no maintenance")
    if total > len(items):
        output.aside(f"{len(items)} of {counted(total, 'maintenance')}; --limit {total} shows all")
    return 0


def _row(each: Json) -> tuple[str, ...]:
    match each["status"]:
        case "active":
            when = f"until {each['under_way_until']}"
        case "pending":
            when = f"from {each['next_at']}"
        case _:
            when = f"ended {each['endsAt']}"
    return (each["id"], each["status"], when, each["createdBy"], f"{_what(each)}{_how_often(each)}: {each['comment']}")


def _what(each: Json) -> str:
    if not each["node"]:
        return ", ".join(each["matchers"])
    return f"{each['node']} and everything beneath it" if each["below"] else str(each["node"])


def _how_often(each: Json) -> str:
    return f" ({each['schedule']}, {each['zone']}, {each['for']} each time)" if each["schedule"] else ""
