"""What does an agent do with what healer says? At most three runs at once, each from its record to a report that was heard.

`healer.agent.link` brings what healer says here and takes away what is said back; a line may be cut at any moment, and the work
goes on. Everything that decides about tokens, deadlines and the go is the target's (`healer.agent.hands`).
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import msgspec

from healer.agent.journal import Journal
from healer.executors.agent.wire import ROOM, Beat, FromAgent, Go, Heard, Pull, Ready, Report, Running, Task, ToAgent
from healer.executors.target import Result, Target
from healer.seams import Clock, Spawn
from healer.times import SECOND, Micros

log = logging.getLogger(__name__)

GO_S = 10.0
"""Seconds until no go is expected any more; the wrapper itself gives up sooner."""
ASK_S = 1.0
"""Seconds between questions to the register, while a run that nobody follows any more goes on."""
LOOKS = 16
"""Looks and probes at once; healer asks for fewer."""
SETTLE: Micros = 60 * SECOND
"""Past its deadline until it is left to healer to ask what became of a run."""

Say = Callable[[FromAgent], None]
Carry = Callable[[], Awaitable[Result]]


class Run:
    """One that was taken: it waits for its go, or goes on."""

    def __init__(self, task: Task, began: Micros) -> None:
        self.task = task
        self.began = began
        self.go: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def let(self, go: bool) -> None:
        if not self.go.done():
            self.go.set_result(go)


class Worker:
    """All that goes on here. `halted` says why nothing may be begun; `tail` what a run has said so far."""

    def __init__(
        self,
        target: Target,
        journal: Journal,
        clock: Clock,
        spawn: Spawn,
        halted: Callable[[], str],
        tail: Callable[[str], str],
    ) -> None:
        self._target = target
        self._journal = journal
        self._clock = clock
        self._spawn = spawn
        self._halted = halted
        self._tail = tail
        self._runs: dict[str, Run] = {}
        self._looks = 0
        self._unheard = {report.id: report for report in journal.unheard()}
        self._say: Say | None = None

    def recover(self) -> None:
        """What was under way when this agent ended takes its place again, until the register says what became of it."""
        for task in self._journal.begun():
            log.warning("%s was under way when the agent ended: its register is asked", task.order.intent)
            run = self._runs[task.id] = Run(task, self._clock.monotonic())
            run.let(False)
            self._spawn.start(f"asking for {task.order.intent}", self._ended(run, partial(self._settled, task)))

    # --- a line

    def connected(self, say: Say) -> None:
        """healer is there: how much there is room for, and what it has not heard."""
        self._say = say
        self._tell(self.beat())
        for report in list(self._unheard.values()):
            self._tell(self._aged(report))
        self._tell(Pull(max(0, ROOM - len(self._runs))))

    def cut(self) -> None:
        """healer is gone: what has no go by now gets none."""
        self._say = None
        for run in self._runs.values():
            run.let(False)

    def hear(self, said: ToAgent) -> None:
        """What healer says."""
        match said:
            case Task(verb="run"):
                self._take(said)
            case Task():
                self._look(said)
            case Go():
                if (run := self._runs.get(said.id)) is not None:
                    run.let(said.go)
            case Heard():
                self._unheard.pop(said.id, None)
                self._journal.heard(said.id)

    def beat(self) -> Beat:
        """Alive, with what is under way."""
        return Beat(os.getloadavg()[0], len(self._runs), tuple(self._running()), self._halted())

    # --- runs

    def _take(self, task: Task) -> None:
        if task.id in self._runs or task.id in self._unheard:
            return
        if len(self._runs) >= ROOM:
            self._refuse(task, f"this agent carries out {ROOM} orders at once, and has as many", place=False)
        elif why := self._halted():
            self._refuse(task, why, place=True)
        else:
            run = self._runs[task.id] = Run(task, self._clock.monotonic())
            self._spawn.start(f"run of {task.order.intent}", self._ended(run, partial(self._carried, run)))

    def _refuse(self, task: Task, why: str, *, place: bool) -> None:
        log.warning("%s is refused: %s", task.order.intent, why)
        result = Result("refused", why=why, started=False)
        self._tell(Report(task.id, task.order.intent, "run", result))
        if place:
            self._tell(Pull(1))

    async def _ended(self, run: Run, carry: Carry) -> None:
        """Carry it out, or find out what became of it; keep the report, say it, and give its place back."""
        task = run.task
        try:
            result = await carry()
        finally:
            del self._runs[task.id]
        log.info("%s: %s %s", task.order.intent, result.outcome, result.why)
        report = self._unheard[task.id] = Report(task.id, task.order.intent, "run", result)
        try:
            self._journal.end(report)
        except OSError as error:
            left = "an agent that begins before healer heard it asks the register"
            log.warning("the report on %s is not on the disk (%s): %s", task.order.intent, error.strerror, left)
        self._tell(self._aged(report))
        self._tell(Pull(1))

    async def _carried(self, run: Run) -> Result:
        try:
            self._journal.begin(run.task)
        except OSError as error:
            return Result("refused", why=f"the agent's disk takes nothing: {error.strerror}", started=False)
        result = await self._target.run(run.task.order, partial(self._may_go, run))
        return result if result.outcome != "unknown" else await self._settled(run.task)

    async def _may_go(self, run: Run) -> bool:
        """Ask healer for the last word; and the machine's own."""
        self._tell(Ready(run.task.id))
        try:
            async with asyncio.timeout(GO_S):
                return await run.go and not self._halted()
        except TimeoutError:
            return False

    async def _settled(self, task: Task) -> Result:
        """What the register says, once it knows, or somebody with a newer token asked it: then it is theirs to settle. Asked with
        the order's own token, so that nothing is fenced but itself."""
        until = self._clock.monotonic() + task.order.deadline_s * SECOND + SETTLE
        while (result := await self._target.probe(task.order)).outcome == "unknown" and not result.lasting:
            if self._clock.monotonic() > until:
                break
            await asyncio.sleep(ASK_S)
        return result

    # --- looks

    def _look(self, task: Task) -> None:
        if self._looks >= LOOKS:
            log.warning("%s is not looked at: %d looks are under way", task.order.target, LOOKS)
            return
        self._spawn.start(f"look at {task.order.target}", self._looked(task))

    async def _looked(self, task: Task) -> None:
        self._looks += 1
        report = Report(task.id, task.order.intent, task.verb)
        try:
            if task.verb == "probe":
                report = msgspec.structs.replace(report, result=await self._target.probe(task.order))
            else:
                report = msgspec.structs.replace(report, seen=await self._target.observe(task.order))
        finally:
            self._looks -= 1
        self._tell(self._aged(report))

    def _running(self) -> Iterator[Running]:
        for run in self._runs.values():
            intent = run.task.order.intent
            yield Running(intent, self._clock.monotonic() - run.began, self._tail(intent))

    def _tell(self, message: FromAgent) -> None:
        if self._say is not None:
            self._say(message)

    def _aged(self, report: Report) -> Report:
        """As it is said now: how long ago it ended."""
        ended = report.result.ended_at if report.result is not None else None
        age = max(0, self._clock.now() - ended) if ended is not None else 0
        return msgspec.structs.replace(report, age=age)
