"""How agents get to a healer: their folder, their door, and the executor that they are. Called by `healer.bootstrap.starting`."""

import asyncio
import logging
import os
import ssl
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from healer.assembly import Healer
from healer.bootstrap.refusal import CannotStart
from healer.executors.agent.agents import Agents
from healer.executors.agent.door import Door
from healer.executors.agent.opening import CannotOpen, open_agents, renew_certificate, server_tls
from healer.executors.agent.target import AgentTarget, EitherWay
from healer.executors.target import Target
from healer.seams import Clock, Random, Spawn
from healer.settings.model import Settings
from healer.store.store import Store
from healer.telemetry.metrics import Registry, Sample
from healer.times import DAY, SECOND
from healer.web.listen import Listener

log = logging.getLogger(__name__)

CERTIFICATE_S = DAY / SECOND
"""Seconds between two certificates of healer's own."""


def agents_of(settings: Settings, store: Store, clock: Clock, random: Random) -> Agents | None:
    """Who may dial in, where anybody may. Raises CannotStart."""
    said = settings.executors.agent
    if said is None:
        return None

    async def note(kind: str, detail: Mapping[str, object]) -> None:
        await store.act(kind, detail, now=clock.now())

    try:
        return open_agents(said, folder_of(settings), clock, random, note)
    except CannotOpen as error:
        raise CannotStart(f"executors.agent: {error}") from error


def folder_of(settings: Settings) -> Path:
    """Where agents are kept."""
    said = settings.executors.agent
    return Path(said.folder) if said is not None and said.folder else settings.store.folder / "agents"


def with_agents(reached: Mapping[str, Target], agents: Agents | None) -> Mapping[str, Target]:
    """Machines are reached by their agents, too: what is ordered over SSH goes there where one is active."""
    if agents is None:
        return reached
    through = AgentTarget(agents)
    return {**reached, "agent": through, "ssh": EitherWay(through, reached.get("ssh"))}


def agents_listener(settings: Settings, agents: Agents, healer: Healer, spawn: Spawn, registry: Registry) -> Listener:
    """Their door, not open yet. Raises CannotStart."""
    refused = registry.counters("healer_agent_refusals_total", "Agents, or others, not let in.", ("reason",))
    door = Door(agents, spawn, lambda reason: refused.of(reason).inc())
    folder = folder_of(settings)
    try:
        tls = server_tls(agents, folder, door.shook_hands_in_vain)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise CannotStart(f"executors.agent: no certificate for its names: {error}") from error
    agents.leads = lambda: healer.owner.leads
    registry.read(partial(samples, agents))
    spawn.keep("certificate for agents", partial(_renew, tls, agents, folder))
    return Listener(door.app(), agents.settings.host, agents.settings.port, tls)


async def open_to_agents(agents: Agents, listener: Listener) -> None:
    """Let them in. Raises CannotStart."""
    said = agents.settings
    try:
        await listener.start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        raise CannotStart(f"executors.agent: cannot listen on {said.listen}: {why}") from error
    agents.servers = tuple(f"https://{_in_url(name)}:{listener.port}" for name in said.names)
    log.info("agents may dial %s", ", ".join(agents.servers))


def samples(agents: Agents) -> list[Sample]:
    """Numbers for /metrics, of the replica that agents dial: others know nothing of them."""
    if not agents.leads():
        return []
    standings = agents.standings()
    active = sum(each.active for each in standings)
    text = "Agents that are enrolled."
    return [
        Sample("healer_agents", active, (("state", "active"),), help=text),
        Sample("healer_agents", len(standings) - active, (("state", "inactive"),), help=text),
        Sample(
            "healer_agent_tasks", sum(each.beat.tasks for each in standings), help="Orders that agents carry out now."
        ),
        Sample("healer_agent_waiting", sum(each.waiting for each in standings), help="Orders that wait for an agent."),
    ]


def _in_url(name: str) -> str:
    return f"[{name}]" if ":" in name else name


async def _renew(tls: ssl.SSLContext, agents: Agents, folder: Path) -> None:
    while True:
        await asyncio.sleep(CERTIFICATE_S)
        renew_certificate(tls, agents, folder)
        log.info("agents are shown a new certificate")
