"""How does an order get to a machine that only speaks SSH? Used by the runner of `healer.remediation`.

One session per order, over a connection that the machine's orders share (`healer.executors.ssh_connections`). The ssh
command is constant; everything that varies goes to the wrapper's stdin as data (`healer.executors.wrapper`). The wrapper
holds the deadline, so nothing here has to live for a run to end.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from healer.executors.ssh_connections import Connections, Unreachable
from healer.executors.ssh_conversation import READY_S, Conversation, Cut
from healer.executors.ssh_settings import SshSettings
from healer.executors.target import Go, Order, Result, Seen
from healer.executors.wrapper import Done, Looked, Ready, Unsendable, finished, impostor, looked, request
from healer.seams import Clock
from healer.times import SECOND


class SshTarget:
    """`Target` over asyncssh."""

    def __init__(self, settings: SshSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.connections = Connections(settings)

    async def run(self, order: Order, go: Go) -> Result:
        try:
            text = request("run", order, self._limit(order), self._settings.go_wait_s)
        except Unsendable as error:
            return Result("refused", why=f"not sent: {error}", started=False, lasting=True)
        gone = False
        try:
            async with self._wrapper(order) as wrapper:
                wrapper.write(text)
                first = await wrapper.answer(READY_S, order)
                if not isinstance(first, Ready):
                    return _before(first)
                if why := impostor(first.machine, order):
                    return Result("refused", why=why, started=False, lasting=True)
                if not await go():
                    return Result("refused", why="stopped before it started: healer may not act now", started=False)
                # Nothing is awaited between go's answer and the write: a cancellation falls before both or after both.
                wrapper.write(b"go\n")
                gone = True
                last = await wrapper.answer(order.deadline_s + self._settings.margin / SECOND, order)
                if isinstance(last, Done):
                    return finished(last, await wrapper.output(last.size), order, self._clock.now())
                return last if isinstance(last, Result) else _lost("the wrapper gave two answers")
        except Unreachable as error:
            return error.result if not gone else _lost(str(error))
        except Cut as error:
            return _lost(str(error)) if gone else Result("failed", why=f"{error}; nothing was started", started=False)

    async def probe(self, order: Order) -> Result:
        try:
            text = request("probe", order, self._limit(order))
            async with self._wrapper(order) as wrapper:
                wrapper.write(text)
                answer = await wrapper.answer(READY_S, order)
                if isinstance(answer, Done):
                    return finished(answer, await wrapper.output(answer.size), order, self._clock.now())
        except (Unsendable, Unreachable, Cut) as error:
            return Result("unknown", why=f"the probe had no answer: {error}")
        if not isinstance(answer, Result) or answer.outcome == "refused":
            return Result("unknown", why=f"the probe had no answer: {getattr(answer, 'why', 'ready')}")
        return answer

    async def observe(self, order: Order) -> Seen:
        try:
            text = request("observe", order, self._limit(order))
            async with self._wrapper(order) as wrapper:
                wrapper.write(text)
                answer = await wrapper.answer(READY_S + order.deadline_s, order)
                if isinstance(answer, Looked):
                    return looked(answer, await wrapper.output(answer.size), order)
        except (Unsendable, Unreachable, Cut) as error:
            return Seen(why=str(error))
        return Seen(why=getattr(answer, "why", "the wrapper gave another answer than what was asked for"))

    async def close(self) -> None:
        self.connections.close()

    def _limit(self, order: Order) -> int:
        return min(order.output_limit, self._settings.output_limit)

    @asynccontextmanager
    async def _wrapper(self, order: Order) -> AsyncIterator[Conversation]:
        command = f"sudo -n {self._settings.wrapper}" if self._settings.sudo else self._settings.wrapper
        async with self.connections.session(order, command) as process:
            yield Conversation(process)


def _before(answer: Done | Looked | Result) -> Result:
    if isinstance(answer, Result) and not answer.started:
        return answer
    return Result("failed", why="the wrapper did not say ready; nothing was started", started=False)


def _lost(why: str) -> Result:
    return Result("unknown", why=f"{why}, after the go was sent: probe it")
