"""The one place that wires a real service: settings in, a running healer out. Called by `healer serve`."""

import asyncio
import gc
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

import notifiers
import rules
from healer.alertmanager.client import AlertmanagerClient
from healer.alerts.limits import Limits
from healer.assembly import Healer, Plan, Ports, TooFarBehind
from healer.audit import signing
from healer.audit.anchoring import Anchoring
from healer.audit.places import FilePlace, Place, WebhookPlace
from healer.audit.signing import BadKey, signing_key
from healer.documents.document import load_document
from healer.documents.problems import Problem, dotted
from healer.heartbeat.http import HttpPing
from healer.heartbeat.watch import Ping
from healer.journey.charter import Deciding, RuleText
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Troubled
from healer.kept import Kept
from healer.locks.opening import CannotLock, open_locks
from healer.locks.ports import LockService
from healer.notification.anchors import ChannelPlace
from healer.notification.deliver import Sender
from healer.notification.own import RELOAD
from healer.notification.settings import Channel as ChannelSettings
from healer.prometheus.query import PrometheusQueries
from healer.prometheus.rows import PrometheusTables
from healer.prometheus.rules import PrometheusRules
from healer.reaching import CannotReach, cluster_access, targets
from healer.rehearsal import preview
from healer.rehearsal.foreseen import Present
from healer.rehearsal.record import COUNTED, records
from healer.rehearsal.trial import attempt
from healer.reload import NotReloaded, Reload, Reloaded
from healer.remediation.abilities import LACKS
from healer.remediation.home import Home
from healer.remediation.nodes import node_fact
from healer.remediation.request import NAMED, Beneath
from healer.remediation.surroundings import Around
from healer.seams import Clock, Supervisor, SystemClock, SystemRandom
from healer.settings.calendars import read_calendar
from healer.settings.difference import differences, needs_restart
from healer.settings.load import load_settings
from healer.settings.model import Settings
from healer.settings.outside import Alertmanager
from healer.settings.permitted import permissions
from healer.store.opening import CannotOpen, open_store
from healer.store.pause_file import halted
from healer.store.store import Store
from healer.survey.apart import Apart
from healer.survey.standing import Terms
from healer.telemetry.exporting import Sink
from healer.telemetry.logs import configure
from healer.telemetry.metrics import Registry
from healer.telemetry.otlp import ExtraMissing, OtlpHttp
from healer.times import MINUTE, Micros, format_duration
from healer.topology.kinds import kinds_of, kinds_promised
from healer.topology.source import Source as TopologySource
from healer.topology.sources.file import read_topology
from healer.topology.sources.files import FileSource
from healer.topology.sources.http import HttpSource
from healer.topology.sources.kubernetes import KubernetesSource
from healer.topology.sources.prometheus import PrometheusSource
from healer.web.app import access_of, create_app
from healer.web.auth import Access as Door
from healer.web.listen import Listener
from healer.web.oversize import Oversize
from healer.web.ports import Bounds, Service
from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.limiter import MemoryLimiter
from rules import Source, compile_files, format_problem, health_template, is_shipped, pack_names
from rules.permissions import touches

log = logging.getLogger(__name__)

STOP_S = 20.0
"""Seconds for everything to end after SIGTERM; what was not finished is in the store."""
PROVE: Micros = 2 * MINUTE
"""For so long the tests of changed rules may run before they take over."""
SETTLE_S = 60.0
"""Seconds between looks whether too large requests have ended."""


class CannotStart(Exception):
    """What is wrong, and what to do about it; nothing was started. `problems` has the places, where it is about rules."""

    def __init__(self, why: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(why)
        self.problems = tuple(problems)


class Ground(msgspec.Struct, frozen=True):
    """What stays for as long as the process does, whatever its configuration."""

    clock: Clock
    random: SystemRandom
    registry: Registry
    spawn: Supervisor
    store: Store
    locks: LockService
    session: aiohttp.ClientSession
    apart: Apart


async def serve(settings: Settings, announce: Callable[[str], None], file: Path | None = None) -> int:
    """Run until SIGTERM or SIGINT. `announce` gets the URL when requests may be sent; `file` is what a reload reads. Returns the
    exit code."""
    check_distributions()
    configure(sys.stderr, level=settings.log.level, format=settings.log.format, secrets=settings.secrets())
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


async def start(
    settings: Settings, plan: Plan, stack: AsyncExitStack, file: Path | None = None
) -> tuple[Healer, Listener]:
    """Wire the service and open its door. What it holds is closed with the stack."""
    clock, random, registry, spawn = SystemClock(), SystemRandom(), Registry(), Supervisor()
    try:
        store = open_store(settings.store.url, clock, installation=random.token())
    except CannotOpen as error:
        raise CannotStart(str(error)) from error
    stack.push_async_callback(store.close)
    session = await stack.enter_async_context(aiohttp.ClientSession())
    try:
        locks = await open_locks(settings.locks, stack, clock, random, spawn)
    except CannotLock as error:
        raise CannotStart(str(error)) from error
    ground = Ground(clock, random, registry, spawn, store, locks, session, Apart(store.aside))
    kept = Kept()
    healer = Healer(plan, ports(settings, ground, kept, stack), registry)
    oversize = Oversize(store, clock)
    tls = tls_context(settings)
    renewal = Renewal(file, settings, healer, ground, kept, stack, tls)
    reload = Reload(renewal, clock, partial(tell_of_files, healer))
    registry.read(reload.samples)
    offered = msgspec.structs.replace(service(settings, healer, registry), reload=reload)
    renewal.access = access_of(offered)
    listener = Listener(create_app(offered, oversize, renewal.access), settings.server.host, settings.server.port, tls)
    stack.push_async_callback(spawn.stop, STOP_S)
    try:
        await recover(healer)
    except StoreUnavailable as error:
        raise CannotStart(f"store.url {settings.store.url}: {error}") from error
    await tell_of_files(healer, wrong=False, why="")
    spawn.keep("oversize", lambda: _every(SETTLE_S, oversize))
    try:
        await listener.start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error
        way_out = "stop what listens there, or say another address (server.listen)"
        raise CannotStart(f"cannot listen on {settings.server.listen}: {why}: {way_out}") from error
    stack.push_async_callback(listener.stop, STOP_S / 2)
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, lambda: spawn.start("reload", reload.on_signal()))
    stack.callback(loop.remove_signal_handler, signal.SIGHUP)
    return healer, listener


class Renewal:
    """Reads the files again and has the service go on by them: what `healer.reload.Reload` calls, one at a time."""

    def __init__(
        self,
        file: Path | None,
        settings: Settings,
        healer: Healer,
        ground: Ground,
        kept: Kept,
        stack: AsyncExitStack,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._file = file
        self._settings = settings
        self._healer = healer
        self._ground = ground
        self._kept = kept
        self._stack = stack
        self._tls = tls
        self.access: Door | None = None

    async def __call__(self) -> Reloaded:
        """All or nothing. Raises NotReloaded, DocumentError."""
        if self._file is None:
            raise NotReloaded("restart", "healer was started without a file: start it with --config FILE")
        if not self._healer.owner.ready:
            raise NotReloaded("unavailable", "healer is not ready yet")
        file, before = self._file, self._settings
        try:
            settings, plan, tls = await self._ground.store.aside(partial(read_again, file, before, self._healer.plan))
            kept = self._kept.again()
            made = ports(settings, self._ground, kept, self._stack)
            old = self._healer.plan
            await self._healer.take(plan, made)
        except CannotStart as error:
            raise NotReloaded("wrong", str(error), error.problems) from error
        except ValueError as error:
            raise NotReloaded("wrong", str(error)) from error
        except (StoreUnavailable, TooFarBehind) as error:
            raise NotReloaded("unavailable", str(error)) from error
        self._settle(settings, kept, tls)
        changed = tuple(map(dotted, differences(before, settings)))
        refused = [view for view in self._healer.desk.sources() if view.state == "refused"]
        return Reloaded(
            changed, tuple(contents(old, plan)), tuple(f"topology: {view.name}: {view.why}" for view in refused)
        )

    def _settle(self, settings: Settings, kept: Kept, tls: ssl.SSLContext | None) -> None:
        """What remains cannot fail: it was tried on the way."""
        kept.settle()
        # What is still under way may yet write an old secret into the log.
        secrets = (*settings.secrets(), *self._settings.secrets())
        configure(sys.stderr, level=settings.log.level, format=settings.log.format, secrets=secrets)
        if self.access is not None:
            self.access.use(settings.server.auth)
        if self._tls is not None and tls is not None and settings.server.tls is not None:
            self._tls.load_cert_chain(settings.server.tls.cert, settings.server.tls.key)
        self._settings, self._kept = settings, kept


def read_again(file: Path, before: Settings, running: Plan) -> tuple[Settings, Plan, ssl.SSLContext | None]:
    """All files, checked as at a start; may take long. Raises DocumentError, CannotStart, NotReloaded."""
    settings = load_settings(file)
    fixed = [way for way in differences(before, settings) if needs_restart(way)]
    if fixed:
        document = load_document(file)
        message = "cannot change while healer runs: restart it, or put this back"
        problems = [document.problem(way, message) for way in fixed]
        raise NotReloaded("restart", f"{', '.join(map(dotted, fixed))} needs a restart", problems)
    plan = read_plan(settings)
    prove(settings, plan, running)
    return settings, plan, tls_context(settings)


def prove(settings: Settings, plan: Plan, running: Plan) -> None:
    """Run the rules' own tests before they take over, where rules changed. Raises CannotStart with each that fails."""
    was, now = running.deciding, plan.deciding
    if (running.rules, was.packs, was.kinds, was.permissions) == (plan.rules, now.packs, now.kinds, now.permissions):
        return
    ruleset = compile_files(
        [Source(rule.path, rule.text.encode()) for rule in plan.rules],
        packs=plan.deciding.packs,
        kinds=frozenset(plan.deciding.kinds),
        channels=settings.channels,
        calendars=settings.calendars,
        permissions=permissions(settings),
        lacks=LACKS,
    ).ruleset
    assert ruleset is not None, "it compiled a moment ago"
    clock, problems = SystemClock(), []
    until = clock.monotonic() + PROVE
    for trial in ruleset.tests:
        if is_shipped(trial.path):
            continue
        if clock.monotonic() > until:
            why = f"the rules' own tests take longer than {format_duration(PROVE)}: healer test says how long each of them takes"
            raise CannotStart(why)
        tried = attempt(trial, ruleset, dict(settings.health))
        said = f"test {trial.name!r} fails: {'; '.join(tried.failures)}"
        problems += [] if tried.passed else [Problem(trial.path, trial.line, 1, "test", said)]
    if problems:
        raise CannotStart("the rules fail their own tests", problems)


async def tell_of_files(healer: Healer, wrong: bool, why: str) -> None:
    """Changed files that cannot be used are an incident until they can be. Nobody is told twice."""
    if healer.owner.fold.troubled(RELOAD) is wrong:
        return
    try:
        await healer.ports.store.append([Arrival(Troubled(RELOAD, wrong, why))])
    except StoreUnavailable as error:
        log.warning("that files are %s is not recorded: %s", "wrong" if wrong else "good again", error)


def contents(before: Plan, after: Plan) -> Iterator[str]:
    """What changed in files, whatever the configuration says about these."""
    was, now = ({rule.path: rule.text for rule in plan.rules} for plan in (before, after))
    yield from sorted(path for path in was.keys() | now.keys() if was.get(path) != now.get(path))
    calendars = before.deciding.calendars.items() ^ after.deciding.calendars.items()
    yield from sorted({f"calendar {name}" for name, _ in calendars})
    if before.topology != after.topology:
        yield "topology"


def ports(settings: Settings, ground: Ground, kept: Kept, stack: AsyncExitStack) -> Ports:
    """Everything that touches the outside, made anew where its settings are not those of the time before. Raises CannotStart."""
    clock, session = ground.clock, ground.session
    try:
        reached = targets(settings, clock, session, kept, stack)
    except CannotReach as error:
        raise CannotStart(str(error)) from error
    telling = senders(settings, session, clock, ground.random, ground.registry, kept)
    return Ports(
        clock=clock,
        random=ground.random,
        spawn=ground.spawn,
        store=ground.store,
        locks=ground.locks,
        targets=reached,
        senders=telling,
        asker=PrometheusQueries(settings.prometheus, session, clock),
        prometheus=[
            kept.once(f"rules of {server.url}", server, partial(PrometheusRules, server, session))
            for server in settings.prometheus
        ],
        alertmanagers=[alertmanager(settings.alertmanager, url, session, kept) for url in settings.alertmanager.urls],
        ping=kept.once("ping", settings.watchdog.ping, lambda: ping(settings, session)),
        sink=kept.once("otlp", settings.telemetry.otlp, lambda: sink(settings, session)),
        sources=sources(settings, ground, kept),
        apart=ground.apart,
        anchoring=anchoring(settings, ground, telling, kept),
        home=home(settings),
        halted=halted,
    )


def home(settings: Settings) -> Home:
    """The machine that this process runs on, and those of its locks, by the names that the configuration has for them."""
    try:
        machine_id = Path("/etc/machine-id").read_text().strip()
    except OSError:
        machine_id = ""
    shared = settings.locks.redis.urls if settings.locks.redis is not None else ()
    names = dict.fromkeys([socket.gethostname(), *(urlsplit(url).hostname or "" for url in shared)])
    return Home(machine_id, tuple(name for name in names if name not in ("", "localhost", "127.0.0.1", "::1")))


def anchoring(settings: Settings, ground: Ground, telling: Mapping[str, Sender], kept: Kept) -> Anchoring | None:
    """What signs heads of the audit log and sends them outside, if they go anywhere. Raises CannotStart."""
    outside = settings.audit.anchor
    if not outside:
        return None
    try:
        file = settings.audit.key or Path(settings.store.path).parent / signing.NAME
        key = signing_key(file, make=settings.audit.key is None)
    except BadKey as error:
        raise CannotStart(f"audit.key: {error}") from error
    places: dict[str, Place] = {}
    if outside.file is not None:
        places["file"] = FilePlace(outside.file, ground.store.aside)
    if outside.channel:
        places["channel"] = ChannelPlace(telling[outside.channel])
    if outside.webhook is not None:
        places["webhook"] = WebhookPlace(outside.webhook, ground.session)
    store = ground.store
    depends = (settings.audit, telling.get(outside.channel))
    make = partial(Anchoring, store, store.installation, key, places, ground.clock, outside.every)
    return kept.once("anchoring", depends, make)


def alertmanager(settings: Alertmanager, url: str, session: aiohttp.ClientSession, kept: Kept) -> AlertmanagerClient:
    """One Alertmanager."""
    return kept.once(
        f"alertmanager {url}",
        (settings.auth, settings.timeout),
        lambda: AlertmanagerClient(url, settings.auth, settings.timeout, session),
    )


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


def service(settings: Settings, healer: Healer, registry: Registry) -> Service:
    """What the HTTP side needs."""
    limits = settings.server.labels
    store = healer.ports.store
    return Service(
        journal=store,
        view=healer.view,
        projections=store,
        effects=store,
        told=store,
        clock=healer.ports.clock,
        registry=registry,
        desk=healer.desk,
        foresee=partial(foresee, healer),
        rules=partial(rule_records, healer),
        audit=store,
        installation=store.installation,
        auth=settings.server.auth,
        covers=partial(covers, healer),
        beneath=partial(beneath, healer),
        changes=settings.changes,
        bounds=Bounds(
            body=settings.server.max_body,
            max_lag=settings.journal.max_lag,
            alerts=Limits(
                labels=limits.count,
                name_bytes=limits.name,
                value_bytes=limits.value,
                annotation_bytes=limits.annotations,
            ),
        ),
    )


def covers(healer: Healer, matchers: Sequence[str], node: str) -> bool:
    """Whether a node of the topology has what matchers of its attributes ask for; an unknown one has nothing."""
    topology = healer.view.topology
    number = topology.index.id(node)
    return number >= 0 and touches(matchers, node_fact(topology, number))


def beneath(healer: Healer, node: str) -> Beneath:
    """What a fault of a node reaches, of a hundred thousand nodes at most."""
    found = Around(healer.view.topology, lambda _: False).below(node, None)
    return Beneath(len(found), tuple(found[:NAMED]))


async def foresee(healer: Healer, labels: Mapping[str, str], starts_at: Micros) -> dict[str, Any]:
    """What would happen for an alert now: by the rules in force, with answers of the real Prometheus. Runs nothing."""
    view, ports = healer.view, healer.ports
    now = ports.clock.now()
    present = Present(healer.runner.observing, ports.store.count, view.record, healer.runner.preview)
    return await preview.preview(labels, view.charter, now, starts_at=starts_at, ask=healer.ask, around=present)


async def rule_records(healer: Healer) -> list[dict[str, Any]]:
    """What each rule has done, and may do now."""
    view, ports = healer.view, healer.ports
    newest = await ports.store.remediations(limit=COUNTED)
    return records(view.charter, newest, view.record, ports.clock.now())


def senders(
    settings: Settings,
    session: aiohttp.ClientSession,
    clock: Clock,
    random: SystemRandom,
    registry: Registry,
    kept: Kept,
) -> Mapping[str, Sender]:
    """A sender per channel, within its rates, behind its breaker."""
    opened = registry.gauges("healer_channel_open", "1 while a channel's breaker keeps messages back.", ("channel",))
    means = notifiers.Means(session, sys.stdout, clock.now)
    limiter = kept.once("limiter", None, lambda: MemoryLimiter(clock))

    def make(name: str, channel: ChannelSettings) -> Sender:
        kind = notifiers.CHANNELS[channel.type]
        opened.of(name).set(0)
        return Channel(
            kind.factory(name, channel.config, means),
            breaker=Breaker(name, clock, on_change=lambda name, state: opened.of(name).set(state != "closed")),
            limiter=limiter,
            backoff=kind.backoff,
            random=random,
            sleep=asyncio.sleep,
        )

    def end(name: str, _: Sender) -> None:
        opened.of(name).set(0)

    return {
        name: kept.once(
            f"channel {name}", (channel.type, channel.config), partial(make, name, channel), partial(end, name)
        )
        for name, channel in settings.channels.items()
    }


def ping(settings: Settings, session: aiohttp.ClientSession) -> Ping | None:
    """The dead man's switch, if there is one."""
    url = settings.watchdog.ping
    return HttpPing(url, session) if url is not None else None


def sink(settings: Settings, session: aiohttp.ClientSession) -> Sink | None:
    """Where traces go, if they go anywhere."""
    otlp = settings.telemetry.otlp
    if otlp is None:
        return None
    try:
        return OtlpHttp(otlp.endpoint, otlp.headers, otlp.timeout, session)
    except ExtraMissing as error:
        raise CannotStart(str(error)) from error


def sources(settings: Settings, ground: Ground, kept: Kept) -> list[TopologySource]:
    """Those of the topology that are asked again and again, in the order of the configuration."""
    session, aside = ground.session, ground.store.aside
    made: list[TopologySource] = []
    if settings.topology.files:
        files = settings.topology.files
        made.append(kept.once("topology file", files, lambda: FileSource(files, aside)))
    for name, source in zip(settings.topology.names, settings.topology.sources, strict=True):
        if source.http is not None:
            polled = partial(HttpSource, name, source.http, session, ground.apart.read)
            made.append(kept.once(f"topology {name}", source, polled))
        elif source.kubernetes is not None:
            cluster = source.kubernetes
            try:
                access = cluster_access(f"topology.sources: {name}", cluster.kubeconfig, cluster.context)
            except CannotReach as error:
                raise CannotStart(str(error)) from error
            watched = partial(
                KubernetesSource, name, source.kubernetes, access, session, aside, ground.spawn, ground.clock
            )
            made.append(kept.once(f"topology {name}", source, watched, KubernetesSource.end))
        elif source.prometheus is not None:
            url = source.prometheus.url or settings.prometheus[0].url
            server = next(server for server in settings.prometheus if server.url == url)
            ask = PrometheusTables(server, session, aside).ask
            rows = partial(PrometheusSource, name, source.prometheus, ask, aside)
            made.append(kept.once(f"topology {name}", (source, server), rows))
    return made


def read_plan(settings: Settings) -> Plan:
    """What the files say, checked. Raises CannotStart with every problem."""
    files = [(str(path), read_rules(path)) for path in rule_files(settings)]
    unknown = [name for name in settings.rules.packs if name not in pack_names()]
    if unknown:
        raise CannotStart(f"rules.packs: there is no pack {unknown[0]!r}; there are {', '.join(pack_names())}")
    for kind, query in settings.health.items():
        if isinstance(wrong := health_template(query), str):
            raise CannotStart(f"health.{kind}: {wrong}")
    topology = read_topology(settings.topology.files)
    kinds = kinds_of(topology, settings.topology.nodes, settings.topology.labels, settings.health)
    kinds |= kinds_promised(settings.topology.sources) | frozenset(settings.topology.kinds)
    compiled = compile_files(
        [Source(path, text) for path, text in files],
        packs=settings.rules.packs,
        kinds=kinds,
        channels=settings.channels,
        calendars=settings.calendars,
        permissions=permissions(settings),
        lacks=LACKS,
    )
    errors = [format_problem(problem) for problem in compiled.problems if problem.severity == "error"]
    if compiled.ruleset is None:
        found = (problem for problem in compiled.problems if problem.severity == "error")
        places = [Problem(one.path, one.line, one.column, one.code, one.message) for one in found]
        raise CannotStart("\n".join(errors), places)
    for problem in compiled.problems:
        log.warning("%s:%d:%d: %s: %s", problem.path, problem.line, problem.column, problem.code, problem.message)
    return Plan(
        deciding=Deciding(
            place=settings.place,
            dry_run=settings.rules.dry_run,
            autonomy=settings.rules.autonomy,
            packs=settings.rules.packs,
            convergence=settings.convergence,
            mappings=settings.topology.nodes,
            labels=settings.topology.labels,
            max_nodes=settings.topology.max_nodes,
            health=settings.health,
            channels=tuple(settings.channels),
            routes=settings.routes,
            heartbeat=settings.watchdog.alertname,
            calendars={name: read_calendar(file) for name, file in settings.calendars.items()},
            permissions=tuple(permissions(settings)),
            changes=settings.changes.nodes,
            change_window=settings.changes.window,
            guards=settings.guards,
            kinds=tuple(sorted(kinds)),
        ),
        topology=topology,
        rules=tuple(RuleText(path, text.decode()) for path, text in files),
        base_url=settings.server.url,
        snapshot_every=settings.journal.snapshot_every,
        reconcile_every=settings.alertmanager.every,
        silences_every=settings.alertmanager.silences_every,
        retention=settings.journal.retention,
        watchdog=settings.watchdog,
        last_resort=tuple(name for name, channel in settings.channels.items() if channel.last_resort),
        trace_sample=settings.telemetry.sample,
        sources=tuple(
            dict.fromkeys(
                (name, source.kind)
                for name, source in zip(settings.topology.names, settings.topology.sources, strict=True)
                if name
            )
        ),
        terms=Terms(
            shrink=settings.topology.shrink,
            confirm=settings.topology.confirm,
            trouble_after=settings.topology.trouble_after,
            linger=settings.convergence.window + settings.convergence.settle,
        ),
    )


def read_rules(path: Path) -> bytes:
    """One rule file, as it is. Raises CannotStart when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise CannotStart(f"rules.paths: {path} cannot be read: {error.strerror}") from error


def rule_files(settings: Settings) -> Iterator[Path]:
    """The `.heal` files of the configuration, folders in the order of names. Raises CannotStart for one that is missing."""
    for rule in settings.rules.paths:
        if rule.path.is_dir():
            yield from sorted(rule.path.rglob("*.heal"))
        elif rule.path.is_file():
            yield rule.path
        else:
            raise CannotStart(f"rules.paths: there is no {rule.path}")


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The server's certificate, loaded."""
    tls = settings.server.tls
    if tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(tls.cert, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise CannotStart(f"server.tls: {error}") from error
    return context


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
