"""Everything that touches the outside: channels, sources, clients and executors, by what the settings say."""

import asyncio
import socket
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec

import notifiers
from healer.alertmanager.client import AlertmanagerClient
from healer.alertmanager.passing_on import PassingOn
from healer.assembly.ports import Ports
from healer.audit import signing
from healer.audit.anchoring import Anchoring
from healer.audit.places import FilePlace, Place, WebhookPlace
from healer.audit.signing import BadKey, signing_key
from healer.bootstrap.agents import with_agents
from healer.bootstrap.reaching import CannotReach, requests, targets, watched_access
from healer.bootstrap.refusal import CannotStart
from healer.bootstrap.ways import Ways
from healer.executors.agent.agents import Agents
from healer.heartbeat.http import HttpPing
from healer.heartbeat.watch import Ping
from healer.journey.feed_http import HttpFeed
from healer.journey.rosters import Feed
from healer.journey.tenure import Tenure
from healer.kept import Kept
from healer.locks.ports import LockService
from healer.notification.anchors import ChannelPlace
from healer.notification.deliver import Sender
from healer.notification.settings import Channel as ChannelSettings
from healer.pause_file import halted
from healer.prometheus.probe import HttpProbe
from healer.prometheus.query import PrometheusQueries
from healer.prometheus.rows import PrometheusTables
from healer.prometheus.rules import PrometheusRules
from healer.remediation.home import Home
from healer.seams import Clock, Supervisor, SystemRandom
from healer.settings.model import Settings
from healer.settings.outside import Alertmanager
from healer.store.store import Store
from healer.survey.apart import Apart
from healer.telemetry.exporting import Sink
from healer.telemetry.metrics import Registry
from healer.telemetry.otlp import ExtraMissing, OtlpHttp
from healer.telemetry.redacting import Redactor
from healer.topology.source import Source as TopologySource
from healer.topology.sources.files import FileSource
from healer.topology.sources.http import HttpSource
from healer.topology.sources.kubernetes import KubernetesSource
from healer.topology.sources.prometheus import PrometheusSource
from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.limiter import Limiter
from notifiers.sender import Unavailable
from notifiers.tokens import Tokens


class Ground(msgspec.Struct, frozen=True):
    """What stays for as long as the process does, whatever its configuration."""

    clock: Clock
    random: SystemRandom
    registry: Registry
    spawn: Supervisor
    store: Store
    locks: LockService
    session: aiohttp.ClientSession
    ways: Ways
    apart: Apart
    limiter: Limiter
    tokens: Tokens
    tenure: Tenure | None = None
    agents: Agents | None = None


def ports(settings: Settings, ground: Ground, kept: Kept, stack: AsyncExitStack) -> Ports:
    """Everything that touches the outside, made anew where its settings are not those of the time before. Raises CannotStart."""
    clock, session = ground.clock, ground.session
    try:
        reached = targets(settings, clock, ground.spawn, session, kept, stack)
        asking = requests(settings, clock, session, kept)
    except CannotReach as error:
        raise CannotStart(str(error)) from error
    telling = senders(settings, ground, kept)
    return Ports(
        clock=clock,
        random=ground.random,
        spawn=ground.spawn,
        store=ground.store,
        locks=ground.locks,
        targets=with_agents(reached, ground.agents),
        senders=telling,
        asker=PrometheusQueries(settings.prometheus, session, clock),
        prometheus=[
            kept.once(f"rules of {server.url}", server, partial(PrometheusRules, server, session))
            for server in settings.prometheus
        ],
        alertmanagers=alertmanagers(settings.alertmanager, ground, kept),
        ping=kept.once("ping", settings.watchdog.ping, lambda: ping(settings, session)),
        sink=kept.once("otlp", settings.telemetry.otlp, lambda: sink(settings, session)),
        requests=asking,
        sources=sources(settings, ground, kept),
        apart=ground.apart,
        feeds=feeds(settings, session, kept),
        anchoring=anchoring(settings, ground, telling, kept),
        home=home(settings),
        halted=halted,
        agents=ground.agents,
        probe=HttpProbe(session, clock).ask,
        tenure=ground.tenure,
        locks_outside=settings.locks.redis is not None or settings.locks.etcd is not None,
        redact=Redactor(settings.secrets()),
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
        file = settings.audit.key or settings.store.folder / signing.NAME
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


def alertmanagers(settings: Alertmanager, ground: Ground, kept: Kept) -> list[AlertmanagerClient]:
    """All of them."""
    installation = ground.store.installation

    def make(url: str) -> AlertmanagerClient:
        return AlertmanagerClient(url, settings.auth, settings.timeout, ground.session, installation)

    depends = (settings.auth, settings.timeout)
    return [kept.once(f"alertmanager {url}", depends, partial(make, url)) for url in settings.urls]


def pass_on(passing_on: PassingOn, ground: Ground, settings: Settings, kept: Kept) -> None:
    """Where healer's own silences are kept too, by these settings."""
    wanted = settings.alertmanager.pass_on_silences
    passing_on.use(alertmanagers(settings.alertmanager, ground, kept) if wanted else ())


def senders(settings: Settings, ground: Ground, kept: Kept) -> Mapping[str, Sender]:
    """A sender per channel, within its rates, behind its breaker."""
    opened = ground.registry.gauges(
        "healer_channel_open", "1 while a channel's breaker keeps messages back.", ("channel",)
    )
    clock = ground.clock

    def make(name: str, channel: ChannelSettings) -> Sender:
        kind = notifiers.CHANNELS[channel.type]
        means = notifiers.Means(ground.ways.by(channel.proxy), sys.stdout, clock.now, ground.tokens)
        try:
            sender = kind.factory(name, channel.config, means)
        except Unavailable as error:
            raise CannotStart(f"channels: {error}") from error
        opened.of(name).set(0)
        return Channel(
            sender,
            breaker=Breaker(name, clock, on_change=lambda name, state: opened.of(name).set(state != "closed")),
            limiter=ground.limiter,
            backoff=kind.backoff,
            random=ground.random,
            sleep=asyncio.sleep,
        )

    def end(name: str, _: Sender) -> None:
        opened.of(name).set(0)

    return {
        name: kept.once(
            f"channel {name}",
            (channel.type, channel.config, channel.proxy),
            partial(make, name, channel),
            partial(end, name),
        )
        for name, channel in settings.channels.items()
    }


def feeds(settings: Settings, session: aiohttp.ClientSession, kept: Kept) -> list[Feed]:
    """The calendars that say who is on call, as far as they are published somewhere."""
    made: list[Feed] = []
    for name, schedule in settings.oncall.schedules.items():
        if schedule.ical is not None and schedule.ical.url is not None:
            people, ical, read = settings.oncall.people, schedule.ical, HttpFeed(schedule.ical.url, session)
            feed = partial(Feed, name, schedule.zone, people, ical.every, read)
            made.append(kept.once(f"calendar {name}", (ical, schedule.zone, people), feed))
    return made


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
        made.append(kept.once("topology file", files, lambda: FileSource(files, aside, ground.apart.read)))
    for name, source in zip(settings.topology.names, settings.topology.sources, strict=True):
        if source.http is not None:
            polled = partial(HttpSource, name, source.http, session, ground.apart.read)
            made.append(kept.once(f"topology {name}", source, polled))
        elif source.kubernetes is not None:
            cluster, executor = source.kubernetes, settings.executors.kubernetes
            try:
                access = watched_access(settings, name, cluster)
            except CannotReach as error:
                raise CannotStart(str(error)) from error
            watched = partial(KubernetesSource, name, cluster, access, session, aside, ground.spawn, ground.clock)
            depends = (source, executor.reached.get(cluster.cluster) if executor is not None else None)
            made.append(kept.once(f"topology {name}", depends, watched, KubernetesSource.end))
        elif source.prometheus is not None:
            url = source.prometheus.url or settings.prometheus[0].url
            server = next(server for server in settings.prometheus if server.url == url)
            ask = PrometheusTables(server, session, aside).ask
            rows = partial(PrometheusSource, name, source.prometheus, ask, aside)
            made.append(kept.once(f"topology {name}", (source, server), rows))
    return made
