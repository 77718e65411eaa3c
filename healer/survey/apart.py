"""Work on large graphs in a process of its own: there it holds up nobody's interpreter, and its memory goes with it.

Reading a million nodes keeps Python busy for seconds, a thread would take them from the event loop. What is small is done
aside, in a thread, because a process takes half a second to start. `python -m healer.survey.apart` is that process.
"""

import asyncio
import sys
from collections.abc import Sequence
from functools import partial

import msgspec

from healer.topology.comparing import Compared, compare
from healer.topology.graph import Topology
from healer.topology.node_link import Fault, Reading
from healer.topology.source import Aside, Unreadable

LARGE = 4 << 20
"""Bytes from which on work is done apart."""
WITHIN_S = 120.0
"""Seconds after which such a process is ended."""


class Job(msgspec.Struct):
    """What to do: `read` node-link JSON, or `compare` two graphs with at most `most` changes in the patch."""

    what: str
    one: bytes
    other: bytes = b""
    most: int = 0


class Done(msgspec.Struct):
    data: bytes = b""
    compared: Compared | None = None
    faults: tuple[Fault, ...] = ()


async def read(body: bytes, aside: Aside) -> bytes | Sequence[Fault]:
    """Node-link JSON as `Topology.encode` writes it, or what is wrong with it. Raises Unreadable when it takes too long."""
    done = await _do(Job("read", body), len(body), aside)
    return done.faults or done.data


async def compared(before: bytes, after: bytes, most: int, aside: Aside) -> Compared:
    """As `healer.topology.comparing.compare`. Raises Unreadable when it takes too long."""
    done = await _do(Job("compare", before, after, most), len(before) + len(after), aside)
    assert done.compared is not None
    return done.compared


def do(job: Job) -> Done:
    """The work itself."""
    if job.what == "compare":
        return Done(compared=compare(job.one, job.other, job.most))
    try:
        said = msgspec.json.decode(job.one)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        return Done(faults=(Fault(0, (), f"not JSON: {broken}"),))
    reading = Reading()
    reading.add(said)
    topology = reading.finish()
    return Done(faults=tuple(reading.faults[:1_000])) if reading.faults else Done(Topology.encode(topology))


async def _do(job: Job, size: int, aside: Aside) -> Done:
    if size < LARGE:
        return await aside(partial(do, job))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        __name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            given = await aside(partial(msgspec.msgpack.encode, job))
            answer, _ = await process.communicate(given)
    except TimeoutError:
        raise Unreadable(f"a graph of {size >> 20} MiB was not read within {WITHIN_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise Unreadable(f"a graph of {size >> 20} MiB could not be read: its process ended with {process.returncode}")
    return await aside(partial(msgspec.msgpack.decode, answer, type=Done))


if __name__ == "__main__":
    import gc

    gc.disable()  # nothing here is ever in a circle, and the process ends soon
    sys.stdout.buffer.write(msgspec.msgpack.encode(do(msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job))))
