"""What healer makes of storms in files: alerts and a topology go through the engine, and no service has to run.

healer converge CASE.json... [--json]    several files are one installation's history, in the order given

A file has `topology` (nodes, and edges [parent, child]) and `alerts` (labels, startsAt, endsAt if they ended); an alert
sits on the node that its label `node` names.
"""

import argparse
from pathlib import Path
from typing import Any

from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.words import counted, name_of
from healer.convergence.settings import Convergence
from healer.documents.problems import DocumentError, Problem
from healer.rehearsal.case import Case, read_case
from healer.rehearsal.playback import Found, Played, play_all
from healer.web import shapes

MAX_BYTES = 1 << 30
"""Bytes of one file."""
SHOWN_CANDIDATES = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASE.json", help="alerts and a topology")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    played = play_all(read_cases(arguments.cases), Convergence())
    if arguments.json:
        output.json({"items": [_item(each) for each in played]})
        return 0
    for each in played:
        _show(output, each)
    return 0


def read_cases(files: list[Path]) -> list[Case]:
    """All cases, before the first is played. Raises Failure with what is wrong with any of them."""
    cases: list[Case] = []
    problems: list[Problem] = []
    for file in files:
        try:
            cases.append(read_case(_read(file), str(file)))
        except DocumentError as error:
            problems.extend(error.problems)
    if problems:
        raise Failure("\n".join(map(str, problems)), CALLED_WRONG)
    return cases


def _read(file: Path) -> bytes:
    try:
        if file.is_dir():
            raise Failure(f"{file} is a folder: name its files, such as {file}/*.json", CALLED_WRONG)
        if file.stat().st_size > MAX_BYTES:
            raise Failure(f"{file} is larger than {MAX_BYTES >> 20} MiB: split it into several cases", CALLED_WRONG)
        return file.read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}; name a file with a case", CALLED_WRONG) from None


def _item(played: Played) -> dict[str, Any]:
    return {
        "case": played.case,
        "incidents": [_incident(found) for found in played.incidents],
        "untold": [shapes.alert(seen.view, seen.because) for seen in played.untold],
    }


def _incident(found: Found) -> dict[str, Any]:
    alerts = [shapes.alert(seen.view, seen.because) for seen in found.alerts]
    return shapes.incident(found.incident, alerts, ()) | {"absorbed": list(found.absorbed)}


def _show(output: Output, played: Played) -> None:
    incidents = counted(len(played.incidents), "incident")
    alerts = sum(len(found.alerts) for found in played.incidents) + len(played.untold)
    output.heading(f"{played.case}: {counted(alerts, 'alert')}, {incidents}")
    for found in played.incidents:
        incident = found.incident
        output.line(f"  {incident.title} ({incident.severity}, {incident.how})", "bold")
        for place, candidate in enumerate(incident.candidates[:SHOWN_CANDIDATES], 1):
            output.line(f"    {place}. {candidate.node}: {'; '.join(candidate.why)}")
        _alerts(output, _incident(found)["alerts"])
    if played.untold:
        output.line("  nobody would be told of")
        _alerts(output, [shapes.alert(seen.view, seen.because) for seen in played.untold])


def _alerts(output: Output, alerts: list[dict[str, Any]]) -> None:
    for shown in alerts:
        where = f" on {shown['node']}" if shown["node"] else ""
        output.line(f"    {shown['status']:<10}  {name_of(shown['labels'])}{where}: {shown['reason']}")
