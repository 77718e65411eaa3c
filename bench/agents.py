"""What do the heartbeats of 5,000 agents cost healer, and what does an agent cost its machine? `make bench` runs it.

healer's side is a process of its own with the real door: TLS 1.3, a certificate and a line for each agent. The agents are
simulated in this process: each dials, says hello, and beats every five seconds; but one is `healer agent` itself, as systemd
starts it, which has just enrolled. What counts is the processor time of healer's side, and that and the memory of this one
agent as the system has them, over a stretch in which all are connected and nothing else happens.
"""

import argparse
import asyncio
import hashlib
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec
import uvloop
from cryptography.hazmat.primitives.serialization import Encoding

from healer.agent.identity import new_request, trusting
from healer.executors.agent.wire import BEAT, TOKEN, WORK, Beat, Hello, Pass, Pull, Running, write
from healer.seams import SystemClock
from healer.times import DAY, SECOND
from tests.servers.agents import AgentProcess, agent_file, stand

TARGET_CORES = 0.2
IDLE_CORES = 0.01
IDLE_BYTES = 60_000_000
DIALLING = 50
"""Agents that dial at the same moment."""
SETTLE_S = 10.0


async def healers_side(folder: Path, agents: int) -> None:
    """Enrol them all, listen, and say again and again how many are active, and the processor time so far."""
    async with stand(folder) as made:
        now, life = SystemClock().now(), DAY
        for number in range(agents):
            name = f"host/cn-{number}"
            key, request = new_request()
            certificate = made.agents.authority.for_agent(request, name, now, life)
            fingerprint = hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
            made.agents.roll.enrol(name, fingerprint, now, now + life)
            (folder / f"agent-{number}.pem").write_bytes(key + certificate.public_bytes(Encoding.PEM))
        (folder / "invitation").write_bytes((await made.invitation("host/idle")).read_bytes())
        print(made.url, flush=True)
        while True:
            active = sum(each.active for each in made.agents.standings())
            print(active, time.process_time(), time.perf_counter(), flush=True)
            await asyncio.sleep(2)


class Simulated:
    """One agent with nothing behind it."""

    def __init__(self, server: str, tls: ssl.SSLContext) -> None:
        self._server = server
        self._tls = tls

    async def live(self, dialling: asyncio.Semaphore) -> None:
        """Dial when there is room, then beat."""
        connector = aiohttp.TCPConnector(ssl=self._tls, force_close=False)
        async with aiohttp.ClientSession(connector=connector) as session:
            async with dialling:
                async with session.post(f"{self._server}{TOKEN}") as answer:
                    shown = msgspec.json.decode(await answer.read(), type=Pass)
                headers = {"Authorization": f"Bearer {shown.token}"}
                socket = await session.ws_connect(f"{self._server}{WORK}", headers=headers)
                for first in (Hello("", "bench"), Pull(3)):
                    await socket.send_bytes(write(first))
            beat = write(Beat(0.5, 1, (Running("r1.0.0", 5_000_000, "working"),)))
            while not socket.closed:
                await socket.send_bytes(beat)
                await asyncio.sleep(BEAT / SECOND)


class Cost(NamedTuple):
    """Of a stretch: cores of healer's side, cores of an idle agent, and the bytes that it holds."""

    healer: float
    agent: float
    memory: int


async def fleet(folder: Path, agents: int, seconds: float, process: "asyncio.subprocess.Process") -> Cost:
    """What it costs while all are connected."""
    assert process.stdout is not None
    server = (await process.stdout.readline()).decode().strip()
    print("  all are enrolled", file=sys.stderr)
    authority, room, tasks = (folder / "ca.pem").read_text(), asyncio.Semaphore(DIALLING), []
    for number in range(agents):
        tls = trusting(authority)
        tls.load_cert_chain(folder / f"agent-{number}.pem")
        tasks.append(asyncio.ensure_future(Simulated(server, tls).live(room)))
    settings = agent_file(folder / "machine", invitation=folder / "invitation")
    with AgentProcess(settings, folder / "machine") as idle:
        while int((await process.stdout.readline()).split()[0]) <= agents:
            for task in tasks:
                if task.done():
                    task.result()
        await asyncio.sleep(SETTLE_S)
        first, used = await _newest(process), idle.used
        await asyncio.sleep(seconds)
        last, used = await _newest(process), idle.used - used
        if last[0] <= agents:
            raise SystemExit(f"only {last[0]:.0f} of {agents + 1} agents are active")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        lasted = last[2] - first[2]
        return Cost((last[1] - first[1]) / lasted, used / lasted, idle.resident)


async def _newest(process: "asyncio.subprocess.Process") -> tuple[float, float, float]:
    """What healer's side says now, not what it said while nobody read."""
    assert process.stdout is not None
    asked = time.perf_counter()
    while True:
        active, used, at = map(float, (await process.stdout.readline()).split())
        if at >= asked:
            return active, used, at


async def measure(agents: int, seconds: float) -> Cost:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "bench.agents", "--healers-side", str(folder), "--agents", str(agents)]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        try:
            return await fleet(folder, agents, seconds, process)
        finally:
            process.kill()
            await process.wait()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agents", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--healers-side", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if arguments.healers_side is not None:
        uvloop.run(healers_side(arguments.healers_side, arguments.agents))
        return 0
    print(f"{arguments.agents} agents enrol and dial in", file=sys.stderr)
    cost = uvloop.run(measure(arguments.agents, arguments.seconds))
    beats = arguments.agents * SECOND / BEAT
    each = 1e6 * cost.healer / beats
    print(
        f"{arguments.agents} agents, {beats:.0f} heartbeats a second: {cost.healer:.3f} of a core, {each:.0f} us each"
    )
    print(f"target: below {TARGET_CORES} of a core")
    print(f"one idle agent: {cost.agent:.4f} of a core, {cost.memory / 1e6:.1f} MB resident")
    print(f"target: below {IDLE_CORES} of a core, below {IDLE_BYTES / 1e6:.0f} MB")
    return int(cost.healer > TARGET_CORES or cost.agent > IDLE_CORES or cost.memory > IDLE_BYTES)


if __name__ == "__main__":
    sys.exit(main())
