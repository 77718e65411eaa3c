"""Work on large graphs in a process of its own: there it holds up nobody's interpreter, and its memory goes with it.

Reading a million nodes keeps Python busy for seconds, a thread would take them from the event loop. What is small is done
aside, in a thread, because a process takes half a second to start. `python -m healer.survey.apart` is that process.
"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from typing import IO, Any

import msgspec

from healer.topology.comparing import Compared, Differing, counted, differing
from healer.topology.graph import MAX_ID, Node, Topology, topology
from healer.topology.node_link import Fault, Reading
from healer.topology.source import Aside, Unreadable

LARGE = 4 << 20
"""Bytes from which on work is done apart."""
WITHIN_S = 120.0
"""Seconds after which such a process is ended."""


class Job(msgspec.Struct):
    """What to do: read node-link JSON, or compare where two graphs differ, with at most `most` changes in the patch."""

    body: bytes = b""
    left: Differing | None = None
    most: int = 0


class Done(msgspec.Struct):
    data: bytes = b""
    compared: Compared | None = None
    faults: tuple[Fault, ...] = ()


async def read(body: bytes, aside: Aside) -> bytes | Sequence[Fault]:
    """Node-link JSON as `Topology.encode` writes it, or what is wrong with it. Raises Unreadable when it takes too long."""
    done = await _do(Job(body), len(body), aside)
    return done.faults or done.data


async def compared(before: bytes, after: bytes, most: int, aside: Aside) -> Compared:
    """As `healer.topology.comparing.compare`. Raises Unreadable when it takes too long."""
    left = await aside(partial(differing, before, after))
    # Where only one of them is left, there is little to walk over, or nothing.
    done = await _do(Job(left=left, most=most), len(left) if left.before else 0, aside)
    assert done.compared is not None
    return done.compared


def do(job: Job) -> Done:
    """The work itself."""
    if job.left is not None:
        return Done(compared=counted(job.left, job.most))
    try:
        said = msgspec.json.decode(job.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        return Done(faults=(Fault(0, (), f"not JSON: {broken}"),))
    plain = quickly(said)
    if plain is not None:
        return Done(plain.encode())
    reading = Reading()
    reading.add(said)
    topology = reading.finish()
    return Done(faults=tuple(reading.faults[:1_000])) if reading.faults else Done(Topology.encode(topology))


def quickly(said: Any) -> Topology | None:
    """A graph without anything unusual in it, in a fifth of the time; None for one that has to be looked at closely."""
    if not isinstance(said, dict) or not said.keys() <= _PLAIN or said.get("directed") is False:
        return None
    listed, linked = said.get("nodes") or [], said.get("edges") or said.get("links") or []
    if not isinstance(listed, list) or not isinstance(linked, list) or ("edges" in said and "links" in said):
        return None
    nodes: dict[str, Node] = {}
    for one in listed:
        if type(one) is not dict or not _UNUSUAL.isdisjoint(one):
            return None
        id = one.get("id")
        if type(id) is not str or not id or len(id) > MAX_ID or not id.isprintable() or id[0] == " " or id[-1] == " ":
            return None
        if len(one) == 1:
            nodes[id] = Node(id)
            continue
        kind = one.get("kind", "")
        if type(kind) is not str or not set(map(type, one.values())) <= _TEXT:
            return None
        nodes[id] = Node(id, kind, (), {key: value for key, value in one.items() if key not in ("id", "kind")})
    if len(nodes) < len(listed):
        return None
    edges = []
    for one in linked:
        if type(one) is not dict:
            return None
        parent, child = one.get("source"), one.get("target")
        if type(parent) is not str or type(child) is not str or parent == child:
            return None
        if parent not in nodes or child not in nodes:
            return None
        edges.append((parent, child))
    return topology(nodes.values(), edges)


_TEXT = frozenset({str})
_PLAIN = frozenset({"directed", "multigraph", "graph", "nodes", "edges", "links"})
_UNUSUAL = frozenset({"aliases", "alias", "children", "redundancy", "sources"})


async def _do(job: Job, size: int, aside: Aside) -> Done:
    if size < LARGE:
        return await aside(partial(do, job))
    with await aside(partial(_written, job)) as given, tempfile.TemporaryFile() as answered:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, stdin=given, stdout=answered, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            async with asyncio.timeout(WITHIN_S):
                await process.wait()
        except TimeoutError:
            raise Unreadable(f"a graph of {size >> 20} MiB was not read within {WITHIN_S:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise Unreadable(
                f"a graph of {size >> 20} MiB could not be read: its process ended with {process.returncode}"
            )
        return await aside(partial(_answer, answered))


def _written(job: Job) -> IO[bytes]:
    """A job as a file: through a pipe it would be copied three times, a piece at a time on the event loop."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked closes it
    file.write(_HAS_BODY if job.left is None else _HAS_LEFT)
    file.write(job.body if job.left is None else msgspec.msgpack.encode(job))
    file.seek(0)
    return file


def _answer(file: IO[bytes]) -> Done:
    file.seek(0)
    kind, rest = file.read(1), file.read()
    return Done(rest) if kind == _HAS_BODY else msgspec.msgpack.decode(rest, type=Done)


_HAS_BODY = b"b"
"""What follows is bytes as they are: of node-link JSON, or of the graph."""
_HAS_LEFT = b"l"
"""What follows is a Job, or a Done."""


def _main() -> None:
    kind, rest = sys.stdin.buffer.read(1), sys.stdin.buffer.read()
    done = do(Job(rest) if kind == _HAS_BODY else msgspec.msgpack.decode(rest, type=Job))
    sys.stdout.buffer.write(_HAS_BODY + done.data if done.data else _HAS_LEFT + msgspec.msgpack.encode(done))


if __name__ == "__main__":
    import gc

    gc.disable()  # nothing here is ever in a circle, and the process ends soon
    _main()
