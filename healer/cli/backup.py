"""All that healer keeps, of one moment, as one file: while healer runs, and whichever database it uses.

healer backup /backup/healer-2026-01-07.db --config /etc/healer/healer.yaml
healer backup FILE --data /var/lib/healer
healer backup FILE --data postgresql://healer@db.example/healer

The file is a database of SQLite: `healer replay --data FILE` proves that it decides its past the same way again, `healer audit
verify --data FILE` reads its audit log, `healer restore FILE` makes a store of it, in either database.
"""

import argparse
from pathlib import Path

from healer.cli import stored
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.cli.words import counted
from healer.store.backups import CannotCopy, Copied, back_up
from healer.store.opening import CannotOpen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup; it must not exist yet")
    stored.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    place = stored.one_of(arguments)
    output.aside(f"reading {stored.shown(place)}, which may be in use")
    try:
        with output.errors.status("copying") as status:
            copied = back_up(
                place, arguments.file, lambda table, rows: status.update(f"copying {table}: {rows:,} rows")
            )
    except CannotOpen as error:
        raise Failure(f"{error} (--config FILE says where the store is)", CALLED_WRONG) from None
    except CannotCopy as error:
        raise Failure(str(error), FOUND_WRONG) from None
    size = arguments.file.stat().st_size
    if arguments.json:
        output.json({"file": str(arguments.file), "bytes": size, **said(copied)})
        return 0
    output.line(f"{arguments.file}: {contents(copied)}, {size:,} bytes", "green")
    output.line(f"Prove that it is good: healer replay --data {arguments.file}")
    output.line(f"Not part of it: the configuration, and the key {place.folder / 'audit.key'}.")
    return 0


def contents(copied: Copied) -> str:
    """What a copy holds, in a few words."""
    rows = copied.rows
    parts = [("record", rows["journal"]), ("incident", rows["incident"]), ("remediation", rows["remediation"])]
    listed = ", ".join(counted(count, thing) for thing, count in parts)
    return f"{listed} and all else, {counted(sum(rows.values()), 'row')}"


def said(copied: Copied) -> dict[str, object]:
    """The same for programs."""
    return {"installation": copied.installation, "rows": copied.rows, "total": sum(copied.rows.values())}
