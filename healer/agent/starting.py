"""Settings in, an agent at work out, until it is told to stop. Called by `healer agent`."""

import asyncio
import fcntl
import importlib.metadata
import logging
import os
import signal
from functools import partial
from pathlib import Path

from healer.agent.dialling import TlsDialler
from healer.agent.hands import LocalTarget
from healer.agent.identity import Identity, enrol, known
from healer.agent.journal import journal_in
from healer.agent.limits import own_groups
from healer.agent.link import Link
from healer.agent.settings import AgentFile
from healer.agent.work import Worker
from healer.executors.agent.wire import Hello
from healer.pause_file import halted
from healer.seams import Supervisor, SystemClock, SystemRandom

log = logging.getLogger(__name__)

STOP_S = 5.0
"""Seconds for the line to be closed. What runs goes on, and is reported by the next agent here."""


class CannotStart(Exception):
    """And what to do about it."""


async def serve(settings: AgentFile) -> None:
    """Enrol where that is still to be done, then work until SIGTERM or SIGINT. Raises CannotStart, NotEnrolled."""
    state = Path(settings.state)
    alone = _alone(state)
    clock, random, spawn = SystemClock(), SystemRandom(), Supervisor()
    try:
        identity = await enrolled(settings, state, clock)
        target = LocalTarget(settings, clock, own_groups(settings.limits))
        worker = Worker(target, journal_in(state), clock, spawn, partial(halted, settings.pause_file), target.tail)
        worker.recover()
        dialler = TlsDialler(identity, state, clock)
        hello = Hello(machine_id(), importlib.metadata.version("healer-oncall"))
        link = Link(dialler, settings.servers or identity.servers, worker, clock, random, spawn, hello)
        spawn.keep("line", link.keep)
        stopping = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stopping.set)
        await stopping.wait()
        log.info("stopping")
        await spawn.stop(STOP_S)
    finally:
        os.close(alone)


async def enrolled(settings: AgentFile, state: Path, clock: SystemClock) -> Identity:
    """Who this agent is. Raises NotEnrolled."""
    return known(state) or await enrol(Path(settings.invitation), state, clock)


def machine_id() -> str:
    """What the topology may call `machine_id`; "" where the machine has none."""
    try:
        return Path("/etc/machine-id").read_text().strip()
    except OSError:
        return ""


def _alone(state: Path) -> int:
    """The lock on the state folder: two agents would report for one another. Raises CannotStart."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"state {state} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise CannotStart(f"another agent works in {state} already") from error
    return lock
