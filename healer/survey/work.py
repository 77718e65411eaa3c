"""The work on a graph that takes long when it is large: reading, comparing, merging, making it ready for an index. Pure.

Done where `healer.survey.apart` says: in a thread, or in a process of its own.
"""

import msgspec

from healer.times import Micros
from healer.topology import plain
from healer.topology.answers import Answer
from healer.topology.comparing import Compared, Differing, compare, counted
from healer.topology.departed import Departed, keep
from healer.topology.graph import Topology, decode, parts
from healer.topology.merging import Conflict, merge
from healer.topology.node_link import Fault, Reading
from healer.topology.packed import Packed
from healer.topology.packing import pack
from healer.topology.patch import Patch

MOST = 20_000
"""Changes from which on the whole graph is adopted instead: they would be applied in one go."""
FAULTS = 1_000
"""Mistakes that are told."""


class Read(msgspec.Struct, frozen=True, tag=True):
    """Read node-link JSON."""

    body: bytes


class Compare(msgspec.Struct, frozen=True, tag=True):
    """Compare where two graphs differ, with at most `most` changes in the patch."""

    left: Differing
    most: int


class Unite(msgspec.Struct, frozen=True, tag=True):
    """Make one graph of all answers, with the nodes that left it less than `keep_for` ago; `before` is the one that it
    follows."""

    answers: tuple[Answer, ...]
    before: bytes
    departed: Departed
    now: Micros
    keep_for: Micros


class Pack(msgspec.Struct, frozen=True, tag=True):
    """Make a graph ready for an index."""

    graph: bytes


Job = Read | Compare | Unite | Pack


class Union(msgspec.Struct, frozen=True):
    """One graph of all sources; `departed` are nodes in it that no source says any more. `patch` makes it of the one before;
    None for more than `MOST` changes."""

    data: bytes
    nodes: int
    edges: int
    patch: Patch | None
    departed: Departed
    disagreements: tuple[Conflict, ...] = ()
    conflicts: int = 0


class Done(msgspec.Struct):
    """What came of a job: the graph that was read (`Topology.encode`) or its faults, the comparison, the union."""

    graph: bytes = b""
    faults: tuple[Fault, ...] = ()
    compared: Compared | None = None
    union: Union | None = None


def do(job: Job) -> tuple[Done, Packed | None]:
    """The work itself; with a graph that is new comes what an index needs of it."""
    if isinstance(job, Read):
        return _read(job.body)
    if isinstance(job, Compare):
        return Done(compared=counted(job.left, job.most)), None
    if isinstance(job, Pack):
        return Done(), pack(parts(job.graph))
    return _unite(job)


def _read(body: bytes) -> tuple[Done, Packed | None]:
    if (found := plain.read(body)) is not None:
        return Done(found[0]), found[1]
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        return Done(faults=(Fault(0, (), f"not JSON: {broken}"),)), None
    reading = Reading()
    reading.add(said)
    topology = reading.finish()
    if reading.faults:
        return Done(faults=tuple(reading.faults[:FAULTS])), None
    return Done(topology.encode()), pack([topology])


def _unite(job: Unite) -> tuple[Done, Packed | None]:
    merged = merge([(answer.source, decode(answer.data)) for answer in job.answers])
    graph, left = keep(decode(job.before), merged.topology, job.departed, job.now, job.keep_for)
    data = graph.encode()
    patch = compare(job.before, data, MOST).patch
    union = Union(data, len(graph.nodes), len(graph.edges), patch, left, merged.disagreements, merged.conflicts)
    return Done(union=union), pack([graph]) if patch is None else None


NOTHING = Topology().encode()
"""The graph of nothing."""
