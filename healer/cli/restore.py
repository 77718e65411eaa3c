"""A store out of a backup, in SQLite or on PostgreSQL, whichever it came from: after a loss, and to move from one to the other.

healer restore /backup/healer-2026-01-07.db --config /etc/healer/healer.yaml
healer restore FILE --data postgresql://healer@db.example/healer

Nothing is replaced: the place must be empty, and no healer may be at work there. It is there whole, or not at all.
"""

import argparse
from pathlib import Path

from healer.cli import stored
from healer.cli.backup import contents, said
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.store.backups import CannotCopy, restore
from healer.store.opening import CannotOpen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="what `healer backup` wrote, or another copy of a healer.db"
    )
    stored.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    place = stored.one_of(arguments)
    where = stored.shown(place)
    output.aside(f"writing {where}")
    try:
        with output.errors.status("copying") as status:
            copied = restore(
                arguments.file, place, lambda table, rows: status.update(f"copying {table}: {rows:,} rows")
            )
    except CannotOpen as error:
        raise Failure(str(error), CALLED_WRONG) from None
    except CannotCopy as error:
        raise Failure(f"{where}: {error}", FOUND_WRONG) from None
    if arguments.json:
        output.json({"store": where, **said(copied)})
        return 0
    output.line(f"{where}: {contents(copied)}", "green")
    output.line("Start healer with this store.url. If one went on working after the backup was made, pause it first:")
    output.line("  machines may have seen newer orders than this store knows (docs/operations.md, Backups)")
    return 0
