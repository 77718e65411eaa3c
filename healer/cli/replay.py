"""The past again. Nothing is sent, run or written, and the service may run meanwhile.

  healer replay --data /var/lib/healer          does the journal decide itself the same way, digest by digest? Exit 1 if not
  healer replay --data DIR --set convergence.window=5m
  healer replay --data DIR --topology new.yaml
  healer replay --data DIR --config new.yaml    what would have been otherwise under this configuration, its rules included?
  healer replay --since 30d --rules rules/ --gate 0
                                                ... under these rules? Exit 1 if they would do more that may hurt

A query that was not recorded is asked of Prometheus at the recorded time: of --prometheus, or of those of --config.
Without --data it is the data of the configuration, and without that ./data. A copy of healer.db will do, too, and so will
postgresql://USER@HOST/DATABASE.
"""

import argparse
import asyncio
from pathlib import Path
from typing import NamedTuple

import aiohttp
import msgspec

from healer import bootstrap
from healer.alerts.instants import BadTime, read_instant
from healer.cli import stored
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.output import Output
from healer.cli.replayed import Verdict, proof_json, show_proof, show_what_if, what_if_json
from healer.cli.rule_files import sources_of
from healer.documents.fields import parse_url
from healer.documents.problems import DocumentError
from healer.journey.charter import Charter, Documents, charter
from healer.journey.ports import StepMark, StoreUnavailable
from healer.journey.records import Adopted
from healer.journey.refold import Gap
from healer.prometheus.query import PrometheusQueries
from healer.rehearsal.otherwise import Wrong, changed, read_override, ruled, under
from healer.rehearsal.replay import Span, prove
from healer.rehearsal.what_if import Otherwise, went
from healer.seams import Clock, SystemClock
from healer.settings import load_settings
from healer.settings.outside import Prometheus
from healer.store.opening import CannotOpen
from healer.store.past import open_past
from healer.store.store import Store
from healer.times import Micros, format_rfc3339, parse_duration
from healer.topology.sources.file import read_topology

LOOK = 500
"""Steps between two signs of life."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", metavar="PLACE", help=stored.DATA)
    parser.add_argument("--since", metavar="WHEN", help="7d (ago), or 2026-01-07T10:00:00Z")
    parser.add_argument("--until", metavar="WHEN", help="likewise")
    parser.add_argument("--config", type=Path, metavar="FILE", help="what if this had been the configuration?")
    parser.add_argument("--topology", type=Path, metavar="FILE", help="what if this had been the topology?")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="what if? A key of convergence, repeatable"
    )
    parser.add_argument(
        "--rules",
        type=Path,
        action="append",
        default=[],
        metavar="PATH",
        help="what if these had been the rules? Repeatable",
    )
    parser.add_argument(
        "--prometheus",
        metavar="URL",
        help="ask it what queries said then, where nobody recorded it; never what they say now",
    )
    parser.add_argument(
        "--gate", type=int, metavar="N", help="exit 1 if more than N destructive remediations would have been added"
    )
    parser.add_argument("--as-was", action="store_true", help="exact; --config then only says where the data is")
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(arguments: argparse.Namespace, output: Output | None = None, clock: Clock | None = None) -> int:
    output = output or Output()
    if arguments.as_was and (arguments.topology or arguments.set or arguments.rules or arguments.gate is not None):
        words = "--as-was asks for the past as it was: leave --topology, --rules, --set and --gate out"
        raise Failure(words, CALLED_WRONG)
    now = (clock or SystemClock()).now()
    span = Span(_when(arguments.since, now, 0), _when(arguments.until, now, Span().until))
    exact = arguments.as_was or not (arguments.config or arguments.topology or arguments.set or arguments.rules)
    if exact and arguments.gate is not None:
        raise Failure("--gate compares: say with what, by --rules, --config, --topology or --set", CALLED_WRONG)
    try:
        otherwise = None if exact else _otherwise(arguments)
        servers = () if exact else _servers(arguments)
        place = stored.meant(arguments.data, arguments.config)
        store = open_past(place)
    except (DocumentError, bootstrap.CannotStart, CannotOpen, Wrong) as error:
        raise Failure(str(error), CALLED_WRONG) from None
    where = stored.shown(place)
    output.aside(f"reading {where}; nothing is sent, run or written")
    try:
        asked = Asked(span, otherwise, servers, arguments.gate, arguments.json)
        return asyncio.run(_replay(store, asked, output))
    except (StoreUnavailable, Gap) as error:
        raise Failure(f"{where}: {error}", FOUND_WRONG) from None


class Asked(NamedTuple):
    """What somebody wants to know of the past."""

    span: Span
    otherwise: Otherwise | None
    servers: tuple[Prometheus, ...]
    gate: int | None
    as_json: bool


async def _replay(store: Store, asked: Asked, output: Output) -> int:
    charters, span, otherwise = _Charters(store), asked.span, asked.otherwise
    with output.errors.status("folding the journal again") as status:

        def heard(mark: StepMark) -> None:
            if mark.number % LOOK == 0:
                status.update(f"step {mark.number}, {format_rfc3339(mark.now)}")

        try:
            if otherwise is None:
                proof = await prove(store, charters, store.installation, span, heard)
            else:
                before = await went(store, charters, store.installation, span, heard)
                async with aiohttp.ClientSession() as session:
                    ask = PrometheusQueries(asked.servers, session, SystemClock()).ask if asked.servers else None
                    after = await went(store, charters, store.installation, span, heard, otherwise, ask)
        finally:
            await store.close()
    if otherwise is None:
        output.json(proof_json(proof)) if asked.as_json else show_proof(output, proof)
        return 0 if proof.same else FOUND_WRONG
    verdict = Verdict(before, after, asked.gate)
    output.json(what_if_json(verdict)) if asked.as_json else show_what_if(output, verdict)
    return 0 if verdict.passes else FOUND_WRONG


class _Charters:
    """Charters made of what the store kept, each made once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._made: dict[Adopted, Charter] = {}

    async def __call__(self, adopted: Adopted) -> Charter:
        if adopted not in self._made:
            try:
                self._made[adopted] = charter(adopted, await self._kept(adopted))
            except KeyError as missing:
                message = f"the store has lost a document that decided, {missing}: try a backup"
                raise Failure(message, FOUND_WRONG) from None
            except (ValueError, msgspec.MsgspecError) as error:
                raise Failure(f"what decided cannot be read by this version: {error}", FOUND_WRONG) from None
        return self._made[adopted]

    async def _kept(self, adopted: Adopted) -> Documents:
        return Documents(
            settings=await self._store.version(adopted.settings),
            topology=await self._store.version(adopted.topology),
            rules=await self._store.version(adopted.rules),
        )


def _when(text: str | None, now: Micros, default: Micros) -> Micros:
    """An instant that a person wrote, as such or as how long ago."""
    if text is None:
        return default
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        return read_instant(text)
    except BadTime:
        message = f"{text!r} is neither a duration, such as 7d, nor a time, such as 2026-01-07T10:00:00Z"
        raise Failure(message, CALLED_WRONG) from None


def _otherwise(arguments: argparse.Namespace) -> Otherwise:
    """What is to be tried. A topology or single settings change what the configuration says, or else what was."""
    overrides = [read_override(said) for said in arguments.set]
    topology = read_topology([arguments.topology]) if arguments.topology else None
    ways = [changed(overrides, topology)]
    if arguments.rules:
        ways.append(ruled(sources_of(arguments.rules)))
    if arguments.config is not None:
        plan = bootstrap.read_plan(load_settings(arguments.config))
        ways.insert(0, under(plan.deciding, plan.topology, plan.rules))

    def otherwise(charter: Charter) -> Charter:
        for way in ways:
            charter = way(charter)
        return charter

    return Otherwise(otherwise, rewired=topology is None and arguments.config is None)


def _servers(arguments: argparse.Namespace) -> tuple[Prometheus, ...]:
    """Who is asked what queries said then. Raises Wrong."""
    if arguments.prometheus is None:
        return load_settings(arguments.config).prometheus if arguments.config is not None else ()
    try:
        return (Prometheus(url=parse_url(arguments.prometheus)),)
    except ValueError as error:
        raise Wrong(f"--prometheus {arguments.prometheus}: {error}") from None
