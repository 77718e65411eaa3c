"""What do the files say? Settings, rules, calendars and the topology's files, read, checked and held together."""

import logging
import ssl
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from healer.assembly.ports import Plan
from healer.bootstrap.refusal import CannotStart
from healer.documents.problems import Problem
from healer.journey.charter import Deciding, RuleText
from healer.notification.oncall.ical_lines import BadCalendar
from healer.notification.oncall.turns import Shift
from healer.remediation.abilities import LACKS
from healer.settings.calendars import read_calendar
from healer.settings.model import Settings
from healer.settings.oncall import followed, shifts_of_files, without_places
from healer.settings.permitted import health_of, known_kinds, permissions
from healer.survey.standing import Terms
from healer.topology.sources.file import read_topology
from rules import Source, compile_files, format_problem, health_template, pack_names

log = logging.getLogger(__name__)


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
    kinds = known_kinds(settings, topology)
    check_rules(settings, files, kinds)
    return Plan(
        deciding=deciding(settings, kinds),
        topology=topology,
        rules=tuple(RuleText(path, text.decode()) for path, text in files),
        base_url=settings.server.url,
        snapshot_every=settings.journal.snapshot_every,
        reconcile_every=settings.alertmanager.every,
        silences_every=settings.alertmanager.silences_every,
        retention=settings.journal.retention,
        watchdog=settings.watchdog,
        last_resort=tuple(name for name, channel in settings.channels.items() if channel.last_resort),
        speech={name: channel.speech for name, channel in settings.channels.items()},
        conduct={name: channel.conduct for name, channel in settings.channels.items()},
        trace_sample=settings.telemetry.sample,
        drills=settings.drills,
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


def check_rules(settings: Settings, files: Sequence[tuple[str, bytes]], kinds: frozenset[str]) -> None:
    """Compile them as they will be used, and log what is odd. Raises CannotStart with every mistake."""
    compiled = compile_files(
        [Source(path, text) for path, text in files],
        packs=settings.rules.packs,
        kinds=kinds,
        channels=settings.recipients,
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


def deciding(settings: Settings, kinds: Iterable[str]) -> Deciding:
    """What the journal keeps of the settings, because decisions follow from it."""
    return Deciding(
        place=settings.place,
        dry_run=settings.rules.dry_run,
        autonomy=settings.rules.autonomy,
        packs=settings.rules.packs,
        convergence=settings.convergence,
        mappings=settings.topology.nodes,
        labels=settings.topology.labels,
        max_nodes=settings.topology.max_nodes,
        health=health_of(settings),
        channels=tuple(settings.channels),
        routes=settings.routes,
        heartbeat=settings.watchdog.alertname,
        calendars={name: read_calendar(file) for name, file in settings.calendars.items()},
        permissions=tuple(permissions(settings)),
        changes=settings.changes.nodes,
        change_window=settings.changes.window,
        guards=settings.guards,
        oncall=without_places(settings.oncall),
        shifts=read_shifts(settings),
        followed=followed(settings.oncall),
        kinds=tuple(sorted(kinds)),
    )


def read_shifts(settings: Settings) -> dict[str, tuple[Shift, ...]]:
    """What the calendars of schedules that are files say. Raises CannotStart."""
    try:
        return shifts_of_files(settings.oncall)
    except BadCalendar as error:
        raise CannotStart(f"oncall: {error}") from error


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
