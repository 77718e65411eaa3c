"""What is wrong with this installation, and how to mend it: the running service, and with --config its configuration.

healer doctor --config /etc/healer/healer.yaml
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import msgspec

from healer.cli import connection
from healer.cli.connection import Connection, NotThere, Refused
from healer.cli.exposition import Numbers
from healer.cli.failure import FOUND_WRONG, Failure
from healer.cli.findings import Evidence, Finding, judge
from healer.cli.needed import examine_rules
from healer.cli.output import Output
from healer.cli.rule_files import compiled_files
from healer.cli.setup import examine
from healer.cli.words import counted, name_of
from healer.documents.problems import DocumentError
from healer.seams import SystemClock
from healer.settings import Settings, default_settings, load_settings
from healer.settings.client import DEFAULT_URL, client_settings
from healer.times import Micros, from_datetime

LOOKED_AT = 1_000
"""Alerts that are looked through for those without a node."""
NAMED = 5
"""Names of alerts without a node that are told."""
_MARKS = {"wrong": ("x", "red"), "note": ("-", "yellow"), "good": ("+", "green")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="look at this configuration too, and ask where it listens"
    )
    connection.add_arguments(parser)


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    settings: Settings | None = None
    findings: list[Finding] = []
    if arguments.config is not None:
        settings, findings = _configuration(arguments.config)
        said = arguments.url or client_settings().url
        if settings is not None and said == DEFAULT_URL:
            arguments.url = settings.server.url
    link = connection.connect(arguments, output)
    findings = [*_service(link, settings or default_settings()), *findings]
    wrong = sum(finding.level == "wrong" for finding in findings)
    if arguments.json:
        output.json({"items": findings, "total": len(findings), "wrong": wrong})
        return FOUND_WRONG if wrong else 0
    for finding in sorted(findings, key=lambda finding: list(_MARKS).index(finding.level)):
        mark, colour = _MARKS[finding.level]
        output.line(f"{mark} {finding.what}", colour)
        if finding.mend:
            output.line(f"    {finding.mend}")
    output.line()
    if arguments.config is None:
        output.aside("With --config FILE the configuration is looked at too.")
    output.line(f"{counted(wrong, 'thing')} to mend." if wrong else "Nothing to mend.", "bold")
    return FOUND_WRONG if wrong else 0


def _configuration(file: Path) -> tuple[Settings | None, list[Finding]]:
    try:
        settings = load_settings(file)
    except DocumentError as error:
        mend = "`healer check --config FILE` shows all that belongs to it"
        return None, [Finding("wrong", str(problem), mend) for problem in error.problems]
    return settings, [*examine(settings), *_rules(settings)]


def _rules(settings: Settings) -> list[Finding]:
    try:
        compiled = compiled_files([], settings)
    except Failure as missing:
        return [Finding("wrong", str(missing), "healer does not start without them")]
    if compiled.ruleset is None:
        return [Finding("wrong", "the rules have mistakes", "`healer check --config FILE` shows all of them")]
    return list(examine_rules(compiled.ruleset, settings.executors))


def _service(link: Connection, settings: Settings) -> Iterator[Finding]:
    """Findings about what answers at this address. Whoever cannot be asked is a finding, too."""
    try:
        evidence = gather(link, settings.watchdog.alertname, SystemClock().now())
    except NotThere as nobody:
        yield Finding("wrong", str(nobody), "nothing else can be looked at while it does not run")
    except Refused as refused:
        yield Finding("wrong", str(refused), "an account that may read is needed to look at the rest")
    except Failure as strange:
        yield Finding("wrong", str(strange), "is --url right?")
    else:
        yield from judge(evidence)


def gather(link: Connection, watchdog: str, now: Micros) -> Evidence:
    """Ask a healer how it is. Raises Failure."""
    not_ready = ""
    try:
        link.text("/-/ready")
    except Refused as refused:
        if refused.status != 503:
            raise
        not_ready = str(refused).removeprefix("healer says: ")
    apart = from_datetime(parsedate_to_datetime(link.date)) - now if link.date else 0
    numbers = Numbers(link.text("/metrics"))
    if not_ready:
        return Evidence(not_ready, numbers, alerts=1, watchdogs=1, switches=(), refused=(), clock_apart=apart)
    alerts = link.get("/api/v1/alerts", limit=LOOKED_AT)
    names = (name_of(alert["labels"]) for alert in alerts["items"] if alert["node"] is None)
    lost = Counter(name for name in names if name != watchdog)
    paused = link.get("/api/v1/pause")
    matcher = f"alertname={msgspec.json.encode(watchdog).decode()}"
    agents = link.get("/api/v1/agents")["items"] if numbers.each("healer_agents") else None
    return Evidence(
        not_ready="",
        numbers=numbers,
        alerts=alerts["total"],
        watchdogs=link.get("/api/v1/alerts", limit=1, filter=matcher)["total"],
        switches=paused["items"],
        halted=paused["file"] or "",
        refused=link.get("/api/v1/refused", limit=1)["items"],
        clock_apart=apart,
        owner=link.get("/api/v1/owner"),
        unplaced=[name for name, _ in lost.most_common(NAMED)],
        agents=agents,
    )
