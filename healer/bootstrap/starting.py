"""Settings in, a running healer out."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import aiohttp
import msgspec

import notifiers
import rules
from healer.alertmanager.passing_on import PassingOn
from healer.assembly import Healer
from healer.assembly.ports import Plan
from healer.bootstrap.agents import agents_listener, agents_of, open_to_agents
from healer.bootstrap.applications import Applications
from healer.bootstrap.bots import Bots
from healer.bootstrap.cards import Cards, Desk
from healer.bootstrap.drawing import Drawing
from healer.bootstrap.offered import service, story_of
from healer.bootstrap.outside import Ground, pass_on, ports
from healer.bootstrap.plan import read_plan, tls_context
from healer.bootstrap.refusal import CannotStart
from healer.bootstrap.renewal import Renewal, tell_of_files
from healer.bootstrap.sharing import share
from healer.bootstrap.ways import Ways
from healer.journey.ports import StoreUnavailable
from healer.kept import Kept
from healer.locks.opening import CannotLock, open_locks
from healer.reload import Reload
from healer.seams import Clock, Supervisor, SystemClock, SystemRandom
from healer.settings.model import Settings
from healer.store.opening import CannotOpen, open_store
from healer.store.store import Store
from healer.survey.apart import Apart
from healer.telemetry.logs import configure
from healer.telemetry.metrics import Registry
from healer.web.app import access_of, create_app
from healer.web.listen import Listener
from healer.web.oversize import Oversize
from healer.web.pressing import Pressing
from healer.web.spoken import Commands
from notifiers.tokens import Tokens
from rules import keep_in

log = logging.getLogger(__name__)

COMPILED = "compiled"
"""The folder in the data folder that holds compiled rules. It may be deleted at any time."""
STOP_S = 20.0
"""Seconds for everything to end after SIGTERM; what was not finished is in the store."""
SETTLE_S = 60.0
"""Seconds between looks whether too large requests have ended."""


async def serve(settings: Settings, announce: Callable[[str], None], file: Path | None = None) -> int:
    """Run until SIGTERM or SIGINT. `announce` gets the URL when requests may be sent; `file` is what a reload reads. Returns the
    exit code."""
    check_distributions()
    configure(sys.stderr, level=settings.log.level, format=settings.log.format, secrets=settings.secrets())
    keep_in(compiled_folder(settings.store.url))
    plan = read_plan(settings)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    async with AsyncExitStack() as stack:
        healer, listener = await start(settings, plan, stack, file)
        announce(f"{settings.server.url.rpartition(':')[0]}:{listener.port}")
        await stopping.wait()
        log.info("stopping")
        await listener.stop(STOP_S / 2)
        await healer.stop(STOP_S / 2)
    return 0


def compiled_folder(url: str) -> Path | None:
    """Where compiled rules outlive a restart: in the data folder, where the store's URL names one."""
    scheme, slashes, path = url.partition(":///")
    return Path(path).parent / COMPILED if scheme == "sqlite" and slashes and path not in {"", ":memory:"} else None


async def start(
    settings: Settings, plan: Plan, stack: AsyncExitStack, file: Path | None = None
) -> tuple[Healer, Listener]:
    """Wire the service and open its door. What it holds is closed with the stack."""
    clock, random, registry, spawn = SystemClock(), SystemRandom(), Registry(), Supervisor()
    try:
        store = store_of(settings, clock, random.token())
        stack.push_async_callback(store.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        locks = await open_locks(settings.locks, stack, clock, random, spawn)
    except (CannotOpen, CannotLock) as error:
        raise CannotStart(str(error)) from error
    shared = share(settings, store, clock, spawn, stack)
    # One for all channels and callbacks of an application.
    tokens = Tokens(shared.tokens, clock.now)
    apart = Apart(store.aside)
    ways = Ways(session, stack)
    ground = Ground(
        clock, random, registry, spawn, store, locks, session, ways, apart, shared.limiter, tokens, tenure=shared.tenure
    )
    agents = agents_of(settings, store, clock, random)
    ground = msgspec.structs.replace(ground, agents=agents)
    kept = Kept()
    healer = Healer(plan, ports(settings, ground, kept, stack), registry)
    oversize = Oversize(store, clock)
    tls = tls_context(settings)
    renewal = Renewal(file, settings, healer, ground, kept, stack, tls)
    reload = Reload(renewal, clock, partial(tell_of_files, healer))
    registry.read(reload.samples)
    bots = Bots(ways, spawn, shared.limiter, lambda: healer.owner.leads and healer.view.ready()[0])
    applications = Applications(Desk(ways, spawn, tokens, clock, shared.limiter))
    offered = msgspec.structs.replace(
        service(settings, healer, registry), reload=reload, hook=bots, agents=agents, callbacks=applications.callbacks
    )
    renewal.access, renewal.bots, renewal.applications = access_of(offered), bots, applications
    renewal.drawing = Drawing(healer)
    renewal.drawing.use(settings)
    bots.pressing = Pressing(offered, renewal.access, partial(story_of, healer))
    bots.commands = Commands(offered, renewal.access)
    passing_on = PassingOn(healer.view.all_silences, lambda: healer.owner.leads and healer.view.ready()[0], clock)
    renewal.pass_on = partial(pass_on, passing_on, ground)
    cards = Cards(bots.pressing, store, partial(story_of, healer), lambda: healer.plan.base_url)
    applications.serve(cards, bots.commands)
    listener = Listener(create_app(offered, oversize, renewal.access), settings.server.host, settings.server.port, tls)
    stack.push_async_callback(spawn.stop, STOP_S)
    for_agents = agents_listener(settings, agents, healer, spawn, registry) if agents is not None else None
    try:
        await recover(healer)
    except StoreUnavailable as error:
        raise CannotStart(f"store.url {settings.store.url}: {error}") from error
    await tell_of_files(healer, wrong=False, why="")
    spawn.keep("oversize", lambda: _every(SETTLE_S, oversize))
    await open_door(listener, settings.server.listen)
    stack.push_async_callback(listener.stop, STOP_S / 2)
    if agents is not None and for_agents is not None:
        await open_to_agents(agents, for_agents)
        stack.push_async_callback(for_agents.stop, STOP_S / 10)
    bots.use(settings)
    applications.use(settings)
    renewal.pass_on(settings, kept)
    spawn.keep("passing on silences", passing_on.run)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: spawn.start("reload", reload.on_signal()))
    stack.callback(loop.remove_signal_handler, signal.SIGHUP)
    return healer, listener


def store_of(settings: Settings, clock: Clock, installation: str) -> Store:
    """The store that settings name, opened; a new one gets `installation` as its id. Raises CannotOpen."""
    place = settings.store
    return open_store(
        place.url,
        clock,
        installation=installation,
        password=place.password.reveal() if place.password is not None else None,
        name=(place.replica or socket.gethostname()) if place.on_server else "",
    )


async def open_door(listener: Listener, address: str) -> None:
    """Take requests from now on. Raises CannotStart with a way out."""
    try:
        await listener.start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        way_out = "stop what listens there, or say another address (server.listen)"
        raise CannotStart(f"cannot listen on {address}: {why}: {way_out}") from error


async def recover(healer: Healer) -> None:
    """Start with the collector at rest: folding a long journal makes millions of objects that stay."""
    gc.disable()
    try:
        await healer.start()
    finally:
        # What recovery made is alive for as long as its alerts are: no collection needs to look at it.
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


def check_distributions() -> None:
    """`rules` and `notifiers` are names that other distributions use too: say so plainly when one has overwritten ours."""
    for package in (rules, notifiers):
        if getattr(package, "DISTRIBUTION", "") != "healer":
            where = getattr(package, "__file__", "?")
            raise CannotStart(
                f"another distribution's package {package.__name__!r} ({where}) stands in the place of healer's: "
                "install healer into an environment of its own"
            )


async def _every(seconds: float, oversize: Oversize) -> None:
    while True:
        await asyncio.sleep(seconds)
        await oversize.settle()
