"""Many orders of mixed priorities, agents killed, stopped, cut off and brought back, healer restarted in the middle.

Each order's effect happens at most once, each end is known, no agent carries out more than three at once, and nothing starves. In
full: ten agents, each in a network of its own, and 1,000 orders.
"""

import asyncio
import itertools
import random
import signal
import subprocess
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from healer.executors.agent.settings import AgentSettings
from healer.executors.agent.wire import ROOM
from healer.executors.target import Order, Result
from healer.times import MINUTE, SECOND
from tests.servers.agents import ADDRESS, AgentProcess, Stand, agent_file, agent_here, stand
from tests.servers.process import free_port

_ACT = """#!/bin/sh
log=$(dirname "$0")/effects.log
echo "begins $HEALER_INTENT" >>"$log"
sleep 0.1
echo "ends $HEALER_INTENT" >>"$log"
"""
TARGETS = 20
"""On one machine; a register has 64 slots."""


class Fleet:
    """healer's side, which may be replaced, and the machines. It carries out orders as the runner does: what is not known is
    probed with a newer token, and only what never started is ordered anew."""

    def __init__(self, folder: Path, settings: AgentSettings) -> None:
        self.folder = folder
        self.settings = settings
        self.machines: list[Path] = []
        self.attempts = 0
        self._stand: Stand | None = None
        self._runs: set[asyncio.Task[Result]] = set()
        self._stack = AsyncExitStack()
        self._tokens: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def healer(self) -> Stand:
        assert self._stand is not None
        return self._stand

    async def start(self) -> None:
        self._stack = AsyncExitStack()
        self._stand = await self._stack.enter_async_context(stand(self.folder / "healer", self.settings))

    async def stop(self) -> None:
        """As killed: whoever waits for an order's end hears nothing any more."""
        for run in self._runs:
            run.cancel()
        await self._stack.aclose()

    def add(self, number: int) -> Path:
        """A machine's folder."""
        folder = self.folder / f"cn-{number}"
        folder.mkdir()
        (folder / "act").write_text(_ACT)
        (folder / "act").chmod(0o755)
        self.machines.append(folder)
        return folder

    async def carry_out(self, number: int, chance: random.Random) -> Result:
        """One order, to its end."""
        machine = self.machines[number % len(self.machines)]
        target = f"{machine.name}/{number // len(self.machines) % TARGETS}"
        priority = chance.randrange(4)
        async with self._locks[target]:
            for attempt in itertools.count():
                self.attempts += 1
                intent = f"t{number}.{attempt}"

                def order(intent: str = intent) -> Order:
                    token, argv = next(self._tokens[target]), (str(machine / "act"),)
                    return Order(intent, 0, token, target, machine.name, argv, 20, priority=priority)

                result = await self._settled(order)
                if result.started:
                    return result
                await asyncio.sleep(0.2)
        raise AssertionError("unreachable")

    async def _settled(self, order: Callable[[], Order]) -> Result:
        run = asyncio.ensure_future(self.healer.target.run(order(), _go))
        self._runs.add(run)
        try:
            await asyncio.wait([run])
            result = Result("unknown") if run.cancelled() else run.result()
        finally:
            self._runs.discard(run)
        while result.outcome == "unknown":
            await asyncio.sleep(0.2)
            result = await self.healer.target.probe(order())
        return result

    def effects(self) -> list[str]:
        """The orders that had one, each as often as it had."""
        lines = [line for machine in self.machines for line in _log(machine)]
        return [line.split(" ")[1].split(".")[0] for line in lines if line.startswith("begins")]


async def _go() -> bool:
    return True


def _log(machine: Path) -> list[str]:
    log = machine / "effects.log"
    return log.read_text().splitlines() if log.exists() else []


def _at_once(machine: Path) -> int:
    """The most that it carried out at the same moment, by its own log."""
    steps = [1 if line.startswith("begins") else -1 for line in _log(machine)]
    return max(itertools.accumulate(steps), default=0)


def _holds(fleet: Fleet, results: list[Result], tasks: int) -> None:
    assert [result.outcome for result in results] == ["succeeded"] * tasks
    assert sorted(fleet.effects()) == sorted(f"t{number}" for number in range(tasks))
    assert max(map(_at_once, fleet.machines)) <= ROOM


async def test_cut_off_and_restarted(tmp_path: Path) -> None:
    """Two agents; every line is cut, and healer is restarted, while orders are under way."""
    port = free_port()
    fleet = Fleet(tmp_path, AgentSettings(listen=f"{ADDRESS}:{port}", names=(ADDRESS,), patience=MINUTE))
    await fleet.start()
    async with AsyncExitStack() as stack:
        for number in range(2):
            folder = fleet.add(number)
            settings = agent_file(folder, str(folder / "act"))
            await stack.enter_async_context(agent_here(fleet.healer, folder.name, settings))
        work = asyncio.gather(*(fleet.carry_out(number, random.Random(number)) for number in range(16)))
        await _begun(fleet, 2)
        fleet.healer.cut()
        await _begun(fleet, 8)
        await fleet.stop()
        await fleet.start()
        _holds(fleet, await work, 16)
    await fleet.stop()


async def _begun(fleet: Fleet, count: int) -> None:
    async with asyncio.timeout(60):
        while len(fleet.effects()) < count:
            await asyncio.sleep(0.02)


@pytest.mark.chaos
@pytest.mark.full
async def test_ten_agents_on_a_bad_day(tmp_path: Path, say: Callable[[str], None]) -> None:
    """Each agent is a process in a network of its own; one after the other is killed, stopped or cut off, and comes back."""
    chance, tasks = random.Random(8), 1_000
    with ExitStack() as networks:
        nets = [networks.enter_context(_network(number)) for number in range(10)]
        names = tuple(net.healer for net in nets)
        settings = AgentSettings(listen=f"0.0.0.0:{free_port()}", names=names, patience=5 * MINUTE, margin=5 * SECOND)
        fleet = Fleet(tmp_path, settings)
        await fleet.start()
        async with _processes(fleet, nets) as agents:
            work = asyncio.gather(*(fleet.carry_out(number, random.Random(number)) for number in range(tasks)))
            faults = asyncio.ensure_future(_bad_day(agents, nets, chance))
            await _begun(fleet, tasks // 2)
            await fleet.stop()
            await asyncio.sleep(2)
            await fleet.start()
            async with asyncio.timeout(1_200):
                results = await work
            faults.cancel()
        _holds(fleet, results, tasks)
        say(f"{tasks} orders on {len(nets)} agents, {fleet.attempts} attempts: each effect once, each end known")
        await fleet.stop()


class Network(msgspec.Struct, frozen=True):
    """A network namespace with one way to healer."""

    name: str
    healer: str

    def cut(self) -> None:
        _ip("link", "set", self.name, "down")

    def mend(self) -> None:
        _ip("link", "set", self.name, "up")


@contextmanager
def _network(number: int) -> Iterator[Network]:
    name, subnet = f"hlag{number}", f"10.213.{number}"
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", "up0", "netns", name)
        _ip("addr", "add", f"{subnet}.1/24", "dev", name)
        _ip("link", "set", name, "up")
        _ip("-n", name, "addr", "add", f"{subnet}.2/24", "dev", "up0")
        _ip("-n", name, "link", "set", "up0", "up")
        yield Network(name, f"{subnet}.1")
        _ip("link", "del", name)
    finally:
        _ip("netns", "del", name)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=10)


@asynccontextmanager
async def _processes(fleet: Fleet, nets: list[Network]) -> AsyncIterator[list[AgentProcess]]:
    with ExitStack() as stack:
        agents = []
        for number, net in enumerate(nets):
            folder = fleet.add(number)
            invitation = await fleet.healer.invitation(folder.name)
            said = msgspec.json.decode(invitation.read_bytes())
            mine = [server for server in said["servers"] if net.healer in server]
            invitation.write_bytes(msgspec.json.encode(said | {"servers": mine}))
            settings = agent_file(folder, str(folder / "act"), invitation=invitation)
            agents.append(stack.enter_context(AgentProcess(settings, folder, ["ip", "netns", "exec", net.name])))
        await fleet.healer.active(*(machine.name for machine in fleet.machines))
        yield agents


async def _bad_day(agents: list[AgentProcess], nets: list[Network], chance: random.Random) -> None:
    """Something happens to one of them every second or so."""
    while True:
        number = chance.randrange(len(agents))
        agent, net, lasts = agents[number], nets[number], chance.uniform(0.2, 6.0)
        what = chance.choice(("kill", "stop", "cut"))
        if what == "kill":
            agent.kill()
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            agent.start()
        elif what == "stop":
            agent.signal(signal.SIGSTOP)
            await asyncio.sleep(lasts)
            agent.signal(signal.SIGCONT)
        else:
            net.cut()
            await asyncio.sleep(lasts)
            net.mend()
        await asyncio.sleep(chance.uniform(0.2, 1.0))
