"""What can fail, and where an alert sits: as the running healer has it, or, with --config, as files say.

healer topology show [--alerts FILE]          what there is, who says so, and what looks odd
healer topology path A B                      how a fault of A reaches B, and who says so
healer topology map ALERT.json --config FILE  the node of an alert (labels, or an alert as Alertmanager has it), and why
healer topology unmapped --config FILE        alerts of the running healer that have no node, and why
healer topology import FILE                   send a topology to the running healer
healer topology accept SOURCE                 believe what a source says, although much of it is gone
healer topology init --prometheus URL         sources and mappings for what a Prometheus has
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from healer.cli import graph, path, topology_accept, topology_import, topology_init, unmapped
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.graph import Seen, look
from healer.cli.output import Output
from healer.cli.words import counted, label_text
from healer.settings import Settings
from healer.topology.doubts import doubts, strangers
from healer.topology.graph import Topology, kind_of
from healer.topology.inspection import Note, notes
from healer.topology.map import Map

MAX_ALERTS = 10_000
"""Alerts of one file that are mapped."""
SHOWN = 20
"""Nodes at the top, or notes, that are shown."""


ELSEWHERE: dict[str, Callable[[argparse.Namespace, Output], int]] = {
    "unmapped": unmapped.run,
    "import": topology_import.run,
    "accept": topology_accept.run,
    "init": topology_init.run,
}
"""The ways that do not look at the configuration's topology alone."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    ways = parser.add_subparsers(dest="way", required=True, metavar="show|map|path|unmapped|import|accept|init")
    show = ways.add_parser("show", help="how many nodes of which kind, what lies on top, what looks odd")
    place = ways.add_parser("map", help="on which node an alert sits, and by which line")
    place.add_argument(
        "alert", metavar="ALERT.json", help="labels, an alert, a list of alerts or a webhook; - reads standard input"
    )
    road = ways.add_parser("path", help="the shortest way from a cause down to what it reaches, and who says so")
    road.add_argument("ends", nargs=2, metavar=("A", "B"), help="ids of nodes")
    show.add_argument(
        "--alerts", metavar="FILE", help="alerts, as `map` reads them: which of their nodes are not known?"
    )
    for name, module, about in (
        ("unmapped", unmapped, "alerts of the running healer without a node, by name, and why"),
        ("import", topology_import, "send a topology to the running healer"),
        ("accept", topology_accept, "believe what a source says, although much of it is gone"),
        ("init", topology_init, "sources and mappings for what a Prometheus has"),
    ):
        module.add_arguments(ways.add_parser(name, help=about, description=module.__doc__))
    for way in (show, place, road):
        graph.add_arguments(way)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    if arguments.way in ELSEWHERE:
        return ELSEWHERE[arguments.way](arguments, output)
    if arguments.config is None and (arguments.way == "map" or getattr(arguments, "alerts", None)):
        raise Failure("--config FILE is needed: its lines say where alerts sit", CALLED_WRONG)
    seen, settings = look(arguments, output)
    if arguments.way == "path":
        return path.run(output, seen, *arguments.ends, as_json=arguments.json)
    if arguments.way == "show":
        return _show(output, seen, _odd(seen, settings, arguments.alerts), as_json=arguments.json)
    assert settings is not None
    return _map(output, map_of(settings, seen.topology), read_labels(arguments.alert), as_json=arguments.json)


def _odd(seen: Seen, settings: Settings | None, alerts: str | None) -> list[Note]:
    """What is legal and worth a look."""
    found = notes(seen.topology)
    if settings is not None:
        found += doubts(settings.topology.nodes, seen.topology if seen.whole else None)
        if alerts:
            here = map_of(settings, seen.topology).mapper
            found += strangers(here.map(labels) for labels in read_labels(alerts))
    return found


def map_of(settings: Settings, topology: Topology) -> Map:
    """The topology with the mappings of a configuration."""
    parts = settings.topology
    return Map(topology, parts.nodes, parts.labels, parts.max_nodes)


def read_labels(file: str) -> list[dict[str, str]]:
    """The label sets in a file: plain labels, an alert, a list of either, or a webhook. Raises Failure."""
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        data = msgspec.json.decode(raw)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", CALLED_WRONG) from None
    except msgspec.DecodeError as error:
        raise Failure(f"{file} is not JSON: {error}", CALLED_WRONG) from None
    if isinstance(data, dict) and isinstance(data.get("alerts"), list):
        data = data["alerts"]
    alerts = data if isinstance(data, list) else [data]
    if len(alerts) > MAX_ALERTS:
        raise Failure(f"{file} has {len(alerts)} alerts; at most {MAX_ALERTS} are mapped", CALLED_WRONG)
    try:
        return [msgspec.convert(_labels(alert), dict[str, str]) for alert in alerts]
    except msgspec.ValidationError as error:
        raise Failure(f'{file}: expected labels such as {{"alertname": "HostDown"}}: {error}', CALLED_WRONG) from None


def _labels(alert: Any) -> Any:
    return alert["labels"] if isinstance(alert, dict) and isinstance(alert.get("labels"), dict) else alert


def _map(output: Output, found: Map, alerts: list[dict[str, str]], *, as_json: bool) -> int:
    items = []
    for labels in alerts:
        mapped = found.mapper.map(labels)
        items.append(
            {
                "labels": labels,
                "node": mapped.node,
                "known": mapped.known,
                "explains": mapped.explains,
                "why": mapped.why,
            }
        )
    placed = sum(item["node"] is not None for item in items)
    if as_json:
        output.json({"items": items, "total": len(items), "mapped": placed})
    elif len(items) == 1:
        output.line(str(items[0]["node"] or "no node"), "bold")
        output.line(f"  {items[0]['why']}")
        if items[0]["node"] and not items[0]["known"] and found.mapper.map(alerts[0]).code != "labels source":
            output.line("  this node is not in the topology: nothing above it explains this alert", "yellow")
    else:
        rows = [
            (item["node"] or "-", "yes" if item["known"] else "no", label_text(alerts[at]), item["why"])
            for at, item in enumerate(items)
        ]
        output.table(("NODE", "KNOWN", "LABELS", "WHY"), rows, empty="no alerts")
        output.line(f"{placed} of {counted(len(items), 'alert')} sit on a node")
    return 0 if placed == len(items) else FOUND_WRONG


def _show(output: Output, seen: Seen, found: Sequence[Note], *, as_json: bool) -> int:
    topology = seen.topology
    kinds = Counter(node.kind or kind_of(node.id) or "(no kind)" for node in topology.nodes)
    below = {child for _, child in topology.edges}
    tops = [node.id for node in topology.nodes if node.id not in below]
    if as_json:
        odd = [{"kind": note.kind, "nodes": note.nodes, "text": note.text} for note in found]
        output.json(
            {
                "nodes": len(topology.nodes),
                "edges": len(topology.edges),
                "kinds": dict(kinds),
                "top": tops,
                "notes": odd,
                "sources": seen.confirmed,
                "states": seen.states,
            }
        )
        return 0
    output.line(f"{counted(len(topology.nodes), 'node')}, {counted(len(topology.edges), 'edge')}", "bold")
    output.table(("KIND", "NODES"), sorted(kinds.items()), empty="no nodes: add a source to topology.sources")
    if seen.confirmed:
        output.heading("Who says so")
        edges = Counter(name for names in seen.said.values() for name in names)
        rows = [
            (name, f"{edges[name]:,}", when or "never", seen.states.get(name, ""))
            for name, when in seen.confirmed.items()
        ]
        output.table(("SOURCE", "EDGES", "CONFIRMED", "STATE"), rows, empty="")
    output.heading("On top (nothing above explains their alerts)")
    output.line("  " + ", ".join(tops[:SHOWN]) + (f" and {len(tops) - SHOWN} more" if len(tops) > SHOWN else ""))
    if found:
        output.heading("Worth a look")
    for note in found[:SHOWN]:
        output.line(f"  {note.kind}: {note.text}", "yellow")
    return 0
