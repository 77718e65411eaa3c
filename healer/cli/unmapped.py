"""`healer topology unmapped`: which alerts have no node, by name, how many, with which labels, and why.

The running healer says which alerts there are; the lines of the configuration say why. Those that a line puts on no node on
purpose are left out.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from healer.cli import connection
from healer.cli.failure import FOUND_WRONG, Failure
from healer.cli.graph import read
from healer.cli.output import Output
from healer.cli.words import counted, name_of
from healer.documents.problems import DocumentError
from healer.settings import load_settings
from healer.settings.client import DEFAULT_URL, client_settings
from healer.topology.doubts import strangers
from healer.topology.map import Map
from healer.topology.mapped import Mapped

MAX_ALERTS = 100_000
"""Alerts of the running healer that are looked at."""
SHOWN = 50
"""Names that are shown."""


class Lost(msgspec.Struct, frozen=True):
    """Alerts of one name without a node. `labels` are those that all of them have, with a value where it is one."""

    alertname: str
    count: int
    labels: dict[str, str | None]
    why: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="whose lines are asked why")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    try:
        settings = load_settings(arguments.config)
    except DocumentError as error:
        raise Failure(str(error)) from None
    if (arguments.url or client_settings().url) == DEFAULT_URL:
        arguments.url = settings.server.url
    link = connection.connect(arguments, output)
    parts, topology = settings.topology, read(link.get("/api/v1/topology")).topology
    here = Map(topology, parts.nodes, parts.labels, parts.max_nodes).mapper
    alerts, total = link.all("/api/v1/alerts", MAX_ALERTS)
    heartbeat = settings.watchdog.alertname
    without = [alert for alert in alerts if alert["node"] is None and name_of(alert["labels"]) != heartbeat]
    found = lost((alert["labels"], here.map(alert["labels"])) for alert in without)
    odd = [] if parts.labels else strangers(here.map(alert["labels"]) for alert in alerts)
    if arguments.json:
        unmapped = sum(one.count for one in found)
        output.json({"items": found, "total": len(found), "alerts": total, "unmapped": unmapped, "notes": odd})
        return FOUND_WRONG if found else 0
    rows = [(one.count, one.alertname, _label_text(one), one.why) for one in found[:SHOWN]]
    output.table(
        ("ALERTS", "NAME", "LABELS THAT ALL HAVE", "WHY"), rows, empty="every alert has a node, or is about none"
    )
    if len(found) > SHOWN:
        output.line(f"and {len(found) - SHOWN} more names")
    if found:
        output.line(f"{sum(one.count for one in found):,} of {counted(total, 'alert')} have no node")
    for note in odd:
        output.line(f"{note.kind}: {note.text}", "yellow")
    return FOUND_WRONG if found else 0


def lost(alerts: Iterable[tuple[dict[str, str], Mapped]]) -> list[Lost]:
    """Those that nobody put on no node on purpose, by name, the most frequent first."""
    named: dict[str, list[tuple[dict[str, str], Mapped]]] = {}
    for labels, mapped in alerts:
        if mapped.code != "none":
            named.setdefault(name_of(labels), []).append((labels, mapped))
    found = []
    for name, those in named.items():
        (why, _), *_ = Counter(mapped.why for _, mapped in those).most_common(1)
        found.append(Lost(name, len(those), _shared([labels for labels, _ in those]), why))
    return sorted(found, key=lambda one: (-one.count, one.alertname))


def _shared(sets: Sequence[dict[str, str]]) -> dict[str, str | None]:
    """The labels that all have; None for one whose values differ."""
    names = set.intersection(*(set(labels) for labels in sets)) - {"alertname"}
    values = {name: {labels[name] for labels in sets} for name in sorted(names)}
    return {name: next(iter(found)) if len(found) == 1 else None for name, found in values.items()}


def _label_text(one: Lost) -> str:
    return ", ".join(f'{name}="{value}"' if value is not None else name for name, value in one.labels.items())
