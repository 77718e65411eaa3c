"""The log of every decision and effect, which nobody can change unseen: each entry is chained to the one before it.

healer audit verify                         of the running healer; exit 1 when anything is not as it was written
healer audit verify --anchors FILE          compared with the signed heads that went outside: what proves most
healer audit verify --data /var/lib/healer  without asking the service; a backup, or --export FILE, will do too
healer audit verify --config FILE           the same of the store that this configuration names, on a server too
healer audit list [--incident ID]
healer audit export > FILE
"""

import argparse
from pathlib import Path

import msgspec

from healer.audit.verify import Chain, Verdict, verify
from healer.cli import connection, stored
from healer.cli.audit_log import ExportedLog, Log, RunningLog, StoredLog, exported, read_anchors
from healer.cli.deeds import line_of
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.times import format_rfc3339

LISTED = 50
"""Entries listed when nothing else is said."""
MOST = 1_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="verify|list|export")
    check = ways.add_parser("verify", help="find any change, gap or reordering, and say what cannot be known")
    stored.add_arguments(check)
    check.add_argument("--export", type=Path, metavar="FILE", help="a file that `healer audit export` wrote")
    check.add_argument("--anchors", type=Path, metavar="FILE", help="signed heads that went outside, one a line")
    check.add_argument("--key", default="", metavar="HEX", help="the public key that all of them must be signed with")
    connection.add_arguments(check)
    listed = ways.add_parser("list", help="the newest entries, oldest first")
    listed.add_argument("--incident", metavar="ID", help="only those about this incident")
    listed.add_argument("--limit", type=int, default=LISTED, metavar="N", help=f"at most N (else {LISTED})")
    connection.add_arguments(listed)
    out = ways.add_parser("export", help="all of it as lines of JSON, to be verified elsewhere")
    stored.add_arguments(out)
    connection.add_arguments(out, json=False)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    if arguments.way == "list":
        return _list(arguments, output)
    log = _log(arguments, output)
    try:
        return _export(log, output) if arguments.way == "export" else _verify(log, arguments, output)
    finally:
        log.close()


def _export(log: Log, output: Output) -> int:
    for line in exported(log):
        output.console.file.write(line + "\n")
    return 0


def _verify(log: Log, arguments: argparse.Namespace, output: Output) -> int:
    kept = log.kept()
    outside = read_anchors(arguments.anchors) if arguments.anchors else []
    verdict = verify(log.entries(), msgspec.structs.replace(kept, outside=outside, key=arguments.key), log.heads)
    if arguments.json:
        output.json(msgspec.to_builtins(verdict) | {"good": verdict.good})
    else:
        show(output, verdict)
    return 0 if verdict.good else FOUND_WRONG


def show(output: Output, verdict: Verdict) -> None:
    """What was found, what is certain, and what is not."""
    for finding in verdict.findings:
        output.line(f"chain {finding.writer or '?'}, place {finding.place}: {finding.what}", "red")
    for chain in verdict.chains:
        output.line(_certain(chain, verdict))
    if verdict.unknown:
        output.heading("What this cannot tell")
        for sentence in verdict.unknown:
            output.line(f"  {sentence}")
    output.line()
    if verdict.good:
        output.line("Nothing was found to be changed, missing or out of order.", "green")
    else:
        output.line(
            "The log is not as it was written. Keep the store as it is (`healer backup` copies it away), and compare it with "
            "an older backup and with every anchor that went outside.",
            "bold red",
        )


def _certain(chain: Chain, verdict: Verdict) -> str:
    text = f"chain {chain.writer}: {chain.last:,} {'entry' if chain.last == 1 else 'entries'}"
    if not chain.anchored:
        return f"{text}, no anchor"
    whose = "anchors from outside" if verdict.outside else "the store's own anchors"
    return f"{text}; {whose} vouch for all up to place {chain.anchored}, signed {format_rfc3339(chain.anchored_at)}"


def _log(arguments: argparse.Namespace, output: Output) -> Log:
    """Whichever log is meant. Raises Failure."""
    export = getattr(arguments, "export", None)
    if export and (arguments.data or arguments.config):
        raise Failure("give --data or --config, or --export, not two of them", CALLED_WRONG)
    if arguments.data or arguments.config:
        place = stored.one_of(arguments)
        output.aside(f"the store at {stored.shown(place)}")
        return StoredLog(place)
    if export:
        output.aside(f"the export {export}")
        return ExportedLog(export)
    return RunningLog(connection.connect(arguments, output))


def _list(arguments: argparse.Namespace, output: Output) -> int:
    link = connection.connect(arguments, output)
    if not 0 < arguments.limit <= MOST:
        raise Failure(f"--limit is from 1 to {MOST}; `healer audit export` gives everything", CALLED_WRONG)
    items = link.get("/api/v1/audit", newest=arguments.limit, incident=arguments.incident)["items"]
    if arguments.json:
        output.json({"items": items, "total": len(items)})
        return 0
    rows = [(each["number"], (each["at"] or "")[:19], each["kind"], line_of(each["detail"])) for each in items]
    output.table(("NUMBER", "AT (UTC)", "WHAT", "DETAIL"), rows, empty="nothing was decided yet")
    return 0
