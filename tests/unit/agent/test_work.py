"""The agent's own part: three at once, reports until they are heard, the pause file, and what a killed agent finds again."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from healer.agent.journal import Journal, journal_in
from healer.agent.work import Worker
from healer.executors.agent.durable import DiskFolder
from healer.executors.agent.wire import ROOM, FromAgent, Go, Heard, Pull, Ready, Report, Task
from healer.executors.memory import MemoryTarget
from healer.executors.target import Order
from healer.seams import Supervisor, SystemClock


def task(number: int, token: int = 1, verb: str = "run") -> Task:
    intent = f"i{number}"
    order = Order(intent, 0, token, f"node-{number}", "", ("/bin/true",), 20)
    return Task(f"h:{number}", "probe" if verb == "probe" else "run", order)


class Desk:
    """One agent without a network: what it says is in `said`."""

    def __init__(self, journal: Journal, fleet: MemoryTarget, spawn: Supervisor) -> None:
        self.paused = ""
        self.said: list[FromAgent] = []
        self.journal = journal
        self.worker = Worker(fleet, self.journal, SystemClock(), spawn, lambda: self.paused, lambda _: "")

    def connect(self) -> None:
        self.said = []
        self.worker.connected(self.said.append)

    async def until(self, kind: type[FromAgent], count: int = 1) -> list[FromAgent]:
        """What it says of that kind, when there is so much of it."""
        async with asyncio.timeout(10):
            while len(found := [each for each in self.said if isinstance(each, kind)]) < count:
                await asyncio.sleep(0)
        return found


@asynccontextmanager
async def desk(
    folder: Path, fleet: MemoryTarget | None = None, journal: Callable[[Path], Journal] = journal_in
) -> AsyncIterator[Desk]:
    spawn = Supervisor()
    made = Desk(journal(folder), fleet or MemoryTarget(SystemClock()), spawn)
    made.worker.recover()
    made.connect()
    try:
        yield made
    finally:
        await spawn.stop(5)
        assert spawn.failures == {}


async def test_a_run_waits_for_its_go(tmp_path: Path) -> None:
    """Ready first, then the go, then the report; its place is free again."""
    fleet = MemoryTarget(SystemClock())
    async with desk(tmp_path, fleet) as here:
        here.worker.hear(task(1))
        assert await here.until(Ready) == [Ready("h:1")]
        assert fleet.effects == []
        here.worker.hear(Go("h:1", True))
        (report,) = await here.until(Report)
        assert isinstance(report, Report)
        assert report.result is not None
        assert report.result.outcome == "succeeded"
        assert (await here.until(Pull, 2))[-1] == Pull(1)


async def test_three_at_once(tmp_path: Path) -> None:
    """Whatever healer sends: a fourth is refused, and nothing of it starts."""
    async with desk(tmp_path) as here:
        assert await here.until(Pull) == [Pull(ROOM)]
        for number in range(ROOM + 1):
            here.worker.hear(task(number))
        (report,) = await here.until(Report)
        assert isinstance(report, Report)
        assert report.result is not None
        assert (report.id, report.result.outcome, report.result.started) == (f"h:{ROOM}", "refused", False)
        assert len(await here.until(Ready, ROOM)) == ROOM


async def test_a_cut_line_is_no_go(tmp_path: Path) -> None:
    """What waits for its go when the line is cut has no effect, and that is reported on the next line."""
    fleet = MemoryTarget(SystemClock())
    async with desk(tmp_path, fleet) as here:
        here.worker.hear(task(1))
        await here.until(Ready)
        here.worker.cut()
        async with asyncio.timeout(10):
            while not here.journal.unheard():
                await asyncio.sleep(0)
        here.connect()
        (report,) = await here.until(Report)
        assert isinstance(report, Report)
        assert report.result is not None
        assert not report.result.started
        assert fleet.effects == []


@pytest.mark.parametrize("moment", ["before", "at the go"])
async def test_the_pause_file(tmp_path: Path, moment: str) -> None:
    """While it is there nothing is begun, not even what healer said go to."""
    fleet = MemoryTarget(SystemClock())
    async with desk(tmp_path, fleet) as here:
        here.paused = "the file is there" if moment == "before" else ""
        here.worker.hear(task(1))
        if moment == "at the go":
            await here.until(Ready)
            here.paused = "the file is there"
            here.worker.hear(Go("h:1", True))
        (report,) = await here.until(Report)
        assert isinstance(report, Report)
        assert report.result is not None
        assert (report.result.outcome, report.result.started) == ("refused", False)
        assert fleet.effects == []


async def test_a_report_is_said_until_it_is_heard(tmp_path: Path) -> None:
    """On every line, also of the next process; once healer heard it, no more."""
    async with desk(tmp_path) as here:
        here.worker.hear(task(1))
        here.worker.hear(Go("h:1", True))
        await here.until(Report)
        here.connect()
        assert len(await here.until(Report)) == 1
    async with desk(tmp_path) as again:
        (report,) = await again.until(Report)
        assert isinstance(report, Report)
        again.worker.hear(Heard(report.id))
        again.connect()
        assert [each for each in again.said if isinstance(each, Report)] == []
    assert journal_in(tmp_path).unheard() == []


async def test_what_was_under_way_when_the_agent_was_killed(tmp_path: Path) -> None:
    """The register is asked what became of it: it ran once, its end is reported, and it has its place until then."""
    fleet = MemoryTarget(SystemClock())
    async with desk(tmp_path, fleet) as here:
        here.journal.begin(task(1))

        async def go() -> bool:
            return True

        assert (await fleet.run(task(1).order, go)).outcome == "succeeded"
    async with desk(tmp_path, fleet) as again:
        assert Pull(ROOM - 1) in again.said
        (report,) = await again.until(Report)
        assert isinstance(report, Report)
        assert report.result is not None
        assert (report.result.outcome, report.result.started) == ("succeeded", True)
        assert len(fleet.effects) == 1
    assert list(journal_in(tmp_path).begun()) == []


async def test_the_same_task_twice(tmp_path: Path) -> None:
    """A task that is under way, or whose report was not heard yet, is not taken again."""
    fleet = MemoryTarget(SystemClock())
    async with desk(tmp_path, fleet) as here:
        here.worker.hear(task(1))
        here.worker.hear(task(1))
        here.worker.hear(Go("h:1", True))
        await here.until(Report)
        here.worker.hear(task(1, token=2))
        await here.until(Pull, 2)
        assert len(fleet.effects) == 1


async def test_a_probe_takes_no_place(tmp_path: Path) -> None:
    """It is answered while three runs wait."""
    async with desk(tmp_path) as here:
        for number in range(ROOM):
            here.worker.hear(task(number))
        await here.until(Ready, ROOM)
        here.worker.hear(task(9, token=2, verb="probe"))
        (report,) = await here.until(Report)
        assert isinstance(report, Report)
        assert (report.verb, report.id) == ("probe", "h:9")


async def test_what_somebody_newer_asked_about_is_theirs(tmp_path: Path) -> None:
    """A killed agent finds a task of which healer, with a newer token, has asked the register: its place is free at once."""
    fleet = MemoryTarget(SystemClock())
    async with desk(tmp_path, fleet) as here:
        here.journal.begin(task(1))
        await fleet.probe(task(1, token=2).order)
    async with desk(tmp_path, fleet) as again:
        (report,) = await again.until(Report)
        assert isinstance(report, Report)
        assert report.result is not None
        assert (report.result.outcome, report.result.lasting) == ("unknown", True)
        assert (await again.until(Pull, 2))[-1] == Pull(1)


class Forgetful(Journal):
    """Notes nothing."""

    def begin(self, task: Task) -> None:
        """Not a word."""

    def end(self, report: Report) -> None:
        """Not a word."""


def forgetful(folder: Path) -> Journal:
    return Forgetful(DiskFolder(folder / "tasks"), DiskFolder(folder / "reports"))


async def test_without_its_journal_ends_would_be_lost(tmp_path: Path) -> None:
    """The ablation: what the tests above hold an agent to does not hold for one that notes nothing."""
    fleet = MemoryTarget(SystemClock())
    async with desk(tmp_path, fleet, forgetful) as here:
        here.worker.hear(task(1))
        here.worker.hear(Go("h:1", True))
        await here.until(Report)
    async with desk(tmp_path, fleet, forgetful) as again:
        assert [each for each in again.said if isinstance(each, Report)] == []
    assert len(fleet.effects) == 1
