"""Storms that do not ship: generated ones, and cases in files. What `healer storm` asks for before it sends."""

import argparse
from pathlib import Path

import msgspec

from healer.cli.failure import CALLED_WRONG, Failure
from healer.cli.output import Output
from healer.cli.recording import Recording, from_case, recorded
from healer.cli.words import counted
from healer.documents.problems import DocumentError
from healer.rehearsal.generators import KINDS, SIZE, Storm, storms

MAX_SIZE = 1_000_000
"""Nodes of a datacentre that is generated."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list", action="store_true", help="list the kinds of storms that can be generated")
    parser.add_argument("--kind", choices=tuple(KINDS), metavar="KIND", help="generate one of this kind")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which one; the same number, the same storm")
    parser.add_argument("--size", type=int, default=SIZE, metavar="N", help=f"nodes of the datacentre (else {SIZE})")
    parser.add_argument("--case", type=Path, metavar="FILE", help="a case as `healer converge` reads it")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the case for `healer converge`; send nothing")
    parser.add_argument("--topology", type=Path, metavar="FILE", help="write the topology, as JSON; send nothing")


def show_kinds(output: Output, *, as_json: bool) -> None:
    """What can be generated."""
    if as_json:
        output.json({"items": [{"kind": kind, "what": says} for kind, says in KINDS.items()]})
        return
    output.table(("kind", "what happens"), KINDS.items(), empty="")


def recording(arguments: argparse.Namespace, output: Output) -> Recording | None:
    """The storm that is meant, written where that is wanted; None for the one that ships. Raises Failure."""
    if arguments.case is not None and arguments.kind is not None:
        raise Failure("--case and --kind: say one of them", CALLED_WRONG)
    if arguments.case is not None:
        return _read(arguments.case)
    if arguments.kind is None:
        if arguments.write or arguments.topology:
            raise Failure("--write and --topology belong to a generated storm: say --kind too", CALLED_WRONG)
        return None
    if not 0 < arguments.size <= MAX_SIZE:
        raise Failure(f"--size {arguments.size}: 1 to {MAX_SIZE} nodes", CALLED_WRONG)
    storm = next(storms(arguments.kind, arguments.seed, arguments.size))
    if arguments.write:
        _write(arguments.write, storm.encode(), storm, output)
    if arguments.topology:
        _write(arguments.topology, _topology(storm), storm, output)
    size = f" --size {arguments.size}" if arguments.size != SIZE else ""
    return recorded(storm, f"--kind {arguments.kind} --seed {arguments.seed}{size}")


def _read(file: Path) -> Recording:
    try:
        return from_case(file.read_bytes(), str(file))
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}; name a file with a case", CALLED_WRONG) from None
    except (DocumentError, ValueError) as error:
        raise Failure(str(error), CALLED_WRONG) from None


def _write(file: Path, data: bytes, storm: Storm, output: Output) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}", CALLED_WRONG) from None
    causes = " and ".join(storm.roots)
    output.line(f"{file}: {counted(len(storm.nodes), 'node')}, {counted(len(storm.alerts), 'alert')}, cause {causes}")


def _topology(storm: Storm) -> bytes:
    """As node-link JSON, for `topology.sources`."""
    nodes = [{"id": node, "kind": node.partition("/")[0]} for node in storm.nodes]
    edges = [{"source": parent, "target": child} for parent, child in storm.edges]
    return msgspec.json.encode({"directed": True, "multigraph": False, "graph": {}, "nodes": nodes, "edges": edges})
