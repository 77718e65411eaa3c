"""What does healer do with a line on which an agent has proven who it is? It listens, and hands out, until the line is cut.

The agents' door brings lines here; what waits for an agent, and what it has in hand, is its post's.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from healer.executors.agent.agents import Agents
from healer.executors.agent.post import Line, Post
from healer.executors.agent.wire import Fresh, FromAgent, Hello, Report, ToAgent
from healer.seams import Spawn
from healer.times import Micros

log = logging.getLogger(__name__)

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
SAID = 10_000
"""Messages that wait to go out on one line: one that takes none is cut."""


class Refused(Exception):
    """Somebody is not let in: `reason` is a metric's label."""

    def __init__(self, reason: str, why: str, status: int = 403) -> None:
        super().__init__(why)
        self.reason = reason
        self.status = status


class Wire(Protocol):
    """A connection that an agent holds."""

    async def hear(self) -> FromAgent | None:
        """The next message, None when it is cut. Raises TimeoutError after three beats without any, and UNREADABLE."""
        ...

    async def say(self, message: ToAgent) -> None:
        """Raises ConnectionError."""
        ...

    async def hang_up(self) -> None: ...


class Caller(NamedTuple):
    """Who holds it, as it was proven: from where, for people, and until when its token is good. `shows` says of a fresh one
    until when that is, or raises Refused."""

    name: str
    remote: str
    until: Micros
    shows: Callable[[str], Micros]


class Reception:
    """Where lines are listened to. `refuse(whom, reason, why)` counts who is turned out."""

    def __init__(self, agents: Agents, spawn: Spawn, refuse: Callable[[str, str, str], None]) -> None:
        self._agents = agents
        self._spawn = spawn
        self._refuse = refuse

    async def receive(self, wire: Wire, caller: Caller) -> None:
        """One line, until it is over."""
        outgoing: asyncio.Queue[ToAgent | None] = asyncio.Queue(SAID)
        line = _line(outgoing, caller.until)
        telling = self._spawn.start(f"agent {caller.name}", _tell(wire, outgoing))
        post: Post | None = None
        try:
            post = await self._meet(wire, line, caller)
            await self._listen(wire, post, line, caller)
        except Refused as refused:
            self._refuse(caller.name, refused.reason, str(refused))
        except (TimeoutError, *UNREADABLE) as error:
            log.info("the line to agent %s ended: %s", caller.name, str(error) or "nothing was heard")
        finally:
            if post is not None:
                post.hung_up(line)
            telling.cancel()
            await wire.hang_up()

    async def _meet(self, wire: Wire, line: Line, caller: Caller) -> Post:
        """The first word says on which machine it is; two machines are not one agent. Raises Refused."""
        hello = await wire.hear()
        if not isinstance(hello, Hello):
            raise Refused("protocol", "its first word was no hello")
        line.machine, line.version = hello.machine, hello.version
        post = self._agents.post(caller.name)
        if post.active and post.line is not None and post.line.machine != hello.machine:
            raise Refused("cloned", f"{post.name} is there already, on another machine: was its certificate copied?")
        if post.line is not None:
            post.line.hang_up("dialled anew")
        post.take_up(line)
        log.info("agent %s dialled in", post.name, extra={"remote": caller.remote, "version": hello.version})
        return post

    async def _listen(self, wire: Wire, post: Post, line: Line, caller: Caller) -> None:
        """Until it hangs up, or its token ends. Raises Refused, TimeoutError, UNREADABLE."""
        agents = self._agents
        while (said := await wire.hear()) is not None and post.line is line:
            if line.until <= agents.clock.now():
                raise Refused("expired token", "its token ended, and it brought no new one")
            if not agents.leads():
                raise Refused("follows", "another healer repairs now")
            if isinstance(said, Fresh):
                line.until = caller.shows(said.token)
            elif isinstance(said, Hello):
                raise Refused("protocol", "it said hello twice")
            elif not post.hear(said) and isinstance(said, Report) and said.verb == "run":
                self._spawn.start("late report", self._came_late(post, said))

    async def _came_late(self, post: Post, report: Report) -> None:
        """Nobody waits for this report any more: whoever settles the intent asks the machine's register."""
        result = report.result
        outcome = f"{result.outcome}: {result.why}" if result is not None else "unknown"
        log.warning("agent %s reports %s late: %s", post.name, report.intent, outcome)
        note = {"agent": post.name, "intent": report.intent, "outcome": outcome}
        await self._agents.note("agent reported late", note)


def _line(outgoing: "asyncio.Queue[ToAgent | None]", until: Micros) -> Line:
    def say(message: ToAgent) -> None:
        if outgoing.full():
            hang_up("it takes nothing any more")
        else:
            outgoing.put_nowait(message)

    def hang_up(why: str) -> None:
        log.info("a line is cut: %s", why)
        while not outgoing.empty():
            outgoing.get_nowait()
        outgoing.put_nowait(None)

    return Line(say, hang_up, until)


async def _tell(wire: Wire, outgoing: "asyncio.Queue[ToAgent | None]") -> None:
    """Send what is said, in its order; None hangs up, and so does the end of the service."""
    try:
        while (message := await outgoing.get()) is not None:
            await wire.say(message)
    except ConnectionError as error:
        log.debug("a line took nothing more: %s", error)
    finally:
        await wire.hang_up()
