"""How does an order get to a machine that dials out to healer? Used by the runner of `healer.remediation`.

The agent there drives the same wrapper, with the same register, that SSH would: (token, step), the go, deadlines and probes
mean the same, whichever way an order came. So `EitherWay` may take the other one whenever the first is known not to have begun.
"""

import asyncio

import msgspec

from healer.executors.agent.agents import Agents
from healer.executors.agent.post import SILENT, Errand, Post
from healer.executors.agent.wire import Ready, Report, Verb
from healer.executors.conversation import READY_S, Cut
from healer.executors.target import Go, Order, Result, Seen, Target
from healer.executors.wrapper import Unsendable, request
from healer.times import SECOND, format_duration


class AgentTarget:
    """`Target` by the agents that dialled in."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    def reaches(self, order: Order) -> bool:
        """Whether the agent of this order's machine is there now."""
        post = self._agents.post_of(order)
        return post is not None and post.active

    async def run(self, order: Order, go: Go) -> Result:
        try:
            post = self._post("run", order)
            errand = post.open("run", self._limited(order))
        except (Unsendable, OverflowError) as error:
            return Result("refused", why=f"not sent: {error}", started=False, lasting=isinstance(error, Unsendable))
        except Cut as error:
            return Result("refused", why=str(error), started=False, down=True)
        try:
            if not await self._handed(errand):
                busy = f"the agent {post.name} had no place for it within {format_duration(self._agents.settings.patience)}"
                return Result("failed", why=f"{busy}; nothing was started", started=False)
            first = await errand.next(READY_S)
            if isinstance(first, Report):
                return _before(self._result(first))
            if not await go():
                return Result("refused", why="stopped before it started: healer may not act now", started=False)
            # Nothing is awaited between go's answer and this: a cancellation falls before both or after both.
            if not post.go(errand):
                return Result("failed", why="its agent was gone when it was to start", started=False)
            last = await errand.next(order.deadline_s + self._agents.settings.margin / SECOND)
            return _after(self._result(last)) if isinstance(last, Report) else _lost("its agent said ready twice")
        except Cut as error:
            if errand.gone:
                return _lost(str(error))
            return Result("failed", why=f"{error}; nothing was started", started=False, down=True)
        finally:
            post.close(errand)

    async def probe(self, order: Order) -> Result:
        try:
            report = await self._asked("probe", order, READY_S * 2)
        except (Unsendable, OverflowError, Cut) as error:
            return Result("unknown", why=f"the probe had no answer: {error}")
        result = self._result(report)
        if result.outcome == "refused":
            return Result("unknown", why=f"the probe had no answer: {result.why}")
        return result

    async def observe(self, order: Order) -> Seen:
        try:
            report = await self._asked("observe", order, READY_S + order.deadline_s)
        except (Unsendable, OverflowError, Cut) as error:
            return Seen(why=str(error))
        return report.seen or Seen(why="its agent gave another answer than what was asked for")

    async def close(self) -> None:
        """Agents hold the lines."""

    async def _asked(self, verb: Verb, order: Order, within_s: float) -> Report:
        """Raises Unsendable, OverflowError, Cut."""
        post = self._post(verb, order)
        errand = post.open(verb, self._limited(order))
        try:
            if not await self._handed(errand):
                raise Cut(f"the agent {post.name} had no place for it")
            said = await errand.next(within_s)
        finally:
            post.close(errand)
        if isinstance(said, Ready):
            raise Cut("its agent would run what was only to be looked at")
        return said

    def _post(self, verb: Verb, order: Order) -> Post:
        """Where the order waits. Raises Unsendable, and Cut where nobody is there to take it."""
        request(verb, order, order.output_limit)
        post = self._agents.post_of(order)
        if post is None:
            raise Unsendable(f"{order.target} has no agent: `healer agents invite {order.target}` makes one")
        if not post.active:
            heard = f"nothing was heard of it for {format_duration(post.silent_for // SECOND * SECOND)}"
            raise Cut(f"the agent {post.name} is inactive: {heard if post.silent_for > SILENT else 'it hung up'}")
        return post

    async def _handed(self, errand: Errand) -> bool:
        try:
            async with asyncio.timeout(self._agents.settings.patience / SECOND):
                await errand.handed.wait()
        except TimeoutError:
            return False
        return True

    def _limited(self, order: Order) -> Order:
        limit = min(order.output_limit, self._agents.settings.output_limit)
        return msgspec.structs.replace(order, output_limit=limit)

    def _result(self, report: Report) -> Result:
        """As the agent has it, its end by healer's own clock."""
        if report.result is None:
            return Result("unknown", why="its agent gave another answer than what was asked for")
        if report.result.ended_at is None:
            return report.result
        return msgspec.structs.replace(report.result, ended_at=self._agents.clock.now() - max(0, report.age))


class EitherWay:
    """`Target` for machines that agents may be on: by its agent where that is there, else over SSH. One register knows both."""

    def __init__(self, agents: AgentTarget, ssh: Target | None) -> None:
        self._agents = agents
        self._ssh = ssh

    async def run(self, order: Order, go: Go) -> Result:
        return await self._way(order).run(order, go)

    async def probe(self, order: Order) -> Result:
        return await self._way(order).probe(order)

    async def observe(self, order: Order) -> Seen:
        return await self._way(order).observe(order)

    async def close(self) -> None:
        if self._ssh is not None:
            await self._ssh.close()

    def _way(self, order: Order) -> Target:
        return self._agents if self._ssh is None or self._agents.reaches(order) else self._ssh


def _before(result: Result) -> Result:
    if not result.started:
        return result
    return Result("failed", why="its agent did not say ready; nothing was started", started=False)


def _after(result: Result) -> Result:
    """The go was said, and came too late, or not at all."""
    if result.started or result.outcome == "failed":
        return result
    return Result("failed", why=f"the go was not followed: {result.why}", started=False)


def _lost(why: str) -> Result:
    return Result("unknown", why=f"{why}, after the go was sent: probe it")
