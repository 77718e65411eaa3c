"""What is known when the network swallows bytes without closing anything, and lets them through later?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from healer.executors.ssh import SshTarget
from healer.executors.ssh_settings import SshHost as SshHostSettings
from healer.executors.target import Order, Result
from healer.seams import SystemClock
from healer.times import SECOND
from tests.integration.executors.orders import go, order
from tests.servers.sshd import SshHost


class BlackHole:
    """A TCP proxy before a machine. While `open` is clear it keeps what comes, in both directions.

    It never passes on that one side has closed: a machine does not hear of a connection that is gone.
    """

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, host: SshHost) -> asyncio.Server:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(host.address, host.port)
            self._writers += [writer, far_writer]
            for one, other in ((reader, far_writer), (far_reader, writer)):
                task = asyncio.ensure_future(self._pass(one, other))
                self._tasks.add(task)

        server = await asyncio.start_server(connected, host.address, 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self.open.wait()
                writer.write(data)
                await writer.drain()


@pytest.fixture
async def hole(machine: SshHost) -> AsyncIterator[BlackHole]:
    """A proxy before `machine`."""
    hole = BlackHole()
    server = await hole.serve(machine)
    yield hole
    server.close()
    await hole.close()


def through(hole: BlackHole, machine: SshHost, node: str, go_wait_s: int = 5) -> SshTarget:
    """An executor that reaches `node` by the proxy, and gives a silent connection up after 0.6 s."""
    # The proxy's port has no line in known_hosts; the machine's key is accepted for it all the same.
    known = machine.folder / f"known_hosts.{hole.port}"
    known.write_text(machine.known_hosts.read_text().replace(f":{machine.port} ", f":{hole.port} "))
    hosts = {node: SshHostSettings(port=hole.port)}
    settings = machine.settings(hosts=hosts, keepalive=SECOND // 5, known_hosts=str(known), go_wait_s=go_wait_s)
    return SshTarget(settings, SystemClock())


async def settled(machine: SshHost, an_order: Order) -> Result:
    """Probe on the direct way until the outcome is known."""
    target = SshTarget(machine.settings(), SystemClock())
    async with asyncio.timeout(15):
        while (result := await target.probe(an_order)).outcome == "unknown":
            await asyncio.sleep(0.1)
    return result


async def test_silence_after_go(hole: BlackHole, machine: SshHost) -> None:
    """A connection that falls silent after go is given up by its keep-alives: unknown, and the probe finds one effect."""
    an_order = order(machine, "/bin/sh", "-c", f"echo silent >>{machine.log}; sleep 1; exit 6")
    run = asyncio.ensure_future(through(hole, machine, an_order.target).run(an_order, go))
    async with asyncio.timeout(10):
        while "silent" not in machine.effects():
            await asyncio.sleep(0.02)
    hole.open.clear()
    async with asyncio.timeout(5):
        assert (await run).outcome == "unknown"
    assert (await settled(machine, an_order)).exit_code == 6
    assert machine.effects().count("silent") == 1


async def test_go_that_lands_late(hole: BlackHole, machine: SshHost) -> None:
    """A go that the network held back starts nothing once the machine has given up waiting; the probe says so."""
    an_order = order(machine, "/bin/sh", "-c", f"echo late >>{machine.log}")

    async def swallowed() -> bool:
        hole.open.clear()
        return True

    assert (await through(hole, machine, an_order.target, go_wait_s=1).run(an_order, swallowed)).outcome == "unknown"
    await asyncio.sleep(1)
    hole.open.set()
    result = await settled(machine, an_order)
    assert (result.outcome, result.started) == ("failed", False), result
    assert "late" not in machine.effects()


async def test_go_that_lands_in_time(hole: BlackHole, machine: SshHost) -> None:
    """A go that lands after healer gave the connection up has its one effect, and the probe finds it."""
    an_order = order(machine, "/bin/sh", "-c", f"echo landed >>{machine.log}")

    async def swallowed() -> bool:
        hole.open.clear()
        return True

    assert (await through(hole, machine, an_order.target).run(an_order, swallowed)).outcome == "unknown"
    hole.open.set()
    result = await settled(machine, an_order)
    assert (result.outcome, result.started) == ("succeeded", True), result
    assert machine.effects().count("landed") == 1
