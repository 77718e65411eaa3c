"""What is wrong with configuration, topology and rules: every mistake of every file at once, each with its place.

healer check --config /etc/healer/healer.yaml    the configuration, its topology files, its rules
healer check rules/ topology.yaml                single files; folders are searched for rules
"""

import argparse
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from healer.accounts.settings import User
from healer.cli import defaults
from healer.cli.asked import unanswered
from healer.cli.compiler import show
from healer.cli.failure import CALLED_WRONG, FOUND_WRONG, Failure
from healer.cli.junit import Case, write_junit
from healer.cli.output import Output
from healer.cli.words import counted
from healer.documents.document import load_document
from healer.documents.problems import DocumentError
from healer.remediation.abilities import LACKS
from healer.settings import Settings, load_settings
from healer.settings.calendars import read_calendar
from healer.settings.permitted import known_kinds, permissions
from healer.topology.doubts import doubts
from healer.topology.graph import Topology
from healer.topology.inspection import Note, notes
from healer.topology.sources.file import read_topology
from rules import Permission, Problem, RuleSet, Source, compile_files, format_problem, health_template, pack_names

TOPOLOGY_KEYS = frozenset({"nodes", "edges", "links"})
"""A YAML file with one of these at its top is a topology; any other is a configuration."""
NOTES_SHOWN = 20
"""Notes about one topology that are printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="check it with all that it refers to")
    parser.add_argument(
        "paths", type=Path, nargs="*", metavar="PATH", help="rules (.heal, folders), topologies, configurations"
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of text")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write a report for CI, too")


def run(arguments: argparse.Namespace, output: Output | None = None) -> int:
    output = output or Output()
    if arguments.config is None and not arguments.paths:
        raise Failure("nothing to check: give --config FILE, or paths", CALLED_WRONG)
    report = Report(output, quiet=arguments.json)
    configs = [arguments.config] if arguments.config is not None else []
    rules, topologies = [], []
    for path in arguments.paths:
        if path.is_dir() or path.suffix == ".heal":
            rules.append(path)
        elif path.suffix == ".json" or _is_topology(path):
            topologies.append(path)
        else:
            configs.append(path)
    for config in configs:
        _check_config(report, config)
    for topology in topologies:
        _check_topology(report, [topology])
    if rules:
        # Alone: which packs stand beside them says a configuration, and ties with others are no news.
        _check_rules(report, rules, ())
    if arguments.json:
        problems = [msgspec.to_builtins(problem) for problem in report.problems]
        output.json(
            {"errors": report.errors, "warnings": report.warnings, "checked": report.checked, "problems": problems}
        )
    else:
        report.finish()
    if arguments.junit is not None:
        wrong = [Case("healer check", error.splitlines()[0], error) for error in report.errors]
        write_junit(arguments.junit, "healer check", [*wrong, *(Case("healer check", good) for good in report.checked)])
    return FOUND_WRONG if report.errors else 0


class Report:
    """What was found, said as it is found."""

    def __init__(self, output: Output, *, quiet: bool) -> None:
        self.output = output
        self.errors: list[str] = []
        self.warnings: list[str] = []
        self.checked: list[str] = []
        self.problems: list[Problem] = []
        """Those of rules, each with its code and its place."""
        self._quiet = quiet

    def error(self, text: str) -> None:
        self.errors.append(text)
        self.say(text, "red")

    def warn(self, text: str) -> None:
        self.warnings.append(text)
        self.say(text, "yellow")

    def good(self, text: str) -> None:
        self.checked.append(text)
        self.say(text)

    def say(self, text: str, style: str = "") -> None:
        if not self._quiet and "\n" in text:
            show(self.output, text, style)
        elif not self._quiet:
            self.output.line(text, style)

    def finish(self) -> None:
        if self.errors:
            also = f" and {counted(len(self.warnings), 'warning')}" if self.warnings else ""
            self.say(
                f"{counted(len(self.errors), 'error')}{also}: nothing of this is used until the errors are mended",
                "bold",
            )
        else:
            also = f", {counted(len(self.warnings), 'warning')}" if self.warnings else ""
            self.say(f"all good{also}", "green")


def _check_config(report: Report, file: Path) -> None:
    try:
        settings = load_settings(file)
    except DocumentError as error:
        for problem in error.problems:
            report.error(str(problem))
        return
    report.good(f"{file}: a good configuration; {_means(settings)}")
    for kind, query in settings.health.items():
        if isinstance(wrong := health_template(query), str):
            report.error(f"{file}: health.{kind}: {wrong}")
    topology = _check_topology(report, settings.topology.files) if settings.topology.files else Topology()
    whole = topology if all(source.file is not None for source in settings.topology.sources) else None
    _say(report, str(file), doubts(settings.topology.nodes, whole))
    # Where the topology cannot be read, any word may be a kind: a rule is not blamed for a mistake elsewhere.
    kinds = known_kinds(settings, topology) if topology is not None else None
    _check_rules(
        report,
        [rule.path for rule in settings.rules.paths],
        settings.rules.packs,
        kinds=kinds,
        channels=settings.recipients,
        calendars=settings.calendars,
        permitted=permissions(settings),
        users=settings.server.auth.users,
    )
    for name, file in settings.calendars.items():
        try:
            entries = len(read_calendar(file))
            report.good(f"{file}: calendar {name}, {entries} entr{'y' if entries == 1 else 'ies'}")
        except DocumentError as error:
            for problem in error.problems:
                report.error(str(problem))


def _means(settings: Settings) -> str:
    """In one line what this configuration makes healer do."""
    told = ", ".join(f"{name} ({channel.type})" for name, channel in settings.channels.items()) or "nobody"
    acts = settings.place != "shadow" and not settings.rules.dry_run
    return f"place {settings.place}, {'repairs' if acts else 'repairs nothing (dry run)'}, tells {told}"


def _check_topology(report: Report, files: Sequence[Path]) -> Topology | None:
    try:
        topology = read_topology(files)
    except DocumentError as error:
        for problem in error.problems:
            report.error(str(problem))
        return None
    named = ", ".join(map(str, files))
    report.good(f"{named}: {counted(len(topology.nodes), 'node')}, {counted(len(topology.edges), 'edge')}")
    _say(report, named, notes(topology))
    return topology


def _say(report: Report, named: str, found: Sequence[Note]) -> None:
    for note in found[:NOTES_SHOWN]:
        report.warn(f"{named}: {note.kind}: {note.text}")
    if len(found) > NOTES_SHOWN:
        report.warn(f"{named}: and {len(found) - NOTES_SHOWN} more such notes")


def _check_rules(
    report: Report,
    paths: Iterable[Path],
    packs: Sequence[str],
    *,
    kinds: frozenset[str] | None = None,
    channels: Collection[str] | None = None,
    calendars: Collection[str] | None = None,
    permitted: Sequence[Permission] = (),
    users: Mapping[str, User] | None = None,
) -> None:
    """Compile them together. `kinds`, `channels`, `calendars` are those of a configuration; None: any word may be one."""
    unknown = [name for name in packs if name not in pack_names()]
    for name in unknown:
        report.error(f"rules.packs: there is no pack {name!r}; there are {', '.join(pack_names())}")
    sources = list(_sources(report, paths))
    compiled = compile_files(
        sources,
        packs=[name for name in packs if name not in unknown],
        kinds=kinds,
        channels=channels,
        calendars=calendars,
        permissions=permitted,
        lacks=LACKS,
    )
    report.problems.extend(compiled.problems)
    for problem in compiled.problems:
        (report.error if problem.severity == "error" else report.warn)(format_problem(problem))
    if compiled.ruleset is not None:
        _rules(report, compiled.ruleset, [source.path for source in sources])
        for sentence in unanswered(compiled.ruleset.rules, users or {}):
            report.warn(sentence)


def _sources(report: Report, paths: Iterable[Path]) -> Iterable[Source]:
    for path in paths:
        found = sorted(path.rglob("*.heal")) if path.is_dir() else [path]
        if not found:
            report.warn(f"{path}: no file here ends in .heal")
        for file in found:
            try:
                yield Source(str(file), file.read_bytes())
            except OSError as error:
                report.error(f"{file}: cannot be read: {error.strerror}")


def _rules(report: Report, ruleset: RuleSet, own: Sequence[str]) -> None:
    """Each file with its rules, and what a rule leaves to the defaults."""
    for path in own:
        rules = [rule for rule in ruleset.rules if rule.path == path]
        tests = sum(trial.path == path for trial in ruleset.tests)
        also = f", {counted(tests, 'test')}" if tests else ""
        report.good(f"{path}: {counted(len(rules), 'rule')}{also}")
        for rule in rules:
            report.say(f"  {rule.name!r}: mode {rule.mode}")
            for line in defaults.of(rule):
                report.say(f"    {line}", "dim")
    shipped = len(ruleset.rules) - sum(rule.path in own for rule in ruleset.rules)
    if shipped:
        report.good(f"{counted(shipped, 'rule')} of the packs")


def _is_topology(path: Path) -> bool:
    try:
        data = load_document(path).data
    except DocumentError:
        return False  # read as a configuration it says what is wrong with it
    return isinstance(data, dict) and bool(TOPOLOGY_KEYS & data.keys())
