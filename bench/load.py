"""Sends prepared requests over a few connections, as fast as they are answered: a plain HTTP/1.1 client, so that the sender
costs little beside the server.

It runs in a process of its own (`python -m bench.load URL ...`), which prints one JSON line.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from bench.corpus import batches


class Result(msgspec.Struct):
    """What a load was: alerts taken, answers by status, seconds, and milliseconds per request."""

    alerts: int
    statuses: dict[str, int]
    seconds: float
    median_ms: float
    p99_ms: float


async def send(url: str, bodies: Sequence[tuple[bytes, int]], connections: int) -> Result:
    """POST every body once, over so many connections. Raises ConnectionError when the server goes away."""
    to = urlsplit(url)
    host, port = to.hostname or "127.0.0.1", to.port or 80
    head = f"POST {to.path} HTTP/1.1\r\nHost: {to.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
    requests = [(head.encode() + f"{len(body)}\r\n\r\n".encode() + body, alerts) for body, alerts in bodies]
    waiting = iter(requests)
    times: list[float] = []
    statuses: dict[str, int] = {}
    taken = 0

    async def work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        for request, alerts in waiting:
            began = time.perf_counter()
            writer.write(request)
            status = await _answer(reader)
            times.append(time.perf_counter() - began)
            statuses[str(status)] = statuses.get(str(status), 0) + 1
            taken += alerts if status // 100 == 2 else 0
        writer.close()

    opened = [await asyncio.open_connection(host, port) for _ in range(connections)]
    began = time.perf_counter()
    await asyncio.gather(*(work(reader, writer) for reader, writer in opened))
    seconds = time.perf_counter() - began
    times.sort()
    return Result(taken, statuses, seconds, times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3)


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status of one answer, whose body is read and thrown away."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            await reader.readexactly(int(value))
        elif name == b"transfer-encoding" and b"chunked" in value:
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readline()
    return int(head[9:12])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=100_000, help="alerts in all")
    parser.add_argument("--batch", type=int, default=100, help="alerts in a request")
    parser.add_argument("--connections", type=int, default=8)
    asked = parser.parse_args(arguments)
    bodies = list(batches(asked.count, asked.batch))  # all of them before the clock starts
    result = asyncio.run(send(asked.url, bodies, asked.connections))
    print(json.dumps(msgspec.to_builtins(result)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
