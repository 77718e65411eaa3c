"""How does an order become an effect, where the wrapper (`deploy/target/healer-run`) is at the other end of two pipes?

The same over SSH (`healer.executors.ssh`) and on the machine itself (`healer.agent.hands`): one register a machine, whichever
way healer came. The wrapper holds the deadline, so nothing here has to live for a run to end.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager

from healer.executors.conversation import READY_S, Conversation, Cut, Unreachable
from healer.executors.target import Go, Order, Result, Seen
from healer.executors.wrapper import Done, Looked, Ready, Unsendable, finished, impostor, looked, request
from healer.seams import Clock
from healer.times import SECOND, Micros


class WrappedTarget(ABC):
    """`Target` by way of the wrapper. Whoever leads to one says how (`_wrapper`)."""

    def __init__(self, clock: Clock, *, go_wait_s: int, margin: Micros, output_limit: int) -> None:
        """`margin`: past the order's deadline until an answer is given up; the wrapper ends its run by then."""
        self._clock = clock
        self._go_wait_s = go_wait_s
        self._margin_s = margin / SECOND
        self._output_limit = output_limit

    @abstractmethod
    def _wrapper(self, order: Order) -> AbstractAsyncContextManager[Conversation]:
        """A wrapper that was just started, cut off at the end. Raises Unreachable."""

    @abstractmethod
    async def close(self) -> None: ...

    async def run(self, order: Order, go: Go) -> Result:
        try:
            text = request("run", order, self._limit(order), self._go_wait_s)
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
                last = await wrapper.answer(order.deadline_s + self._margin_s, order)
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

    def _limit(self, order: Order) -> int:
        return min(order.output_limit, self._output_limit)


def _before(answer: Done | Looked | Result) -> Result:
    if isinstance(answer, Result) and not answer.started:
        return answer
    return Result("failed", why="the wrapper did not say ready; nothing was started", started=False)


def _lost(why: str) -> Result:
    return Result("unknown", why=f"{why}, after the go was sent: probe it")
