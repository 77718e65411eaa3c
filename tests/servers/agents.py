"""healer's side of agents, with its real door, and agents in this process or of their own: real TLS, real wrapper."""

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import msgspec
from aiohttp import web

from healer.agent.dialling import TlsDialler
from healer.agent.hands import LocalTarget
from healer.agent.identity import enrol
from healer.agent.journal import journal_in
from healer.agent.limits import Groups
from healer.agent.link import Link
from healer.agent.settings import AgentFile
from healer.agent.work import Worker
from healer.executors.agent.agents import Agents
from healer.executors.agent.door import Door
from healer.executors.agent.opening import open_agents, server_tls
from healer.executors.agent.settings import AgentSettings
from healer.executors.agent.target import AgentTarget
from healer.executors.agent.wire import Hello
from healer.executors.target import Target
from healer.pause_file import halted
from healer.seams import Supervisor, SystemClock, SystemRandom
from healer.times import SECOND
from tests.servers.sshd import WRAPPER

ADDRESS = "127.0.0.1"


class Stand:
    """healer's side: who is there, the target, what was refused and what was noted."""

    def __init__(
        self, agents: Agents, folder: Path, spawn: Supervisor, noted: list[tuple[str, Any]], port: int
    ) -> None:
        self.noted = noted
        self.agents = agents
        self.folder = folder
        self.spawn = spawn
        self.target = AgentTarget(agents)
        self.refused: list[str] = []
        self.tls: ssl.SSLContext | None = None
        self.port = port
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"https://{self.agents.settings.names[0]}:{self.port}"

    async def listen(self) -> None:
        """Open the door, at the port that it had before."""
        door = Door(self.agents, self.spawn, self.refused.append)
        self.tls = server_tls(self.agents, self.folder, door.shook_hands_in_vain)
        self._runner = web.AppRunner(door.app(), access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(
            self._runner, self.agents.settings.host, self.port, ssl_context=self.tls, reuse_address=True
        ).start()
        self.port = self._runner.addresses[0][1]
        self.agents.servers = tuple(f"https://{name}:{self.port}" for name in self.agents.settings.names)

    async def close(self) -> None:
        if self._runner is not None:
            # Whoever is cut off never answers TLS's farewell.
            self.cut()
            await self._runner.cleanup()
            self._runner = None

    def cut(self) -> None:
        """Every line is dead, as when a cable is pulled."""
        assert self._runner is not None
        assert self._runner.server is not None
        for connection in list(self._runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def invitation(self, name: str) -> Path:
        """A file as an operator carries it to the machine."""
        invited = await self.agents.invite(name, by="ann")
        file = self.folder / f"{name.replace('/', '-')}.invitation"
        file.write_bytes(msgspec.json.encode(invited))
        return file

    async def active(self, *names: str) -> None:
        """Wait for these agents to be there."""
        async with asyncio.timeout(60):
            while not all(self.agents.post(name).active for name in names):
                await asyncio.sleep(0.02)


SETTINGS = AgentSettings(listen=f"{ADDRESS}:0", names=(ADDRESS,), patience=10 * SECOND, margin=5 * SECOND)


@asynccontextmanager
async def stand(folder: Path, settings: AgentSettings = SETTINGS) -> AsyncIterator[Stand]:
    """healer's side, listening."""
    spawn = Supervisor()

    noted: list[tuple[str, Any]] = []

    async def note(kind: str, detail: Any) -> None:
        noted.append((kind, detail))

    agents = open_agents(settings, folder, SystemClock(), SystemRandom(), note)
    made = Stand(agents, folder, spawn, noted, settings.port)
    await made.listen()
    try:
        yield made
    finally:
        await spawn.stop(5)
        await made.close()
        assert spawn.failures == {}


def agent_file(folder: Path, *allowed: str, invitation: Path | None = None) -> AgentFile:
    """The settings of an agent whose machine is a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "register").mkdir(mode=0o700, exist_ok=True)
    (folder / "allow").write_text("".join(f"{line}\n" for line in allowed))
    return AgentFile(
        invitation=str(invitation or folder / "invitation"),
        state=str(folder / "state"),
        wrapper=str(WRAPPER),
        register=str(folder / "register"),
        allow=str(folder / "allow"),
        pause_file=str(folder / "paused"),
        go_wait_s=5,
    )


@asynccontextmanager
async def agent_here(
    stand: Stand, name: str, settings: AgentFile, machine: str = "", target: Callable[[], Target] | None = None
) -> AsyncIterator[Worker]:
    """An agent in this process, connected. It enrols itself when it has no certificate yet."""
    clock, spawn, state = SystemClock(), Supervisor(), Path(settings.state)
    file = await stand.invitation(name)
    identity = await enrol(file, state, clock)
    hands = LocalTarget(settings, clock, Groups(settings.limits, None))
    paused = partial(halted, settings.pause_file)
    worker = Worker(target() if target else hands, journal_in(state), clock, spawn, paused, hands.tail)
    dialler = TlsDialler(identity, state, clock)
    link = Link(dialler, identity.servers, worker, clock, SystemRandom(), spawn, Hello(machine, "test"))
    spawn.keep("line", link.keep)
    try:
        await stand.active(name)
        yield worker
    finally:
        await spawn.stop(5)
        assert spawn.failures == {}


class AgentProcess:
    """`healer agent --config FILE`, as systemd starts it. Killed when it is left. `before`: the command that it is started by."""

    def __init__(self, settings: AgentFile, folder: Path, before: Sequence[str] = ()) -> None:
        self._before = before
        said = {key: value for key, value in msgspec.to_builtins(settings).items() if key != "limits" and value}
        (folder / "agent.yaml").write_bytes(msgspec.json.encode(said))
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        return (self._folder / "agent.log").read_text(errors="replace")

    def start(self) -> None:
        healer = str(Path(sys.executable).with_name("healer"))
        command = [*self._before, healer, "agent", "--config", str(self._folder / "agent.yaml")]
        with (self._folder / "agent.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    @property
    def resident(self) -> int:
        """Bytes of memory that it holds."""
        assert self._process is not None
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))

    @property
    def used(self) -> float:
        """Seconds of processor time that it took so far, with all its threads, as the scheduler counts."""
        assert self._process is not None
        threads = Path(f"/proc/{self._process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
