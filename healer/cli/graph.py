"""The topology that a command looks at: of the running healer, with who says what; or of a configuration's files.

A configuration whose sources are not all files does not hold the whole graph, so the running healer is asked for it.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import msgspec

from healer.cli import connection
from healer.cli.connection import NotThere
from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.documents.problems import DocumentError
from healer.settings import Settings, load_settings
from healer.settings.client import DEFAULT_URL, client_settings
from healer.topology.graph import Topology
from healer.topology.node_link import Reading
from healer.topology.sources.file import read_topology

FILE = "file"
"""What says an edge where only files were read."""
Edge = tuple[str, str]


class Seen(msgspec.Struct, frozen=True):
    """`whole`: there is nothing else that somebody could know. `said` names the sources of each edge, none where no source
    says it any more; `confirmed` is when each source said so last (RFC 3339)."""

    topology: Topology
    whole: bool
    said: Mapping[Edge, tuple[str, ...]]
    confirmed: Mapping[str, str]
    states: Mapping[str, str] = {}
    """By source: `good`, or what is wrong with it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="whose topology; without it, that of the running healer"
    )
    connection.add_arguments(parser)


def look(arguments: argparse.Namespace, output: Output) -> tuple[Seen, Settings | None]:
    """The topology that is meant, and the configuration, where one was given. Raises Failure."""
    if arguments.config is None:
        return running(arguments, output), None
    try:
        settings = load_settings(arguments.config)
        files = read_topology(settings.topology.files)
    except DocumentError as error:
        raise Failure(str(error)) from None
    told_where = arguments.url or client_settings().url != DEFAULT_URL
    complete = all(source.file is not None for source in settings.topology.sources)
    only_labels = all(source.file is not None or source.labels for source in settings.topology.sources)
    if only_labels and not told_where:
        return Seen(files, complete, dict.fromkeys(files.edges, (FILE,)), {}), settings
    if not told_where:
        arguments.url = settings.server.url
    try:
        return running(arguments, output), settings
    except NotThere as nobody:
        if told_where:
            raise
        output.aside(f"{nobody}; only the files of {arguments.config} are looked at")
        return Seen(files, False, dict.fromkeys(files.edges, (FILE,)), {}), settings


def running(arguments: argparse.Namespace, output: Output) -> Seen:
    """What the running healer goes by. Raises Failure."""
    return read(connection.connect(arguments, output).get("/api/v1/topology"))


def read(answer: Mapping[str, object]) -> Seen:
    """A graph as GET /api/v1/topology gives it. Raises Failure."""
    try:
        found = msgspec.convert(answer, _Answer)
    except msgspec.ValidationError as error:
        raise Failure(f"this is another version of healer: its topology cannot be read ({error})") from None
    reading = Reading()
    nodes = [{key: value for key, value in node.items() if key != "sources"} for node in found.nodes]
    reading.add({"nodes": nodes, "edges": [[edge.source, edge.target] for edge in found.edges]})
    topology = reading.finish()
    if reading.faults:
        raise Failure(f"the topology of the running healer cannot be read: {reading.faults[0].message}", CALLED_WRONG)
    said = {(edge.source, edge.target): edge.sources for edge in found.edges}
    sources = found.graph.sources
    confirmed = {name: one.confirmed_at for name, one in sources.items()}
    return Seen(topology, True, said, confirmed, {name: str(one) for name, one in sources.items()})


class _Confirmed(msgspec.Struct):
    confirmed_at: str = ""
    state: str = "good"
    why: str | None = None

    def __str__(self) -> str:
        return f"{self.state}: {self.why}" if self.why else self.state


class _About(msgspec.Struct):
    sources: dict[str, _Confirmed] = {}


class _Edge(msgspec.Struct):
    source: str
    target: str
    sources: tuple[str, ...] = ()


class _Answer(msgspec.Struct):
    nodes: list[dict[str, object]]
    edges: list[_Edge]
    graph: _About = msgspec.field(default_factory=_About)
