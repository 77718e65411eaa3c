"""An agent as a process of its own, killed, stopped and cut off: each effect at most once, each end known."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from healer.agent.hands import LocalTarget
from healer.agent.limits import Groups
from healer.executors.agent.target import EitherWay
from healer.executors.target import Order, Result
from healer.seams import SystemClock
from tests.servers.agents import AgentProcess, Stand, agent_file, agent_here, stand

NAME = "host/cn-1"
_ACT = """#!/bin/sh
echo "$HEALER_INTENT" >>"$(dirname "$0")/effects.log"
[ "$1" != long ] || { echo begun; sleep 1; }
echo fine
"""


class Machine:
    """A machine's folder, and what it knows of effects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "act").write_text(_ACT)
        (folder / "act").chmod(0o755)
        self.settings = agent_file(folder, f"{folder}/act <name>")
        self.beside = LocalTarget(self.settings, SystemClock(), Groups(self.settings.limits, None))
        """Another way to the same machine, as SSH is: the same wrapper, with the same register."""

    def order(self, intent: str, token: int, does: str = "short") -> Order:
        return Order(intent, 0, token, NAME, NAME, (str(self.folder / "act"), does), 20)

    def effects(self) -> list[str]:
        log = self.folder / "effects.log"
        return log.read_text().split() if log.exists() else []

    async def begun(self, intent: str) -> None:
        async with asyncio.timeout(20):
            while intent not in self.effects():
                await asyncio.sleep(0.02)


@pytest.fixture
async def healer(tmp_path: Path) -> AsyncIterator[Stand]:
    async with stand(tmp_path / "healer") as made:
        yield made


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


async def go() -> bool:
    return True


async def test_killed_and_cut_off(healer: Stand, machine: Machine) -> None:
    """kill -9 in the middle of a run, and healer away while it ends: the effect happens once, and healer hears of its end."""
    machine.settings = msgspec.structs.replace(machine.settings, invitation=str(await healer.invitation(NAME)))
    with AgentProcess(machine.settings, machine.folder) as agent:
        await healer.active(NAME)
        run = asyncio.ensure_future(healer.target.run(machine.order("a", 1, "long"), go))
        await machine.begun("a")
        agent.kill()
        await healer.close()
        agent.start()
        await healer.listen()
        result = await run
        assert (result.outcome, result.output, result.started) == ("succeeded", "begun\nfine\n", True)
        assert (await healer.target.run(machine.order("b", 2), go)).outcome == "succeeded"
    assert machine.effects() == ["a", "b"]


async def test_zombie(healer: Stand, machine: Machine) -> None:
    """An agent that was stopped, whose order went another way, wakes up: what it has in hand is refused, and that is noted.

    Once stopped before it could take the order, and once between its ready and the go that was already under way to it.
    """
    invitation = str(await healer.invitation(NAME))
    machine.settings = msgspec.structs.replace(machine.settings, invitation=invitation, go_wait_s=1)
    either = EitherWay(healer.target, machine.beside)
    with AgentProcess(machine.settings, machine.folder) as agent:
        await healer.active(NAME)
        agent.signal(signal.SIGSTOP)
        lost = asyncio.ensure_future(healer.target.run(machine.order("a", 1), go))
        await asyncio.sleep(0)
        lost.cancel()
        assert (await machine.beside.run(machine.order("b", 2), go)).outcome == "succeeded"
        agent.signal(signal.SIGCONT)
        note = await noted(healer, "a")
        assert "refused" in note

        ready = asyncio.Event()

        async def late() -> bool:
            agent.signal(signal.SIGSTOP)
            ready.set()
            return True

        lost = asyncio.ensure_future(healer.target.run(machine.order("c", 3), late))
        await ready.wait()
        # The wrapper waits for the go in vain, and lets the target go.
        other = await until_free(machine, machine.order("d", 4))
        assert other.outcome == "succeeded"
        agent.signal(signal.SIGCONT)
        result = await lost
        assert (result.outcome, result.started) == ("failed", False)
        assert (await either.probe(machine.order("c", 5))).started is False
    assert machine.effects() == ["b", "d"]


async def test_what_is_not_allowed(healer: Stand, machine: Machine) -> None:
    """Neither a command that is not on the machine's own list, nor any where there is no list."""
    async with agent_here(healer, NAME, machine.settings):
        order = msgspec.structs.replace(machine.order("a", 1), argv=("/bin/true",))
        result = await healer.target.run(order, go)
        assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
        assert "forbidden" in result.why
        (machine.folder / "allow").unlink()
        result = await healer.target.run(machine.order("b", 2), go)
        assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
        assert "nothing is allowed here" in result.why
    assert machine.effects() == []


async def test_what_it_says_is_seen_while_it_runs(healer: Stand, machine: Machine) -> None:
    """The heartbeat carries what is under way and the end of its output."""
    async with agent_here(healer, NAME, machine.settings) as worker:
        run = asyncio.ensure_future(healer.target.run(machine.order("a", 1, "long"), go))
        async with asyncio.timeout(20):
            while not (beat := worker.beat()).running or beat.running[0].output != "begun\n":
                await asyncio.sleep(0.02)
        assert (beat.tasks, beat.running[0].intent) == (1, "a")
        assert (await run).outcome == "succeeded"
        assert worker.beat().tasks == 0


async def noted(healer: Stand, intent: str) -> str:
    """What the audit log has of a report that came late."""
    async with asyncio.timeout(20):
        while True:
            for kind, detail in healer.noted:
                if kind == "agent reported late" and detail["intent"] == intent:
                    return str(detail["outcome"])
            await asyncio.sleep(0.02)


async def until_free(machine: Machine, order: Order) -> Result:
    """The other way, as soon as nothing holds the target."""
    async with asyncio.timeout(20):
        while "busy" in (result := await machine.beside.run(order, go)).why:
            await asyncio.sleep(0.1)
    return result
