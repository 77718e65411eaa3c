"""The alerts that healer knows, each with its status, its node and the reason.

healer alerts --status root --filter 'alertname=~"Host.*"'
"""

import argparse

from healer.cli import connection
from healer.cli.output import Output
from healer.cli.story import ALERT_COLUMNS, alert_row
from healer.cli.words import counted

LISTED = 50
"""Alerts listed when nothing else is said."""
STATUSES = ("held", "root", "member", "suppressed", "silenced", "resolved")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", action="append", choices=STATUSES, help="only these; may be repeated")
    parser.add_argument(
        "--filter", action="append", metavar="MATCHER", help='on labels, as Alertmanager has it: job="node"'
    )
    parser.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"at most N (else {LISTED})")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    link = connection.connect(arguments, output)
    items, total = link.all("/api/v1/alerts", arguments.limit, status=arguments.status, filter=arguments.filter)
    if arguments.json:
        output.json({"items": items, "total": total})
        return 0
    output.table(ALERT_COLUMNS, [alert_row(each) for each in items], empty="no alerts")
    if total > len(items):
        output.aside(f"{len(items)} of {counted(total, 'alert')}; --limit {total} shows all")
    return 0
