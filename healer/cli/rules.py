"""What each rule has done, would have done, and may do now.

healer rules list          of the running healer
"""

import argparse

from healer.cli import connection
from healer.cli.output import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="list")
    listed = ways.add_parser("list", help="every rule, in the order of the files")
    connection.add_arguments(listed)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    found = connection.connect(arguments, output).get("/api/v1/rules")
    if arguments.json:
        output.json(found)
        return 0
    columns = ("RULE", "MODE", "IN FORCE", "MATCHED", "WOULD HAVE", "AGREED", "VERIFIED", "FAILED", "WHY")
    rows = [
        (
            one["name"],
            one["mode"],
            one["mode_in_force"],
            one["matched"],
            one["would_have_run"],
            one["agreed"],
            one["verified"],
            one["failed"],
            one["why"] or "",
        )
        for one in found["items"]
    ]
    output.table(columns, rows, empty="there are no rules: `rules: {packs: [node]}` takes those that ship with healer")
    return 0
