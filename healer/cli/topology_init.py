"""`healer topology init --prometheus URL`: sources and mappings for what this Prometheus has, and what they are worth.

Writes a piece of configuration to standard output. What it found, and how many of last week's alerts the piece would place,
stands in it as comments.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
import yaml

from healer.cli import asking
from healer.cli.asking import Asked, Labels
from healer.cli.failure import FOUND_WRONG
from healer.cli.output import Output
from healer.cli.words import counted, name_of
from healer.seams import SystemClock
from healer.settings import parse_settings
from healer.times import SECOND
from healer.topology.discovery import CLUES, Suggestion, suggest
from healer.topology.graph import Topology
from healer.topology.map import Map
from healer.topology.merging import merge
from healer.topology.settings import TopologySettings
from healer.topology.sources.prometheus import Edges

ALERTS = 'ALERTS{alertstate="firing"}'
MAX_ALERTS = 100_000
"""Label sets of one look back that are mapped."""
NAMED = 10
"""Names of alerts without a node that are told."""
WIDTH = 120


class Worth(msgspec.Struct, frozen=True):
    """What the suggested lines make of alerts that there were. `known`: on a node that the sources have, so that a cause
    above it can explain them. `lost`: names of those without a node, the most frequent first."""

    alerts: int
    mapped: int
    known: int
    aside: int
    lost: tuple[tuple[str, int], ...]

    @property
    def share(self) -> float:
        """Of the alerts that are about a node."""
        about = self.alerts - self.aside
        return self.mapped / about if about else 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    asking.add_arguments(parser)
    parser.add_argument("--days", type=int, default=7, help="how far back alerts are looked at (7)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a piece of configuration")


def run(arguments: argparse.Namespace, output: Output) -> int:
    asked = asking.asked(arguments)
    output.aside(f"Prometheus at {asked.url}")
    suggestion = suggest({clue.name: asked.count(clue.question) for clue in CLUES})
    graph = graph_of(asked, suggestion)
    worth = weigh(_settings(suggestion, asked.url), graph, _alerts(asked, arguments.days))
    if arguments.json:
        output.json(
            {
                "found": [{"name": clue.name, "series": count, "says": clue.says} for clue, count in suggestion.clues],
                "settings": suggestion.settings(asked.url),
                "nodes": len(graph.nodes),
                "edges": len(graph.edges),
                "alerts": worth,
                "share": round(worth.share, 4),
            }
        )
    else:
        for line in _written(asked.url, suggestion, graph, worth, arguments.days):
            output.console.file.write(line + "\n")
    return 0 if suggestion.clues else FOUND_WRONG


def weigh(lines: TopologySettings, graph: Topology, alerts: Sequence[Labels]) -> Worth:
    """How many of these alerts the suggested lines place."""
    here = Map(graph, lines.nodes, (), lines.max_nodes)
    found = [(labels, here.mapper.map(labels)) for labels in alerts]
    lost = Counter(name_of(labels) for labels, mapped in found if mapped.node is None and mapped.code != "none")
    return Worth(
        len(found),
        sum(mapped.node is not None for _, mapped in found),
        sum(mapped.known for _, mapped in found),
        sum(mapped.code == "none" for _, mapped in found),
        tuple(lost.most_common(NAMED)),
    )


def _alerts(asked: Asked, days: int) -> list[Labels]:
    """The label sets of the alerts that fired, without what Prometheus adds to them."""
    now_s = SystemClock().now() / SECOND
    found = asked.series(ALERTS, now_s - days * 86_400, now_s)[:MAX_ALERTS]
    return [{name: value for name, value in one.items() if name not in ("__name__", "alertstate")} for one in found]


def graph_of(asked: Asked, suggestion: Suggestion) -> Topology:
    """What the suggested sources would say now, read as healer reads them."""
    sources = _settings(suggestion, asked.url).sources
    rows = [source.prometheus for source in sources if source.prometheus is not None]
    return merge([(one.query, Edges(one).of(asked.rows(one.query))) for one in rows] or [("", Topology())]).topology


def _settings(suggestion: Suggestion, url: str) -> TopologySettings:
    return parse_settings(yaml.safe_dump(suggestion.settings(url)), {}).topology


def _written(url: str, suggestion: Suggestion, graph: Topology, worth: Worth, days: int) -> Iterator[str]:
    if not suggestion.clues:
        yield f"# Nothing that healer knows was found at {url}: name your own sources and lines (docs/topology.md)."
        return
    yield f"# Found at {url}:"
    for clue, count in suggestion.clues:
        yield f"#   {clue.name} ({count:,} series): {clue.says}"
    yield f"# These sources say {counted(len(graph.nodes), 'node')} and {counted(len(graph.edges), 'edge')} now."
    about = worth.alerts - worth.aside
    if about:
        yield f"# Of {counted(about, 'alert')} of the last {days} days that are about something, {worth.share:.0%} get a node,"
        yield f"# {worth.known / about:.0%} one that these sources know, so that what lies above it can explain them."
    else:
        yield f"# No alert fired in the last {days} days that could tell how good the lines are."
    if worth.lost:
        yield "# Without a node: " + ", ".join(f"{name} ({count})" for name, count in worth.lost)
    dumped = yaml.safe_dump(suggestion.settings(url), sort_keys=False, width=WIDTH, allow_unicode=True)
    yield dumped.rstrip("\n")
