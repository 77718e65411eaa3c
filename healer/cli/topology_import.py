"""`healer topology import FILE`: a topology from a file (YAML, or node-link JSON) goes to the running healer.

It becomes what PUT /api/v1/topology holds, in place of what was put before; the other sources stay.
"""

import argparse
from pathlib import Path

import msgspec
import networkx as nx

from healer.cli import connection
from healer.cli.failure import Failure
from healer.cli.output import Output
from healer.cli.words import counted
from healer.documents.problems import DocumentError
from healer.topology.graph import Topology
from healer.topology.inspection import to_networkx
from healer.topology.sources.file import read_topology


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="several are one graph")
    parser.add_argument("--force", action="store_true", help="although much of what was put before would be gone")
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output) -> int:
    try:
        topology = read_topology(arguments.files)
    except DocumentError as error:
        raise Failure(str(error)) from None
    link = connection.connect(arguments, output)
    answer = link.put(f"/api/v1/topology{'?force=true' if arguments.force else ''}", node_link(topology))
    if arguments.json:
        output.json(answer)
    else:
        output.line(f"sent {counted(len(topology.nodes), 'node')}, {counted(len(topology.edges), 'edge')}")
    return 0


def node_link(topology: Topology) -> bytes:
    """The topology as networkx writes it; attributes are keys of their node."""
    return msgspec.json.encode(nx.node_link_data(to_networkx(topology), edges="edges"))
