"""The network between a process and a server, which can go dark: what is sent is neither delivered nor refused until it is
light again. Then what was on its way arrives, late, as it does where packets are sent again.

`with Wires() as wires: wire = wires.to(server.port)`, and whoever is to suffer is told `wire.port`.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import closing, suppress
from typing import Any, Self, TypeVar

T = TypeVar("T")

CHUNK = 65_536
OPEN_S = 10.0


class Wire:
    """One loopback port in front of another. `dark` and `light` may be called from any thread."""

    def __init__(self, wires: "Wires", target: int) -> None:
        self.port = 0
        self._target = target
        self._wires = wires
        self._lit = asyncio.Event()
        self._lit.set()
        self._open: set[asyncio.Task[None] | None] = set()
        """The loop itself forgets who waits for a connection that is half closed."""

    def dark(self) -> None:
        """From here on nothing gets through, and nobody is told."""
        self._wires.call(self._lit.clear)

    def light(self) -> None:
        self._wires.call(self._lit.set)

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._opened, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _opened(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = asyncio.current_task()
        self._open.add(mine)
        # At the end of all wires what is open is cut.
        with suppress(asyncio.CancelledError), closing(writer):
            await self._joined(reader, writer)
        self._open.discard(mine)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._lit.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            return
        with closing(back):
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Everything, and at last that nothing more comes."""
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                await self._lit.wait()
                writer.write(data)
                await writer.drain()
        await self._lit.wait()
        with suppress(OSError, RuntimeError):
            writer.write_eof()


class Wires:
    """All wires of a test, on a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._servers: list[asyncio.Server] = []

    def to(self, port: int) -> Wire:
        """A new wire to a server on this port."""
        wire = Wire(self, port)
        self._servers.append(self._wait(wire.listen()))
        return wire

    def call(self, what: Callable[[], None]) -> None:
        """Done when it returns."""

        async def done() -> None:
            what()

        self._wait(done())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(OPEN_S)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            self.call(server.close)
        self._wait(_end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _end_all() -> None:
    """Cut what is open."""
    mine = asyncio.current_task()
    left = [task for task in asyncio.all_tasks() if task is not mine]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    # Until the connections know that they are closed.
    await asyncio.sleep(0.05)
