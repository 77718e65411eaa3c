"""How does an order get to a machine that only speaks SSH? Used by the runner of `healer.remediation`.

One connection per order. The ssh command is constant; everything that varies goes to the wrapper's stdin as data
(`healer.executors.wrapper`). The wrapper holds the deadline, so nothing here has to live for a run to end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh

from healer.executors.ssh_conversation import READY_S, Conversation, Cut, say
from healer.executors.ssh_settings import SshHost, SshSettings
from healer.executors.target import Go, Order, Result
from healer.executors.wrapper import Done, Ready, Unsendable, finished, request
from healer.seams import Clock
from healer.times import SECOND


class SshTarget:
    """`Target` over asyncssh."""

    def __init__(self, settings: SshSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._room = asyncio.Semaphore(settings.parallel)
        self._open: set[asyncssh.SSHClientConnection] = set()

    async def run(self, order: Order, go: Go) -> Result:
        try:
            text = request("run", order, self._limit(order), self._settings.go_wait_s)
        except Unsendable as error:
            return Result("refused", why=f"not sent: {error}", started=False, lasting=True)
        gone = False
        try:
            async with self._room, self._wrapper(order) as wrapper:
                wrapper.write(text)
                first = await wrapper.answer(READY_S, order)
                if not isinstance(first, Ready):
                    return _before(first)
                if not await go():
                    return Result("refused", why="stopped before it started: healer may not act now", started=False)
                # Nothing is awaited between go's answer and the write: a cancellation falls before both or after both.
                wrapper.write(b"go\n")
                gone = True
                last = await wrapper.answer(order.deadline_s + self._settings.margin / SECOND, order)
                if isinstance(last, Done):
                    return finished(last, await wrapper.output(last.size), order, self._clock.now())
                return last if isinstance(last, Result) else _lost("the wrapper said ready twice")
        except _Unreachable as error:
            return error.result if not gone else _lost(str(error))
        except Cut as error:
            return _lost(str(error)) if gone else Result("failed", why=f"{error}; nothing was started", started=False)

    async def probe(self, order: Order) -> Result:
        try:
            text = request("probe", order, self._limit(order))
            async with self._room, self._wrapper(order) as wrapper:
                wrapper.write(text)
                answer = await wrapper.answer(READY_S, order)
                if isinstance(answer, Done):
                    return finished(answer, await wrapper.output(answer.size), order, self._clock.now())
        except (Unsendable, _Unreachable, Cut) as error:
            return Result("unknown", why=f"the probe had no answer: {error}")
        if isinstance(answer, Ready) or answer.outcome == "refused":
            return Result("unknown", why=f"the probe had no answer: {getattr(answer, 'why', 'ready')}")
        return answer

    async def close(self) -> None:
        for connection in tuple(self._open):
            connection.abort()

    def _limit(self, order: Order) -> int:
        return min(order.output_limit, self._settings.output_limit)

    @asynccontextmanager
    async def _wrapper(self, order: Order) -> AsyncIterator[Conversation]:
        connection = await self._connect(order)
        self._open.add(connection)
        try:
            command = f"sudo -n {self._settings.wrapper}" if self._settings.sudo else self._settings.wrapper
            try:
                async with asyncio.timeout(self._settings.connect_timeout / SECOND):
                    process = await connection.create_process(command, encoding=None, stderr=asyncssh.STDOUT)
            except (asyncssh.Error, OSError) as error:
                raise _Unreachable("failed", f"{order.target} gave no session: {say(error)}") from error
            yield Conversation(process)
        finally:
            # Not close(): a connection that hangs must not hold whoever leaves, and the wrapper needs no farewell.
            connection.abort()
            self._open.discard(connection)

    async def _connect(self, order: Order) -> asyncssh.SSHClientConnection:
        settings = self._settings
        here = settings.hosts.get(order.target, SshHost())
        address, port = here.address or order.address, here.port or settings.port
        where = f"{order.target} ({address} port {port})"
        problem = _unsafe(settings) or ("" if address else f"{order.target} has no address: give it one in ssh.hosts")
        if problem:
            raise _Unreachable("refused", problem)
        try:
            async with asyncio.timeout(settings.connect_timeout / SECOND):
                return await asyncssh.connect(
                    address,
                    port,
                    username=here.user or settings.user,
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
                f"the host key of {where} is not the one in {settings.known_hosts} ({say(error)}): somebody may stand in "
                f"between. If the machine was reinstalled, compare its key on the console and replace the line"
            )
            raise _Unreachable("refused", why) from error
        except asyncssh.PermissionDenied as error:
            raise _Unreachable(
                "refused", f"{where} does not let {here.user or settings.user} in: {say(error)}"
            ) from error
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise _Unreachable("refused", f"a key of {settings.keys} cannot be used: {say(error)}") from error
        except (asyncssh.Error, OSError) as error:
            raise _Unreachable("failed", f"{where} cannot be reached: {say(error)}; nothing was started") from error
        except ValueError as error:
            why = f"{where} cannot be tried: {say(error)}. Look at its address and at {settings.known_hosts}"
            raise _Unreachable("refused", why) from error


class _Unreachable(Exception):
    """Known before the wrapper heard a word: no effect."""

    def __init__(self, outcome: str, why: str) -> None:
        super().__init__(why)
        refused = outcome == "refused"
        self.result = Result("refused" if refused else "failed", why=why, started=False, lasting=refused)


def _before(answer: Done | Result) -> Result:
    if isinstance(answer, Result) and not answer.started:
        return answer
    return Result("failed", why="the wrapper did not say ready; nothing was started", started=False)


def _lost(why: str) -> Result:
    return Result("unknown", why=f"{why}, after the go was sent: probe it")


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
