"""Which connection leads to a node? One per machine, shared by all its orders, kept for a while, through its jump hosts.

Used by `healer.executors.ssh` alone. Host keys are always checked, on every machine on the way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncssh

from healer.executors.conversation import Unreachable, say
from healer.executors.ssh_settings import DIRECT, SshHost, SshSettings
from healer.executors.target import Order
from healer.times import SECOND


class Spot(NamedTuple):
    """Where a machine is, who healer is there, and through which jump host it is reached."""

    address: str
    port: int
    user: str
    jump: str

    @classmethod
    def of(cls, host: SshHost, settings: SshSettings, address: str, jump: str) -> "Spot":
        """`address` and `jump` are for a host that says neither itself."""
        via = host.jump or jump
        return cls(
            host.address or address,
            host.port or settings.port,
            host.user or settings.user,
            "" if via == DIRECT else via,
        )


class Way:
    """The connection to one machine as one user, shared by whoever has work there."""

    def __init__(self, spot: Spot, room: int) -> None:
        self.spot = spot
        self.room = asyncio.Semaphore(room)
        self.opening = asyncio.Lock()
        self.connection: asyncssh.SSHClientConnection | None = None
        self.through: Way | None = None
        self.users = 0
        self.farewell: asyncio.TimerHandle | None = None


class Connections:
    """All that are open. Bounded: `parallel` orders at once over all machines, `per_host` on one."""

    def __init__(self, settings: SshSettings) -> None:
        self._settings = settings
        self._room = asyncio.Semaphore(settings.parallel)
        self._ways: dict[Spot, Way] = {}

    @asynccontextmanager
    async def session(self, order: Order, command: str) -> AsyncIterator["asyncssh.SSHClientProcess[bytes]"]:
        """`command`, started on the node's machine. Raises Unreachable when nothing was heard there."""
        here = self._settings.hosts.get(order.target, SshHost())
        spot = Spot.of(here, self._settings, order.address, self._settings.jump)
        name = f"{order.target} ({spot.address} port {spot.port})"
        problem = _unsafe(self._settings) or (
            "" if spot.address else f"{order.target} has no address: give it one in ssh.hosts"
        )
        if problem:
            raise Unreachable("refused", problem)
        way = self._way(spot)
        # Whoever waits for room is a user too: the way that it waits for must stay the one that others find.
        way.users += 1
        try:
            # The machine's own room first: whoever waits for a slow machine must not take the place of others.
            async with way.room, self._room:
                process = await self._started(way, name, command)
                try:
                    yield process
                finally:
                    process.channel.abort()
        finally:
            self._release(way)

    def close(self) -> None:
        """Cut them all."""
        for way in tuple(self._ways.values()):
            self._cut(way)
        self._ways.clear()

    def opened(self) -> int:
        """How many connections are open."""
        return sum(way.connection is not None for way in self._ways.values())

    def _way(self, spot: Spot) -> Way:
        return self._ways.setdefault(spot, Way(spot, self._settings.per_host))

    def _release(self, way: Way) -> None:
        """One user less. Without any it goes after `keep`, unless somebody comes by then."""
        way.users -= 1
        if way.users:
            return
        if way.farewell is not None:
            way.farewell.cancel()
        if not self._settings.keep:
            self._leave(way)
            return
        way.farewell = asyncio.get_running_loop().call_later(self._settings.keep / SECOND, self._leave, way)

    def _leave(self, way: Way) -> None:
        if way.users:
            return
        self._cut(way)
        if self._ways.get(way.spot) is way:
            del self._ways[way.spot]

    def _cut(self, way: Way) -> None:
        """Not close(): a connection that hangs must not hold whoever leaves, and the wrapper needs no farewell."""
        connection, way.connection = way.connection, None
        through, way.through = way.through, None
        if way.farewell is not None:
            way.farewell.cancel()
        if connection is not None:
            connection.abort()
        if through is not None:
            self._release(through)

    async def _started(self, way: Way, name: str, command: str) -> "asyncssh.SSHClientProcess[bytes]":
        """A kept connection may have died unseen: then it is replaced, once. No byte of an order has left by then."""
        kept = way.connection
        try:
            return await self._start(await self._connection(way, name), name, command)
        except Unreachable:
            alone = way.users == 1
            if kept is None or way.connection is not kept or not (alone or kept.is_closed()):
                raise
            self._cut(way)
            return await self._start(await self._connection(way, name), name, command)

    async def _start(
        self, connection: asyncssh.SSHClientConnection, name: str, command: str
    ) -> "asyncssh.SSHClientProcess[bytes]":
        try:
            async with asyncio.timeout(self._settings.connect_timeout / SECOND):
                return await connection.create_process(command, encoding=None, stderr=asyncssh.STDOUT)
        except (asyncssh.Error, OSError) as error:
            raise Unreachable("failed", f"{name} gave no session: {say(error)}; nothing was started") from error

    async def _connection(self, way: Way, name: str) -> asyncssh.SSHClientConnection:
        async with way.opening:
            if way.connection is not None and way.connection.is_closed():
                self._cut(way)
            if way.connection is None:
                way.connection = await self._open(way, name)
            return way.connection

    async def _open(self, way: Way, name: str) -> asyncssh.SSHClientConnection:
        """Directly, or through a jump host, whose connection is used for as long as this one is there."""
        jump = way.spot.jump
        if not jump:
            return await self._connect(way.spot, name, None)
        through = self._way(Spot.of(self._settings.jumps[jump], self._settings, "", ""))
        through.users += 1
        try:
            said = f"the jump host {jump} ({through.spot.address} port {through.spot.port})"
            tunnel = await self._connection(through, said)
            connection = await self._connect(way.spot, f"{name} through {jump}", tunnel)
        except BaseException:
            self._release(through)
            raise
        way.through = through
        return connection

    async def _connect(
        self, spot: Spot, name: str, tunnel: asyncssh.SSHClientConnection | None
    ) -> asyncssh.SSHClientConnection:
        settings = self._settings
        try:
            async with asyncio.timeout(settings.connect_timeout / SECOND):
                return await asyncssh.connect(
                    spot.address,
                    spot.port,
                    tunnel=tunnel or (),
                    username=spot.user,
                    client_keys=list(settings.keys),
                    known_hosts=settings.known_hosts,
                    preferred_auth="publickey",
                    connect_timeout=settings.connect_timeout / SECOND,
                    login_timeout=settings.connect_timeout / SECOND,
                    keepalive_interval=settings.keepalive / SECOND,
                    keepalive_count_max=3,
                    agent_path=None,
                    config=None,
                )
        except asyncssh.HostKeyNotVerifiable as error:
            why = (
                f"the host key of {name} is not the one in {settings.known_hosts} ({say(error)}): somebody may stand in "
                f"between. If the machine was reinstalled, compare its key on the console and replace the line"
            )
            raise Unreachable("refused", why) from error
        except asyncssh.PermissionDenied as error:
            raise Unreachable("refused", f"{name} does not let {spot.user} in: {say(error)}") from error
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise Unreachable("refused", f"a key of {settings.keys} cannot be used: {say(error)}") from error
        except (asyncssh.Error, OSError) as error:
            raise Unreachable("failed", f"{name} cannot be reached: {say(error)}; nothing was started") from error
        except ValueError as error:
            why = f"{name} cannot be tried: {say(error)}. Look at its address and at {settings.known_hosts}"
            raise Unreachable("refused", why) from error


def _unsafe(settings: SshSettings) -> str:
    """Why nothing may be sent with these settings; empty when it may."""
    if not settings.keys:
        return "ssh.keys names no private key: healer uses no other"
    if not settings.known_hosts:
        return "ssh.known_hosts is not set: healer speaks only to machines whose host key it knows"
    for key in settings.keys:
        try:
            Path(key).open("rb").close()
        except OSError as error:
            return f"{key}, of ssh.keys, cannot be read: {error.strerror}"
    try:
        if not Path(settings.known_hosts).stat().st_size:
            return f"{settings.known_hosts} is empty: add the machines' host keys"
    except OSError as error:
        return f"{settings.known_hosts} cannot be read ({error.strerror}): it holds the machines' host keys"
    return ""
