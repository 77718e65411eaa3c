"""Rule files in, a set of rules out, or every problem of every file in one go.

A rule is compiled against what all files together define; what ships in `rules/packs/` is there first, and a
definition of one's own with the same name wins. The service calls `compile_files` at start and at each reload.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

import msgspec

from rules.actions import Action, Command, Metric
from rules.conflicts import refuse_opposing, warn_of_ties
from rules.definitions import check_partners, compile_action, compile_command, compile_metric, version_of
from rules.kept import kept_for, ruleset_of
from rules.names import DEFAULT_SEVERITIES, FEATURES
from rules.permissions import Permission, permission_for
from rules.pieces import Piece, Pieces, surroundings
from rules.problems import Problem, Report, Source
from rules.reading import Draft, Part, decode, take_apart
from rules.ruleset import Rule, RuleSet
from rules.steps import Catalogue
from rules.trials import Trial
from rules.trying import warn_of_dead_trials
from rules.world import World

ALWAYS: Final = ("metrics", "actions")
"""The packs without rules, which every set of rules can refer to."""
SHIPPED: Final = "packs/"
_NAMED: Final = re.compile(r'(metric|action|command)\s+(?:"([^"\n]*)"|(\w+))', re.IGNORECASE)


class Compiled(msgspec.Struct, frozen=True):
    """The rule set, or None when there is any error; and all problems, warnings included, in the order of the files."""

    ruleset: RuleSet | None
    problems: tuple[Problem, ...]


class _File(msgspec.Struct, frozen=True):
    """A file taken apart: its definitions for rules to refer to, and its rules and tests."""

    report: Report
    drafts: list[Draft]
    parts: list[Part]
    shipped: bool


class _Defined(msgspec.Struct, frozen=True):
    """What packs define for rules to refer to, and what was said of them while they were compiled."""

    metrics: dict[str, Metric]
    commands: dict[str, Command]
    actions: dict[str, Action]
    problems: dict[str, tuple[Problem, ...]]


def pack_names() -> tuple[str, ...]:
    """The packs of rules that ship with healer."""
    found = (entry.name for entry in files("rules").joinpath("packs").iterdir())
    return tuple(
        sorted(name.removesuffix(".heal") for name in found if name.endswith(".heal") and name[:-5] not in ALWAYS)
    )


def path_of_pack(name: str) -> str:
    """Where problems, rules and tests of a pack say that they stand."""
    return f"{SHIPPED}{name}.heal"


def is_shipped(path: str) -> bool:
    """Whether a rule or a test of this path comes with healer."""
    return path.startswith(SHIPPED)


def compile_files(
    sources: Sequence[Source],
    *,
    packs: bool | Collection[str] = True,
    kinds: frozenset[str] | None = None,
    channels: Collection[str] | None = None,
    calendars: Collection[str] | None = None,
    severities: Sequence[str] = DEFAULT_SEVERITIES,
    permissions: Sequence[Permission] = (),
    lacks: Collection[str] = (),
) -> Compiled:
    """Compile rule files together; the same files under the same conditions are compiled once a process, or once for
    all processes that keep them in the same folder (`rules.keep_in`).

    `packs` names the shipped packs of rules (True: all; ValueError for an unknown one); the shipped metrics and actions
    are always there. `kinds` are the kinds of node that exist, `channels` the ways to reach people, `calendars` those
    that `except` may name (None: any word may be one); `severities` from least to most severe. `permissions` say what
    the rules of a folder may do; `lacks` are the features (`rules.names.FEATURES`) that this installation refuses.
    """
    assert set(lacks) <= FEATURES, set(lacks) - FEATURES
    under = _Conditions(
        pack_names() if packs is True else tuple(packs or ()),
        kinds,
        None if channels is None else tuple(channels),
        None if calendars is None else tuple(calendars),
        tuple(severities),
        tuple(permissions),
        frozenset(lacks),
    )
    return _compile(tuple(sources), under)


class _Conditions(msgspec.Struct, frozen=True):
    """Under which files are compiled, as `compile_files` says."""

    chosen: tuple[str, ...]
    kinds: frozenset[str] | None
    channels: tuple[str, ...] | None
    calendars: tuple[str, ...] | None
    severities: tuple[str, ...]
    permissions: tuple[Permission, ...]
    lacks: frozenset[str]


@lru_cache(maxsize=4)
def _compile(sources: tuple[Source, ...], under: _Conditions) -> Compiled:
    for name in under.chosen:
        if name not in pack_names():
            raise ValueError(f"there is no pack {name!r}; there are {', '.join(pack_names())}")
    kept = kept_for(sources, under)
    before = kept.read() if kept is not None else None
    if kept is not None and before is not None and kept.is_of_now(before) and (ruleset := ruleset_of(before)):
        return Compiled(ruleset, before.problems)
    compiled, pieces = _compile_anew(sources, under, before.pieces if before is not None else {})
    if kept is not None:
        kept.write(pieces, compiled.ruleset, compiled.problems)
    return compiled


def _compile_anew(
    sources: tuple[Source, ...], under: _Conditions, before: Mapping[bytes, Piece]
) -> tuple[Compiled, dict[bytes, Piece]]:
    """The set and its sound pieces; those that were compiled `before` are not compiled again."""
    names = (*ALWAYS, *under.chosen)
    shipped = _defined(names, under.severities, under.kinds, under.lacks)
    read = [_read_shipped(name) for name in names]
    for file in read:
        file.report.problems.extend(shipped.problems[file.report.path])
    own = [_read(source) for source in sources]
    read += own
    world = World(under.severities, under.kinds, {}, under.channels, under.calendars, under.lacks)
    metrics = {**shipped.metrics, **_metrics(own, world)}
    world = msgspec.structs.replace(world, metrics=metrics)
    commands = _commands(own, shipped.commands)
    actions = _actions(own, world, shipped.actions)
    broken = _broken(own, {"metric": metrics, "command": commands, "action": actions})
    world = msgspec.structs.replace(world, broken=broken)
    check_partners(actions, {file.report.path: file.report for file in own}, broken)
    pieces = Pieces(surroundings(world, Catalogue(actions, commands)), before)
    made = [_pieces(file, pieces, under.permissions) for file in read]
    rules = _rules(read, made)
    trials = _trials(read, made)
    reports = {file.report.path: file.report for file in read}
    # One's own rules come before those that ship, and are asked first; only among themselves a tie is a doubt.
    rules.sort(key=lambda rule: is_shipped(rule.path))
    warn_of_ties([rule for rule in rules if not is_shipped(rule.path)], reports)
    refuse_opposing(rules, reports)
    # What takes the place of a shipped rule need not do what the pack's own tests expect of that.
    mine = {file.report.path for file in own}
    if not any(file.report.errors for file in own):  # a rule with a mistake may be the one that is missed
        warn_of_dead_trials([trial for trial in trials if trial.path in mine], rules, reports)
    problems = tuple(problem for file in read for problem in _sorted(file.report.problems))
    if any(problem.severity == "error" for problem in problems):
        return Compiled(None, problems), pieces.found
    version = version_of(*(file.report.path + "\0" + file.report.text for file in read))
    return Compiled(RuleSet(rules, actions, metrics, commands, version, trials), problems), pieces.found


@lru_cache(maxsize=8)
def _defined(
    names: tuple[str, ...], severities: tuple[str, ...], kinds: frozenset[str] | None, lacks: frozenset[str]
) -> _Defined:
    """The definitions of packs, compiled once a process: nothing of one's own changes what they mean."""
    read = [_read_shipped(name) for name in names]
    world = World(severities, kinds, {}, lacks=lacks)
    metrics, commands, actions = _metrics(read, world), _commands(read, {}), _actions(read, world, {})
    check_partners(actions, {file.report.path: file.report for file in read})
    return _Defined(metrics, commands, actions, {file.report.path: tuple(file.report.problems) for file in read})


@cache
def _shipped(name: str) -> tuple[str, list[Draft], list[Part]]:
    """The text of a pack and its definitions, read once a process."""
    text = files("rules").joinpath("packs", f"{name}.heal").read_text(encoding="utf-8")
    report = Report(path_of_pack(name), text)
    drafts, parts = take_apart(report)
    assert not report.problems, report.problems
    return text, drafts, parts


def _read_shipped(name: str) -> _File:
    text, drafts, parts = _shipped(name)
    return _File(Report(path_of_pack(name), text), drafts, parts, shipped=True)


def _read(source: Source) -> _File:
    report = decode(source.path, source.text)
    drafts, parts = take_apart(report)
    return _File(report, drafts, parts, shipped=False)


def _pieces(file: _File, pieces: Pieces, permissions: Sequence[Permission]) -> list[Piece]:
    """The rules and tests of a file, compiled, and what is wrong with them told to its report."""
    report = file.report
    made = pieces.of(file.parts, report, None if file.shipped else permission_for(permissions, report.path))
    _refuse_crowds(file, made)
    for part, piece in zip(file.parts, made, strict=True):
        report.repeat(piece.notes, part.start)
    return made


def _refuse_crowds(file: _File, made: list[Piece]) -> None:
    spans: dict[str, list[tuple[int, int]]] = {"nameless": [], "rule": [], "test": []}
    for part, piece in zip(file.parts, made, strict=True):
        spans[part.kind].append(_name_span(part, piece))
    nameless = spans["nameless"]
    for span in nameless[1:] + (nameless[:1] if spans["rule"] else []):
        hint = 'give it a name: rule "..."'
        file.report.error("E0107", span, "a file holds one nameless rule, or named ones", hint=hint)


def _name_span(part: Part, piece: Piece) -> tuple[int, int]:
    return piece.name_span[0] + part.start, piece.name_span[1] + part.start


def _metrics(read: Iterable[_File], world: World) -> dict[str, Metric]:
    found: dict[str, Metric] = {}
    for file, draft in _of_kind(read, "metric"):
        metric = compile_metric(draft, file.report, world) if draft.sound else None
        if metric is None:
            continue
        if metric.name in found:
            span = draft.tree.name_span[0] + draft.base, draft.tree.name_span[1] + draft.base
            _refuse_second(file.report, span, "metric", found[metric.name])
        found[metric.name] = metric
    return found


def _commands(read: Iterable[_File], known: Mapping[str, Command]) -> dict[str, Command]:
    found = dict(known)
    for file, draft in _of_kind(read, "command"):
        command = compile_command(draft, file.report) if draft.sound else None
        if command is None:
            continue
        if command.name in found:
            _refuse_second(file.report, draft.name_span, "command", found[command.name])
        found[command.name] = command
    return found


def _actions(read: Iterable[_File], world: World, known: Mapping[str, Action]) -> dict[str, Action]:
    found: dict[str, Action] = {}
    for file, draft in _of_kind(read, "action"):
        action = compile_action(draft, file.report, world)
        if action is None:
            continue
        if action.name in found:
            _refuse_second(file.report, draft.name_span, "action", found[action.name])
        elif action.name in known:
            file.report.warn("W0206", draft.name_span, f"this replaces the shipped action {action.name}")
        found[action.name] = action
    return {**known, **found}


def _trials(read: Sequence[_File], made: Sequence[list[Piece]]) -> list[Trial]:
    found: dict[tuple[str, str], Trial] = {}
    for file, part, piece in _compiled_parts(read, made):
        trial = piece.trial
        if trial is None:
            continue
        if (trial.path, trial.name) in found:
            _refuse_second(file.report, _name_span(part, piece), "test", found[trial.path, trial.name])
        found[trial.path, trial.name] = trial
    return list(found.values())


def _rules(read: Sequence[_File], made: Sequence[list[Piece]]) -> list[Rule]:
    found: dict[str, Rule] = {}
    shipped: set[str] = set()
    for file, part, piece in _compiled_parts(read, made):
        rule = piece.rule
        if rule is None:
            continue
        if rule.name in shipped and not file.shipped:
            shipped.remove(rule.name)
            message = f"this replaces the shipped rule {rule.name!r}"
            file.report.warn("W0206", _name_span(part, piece), message)
        elif rule.name in found:
            _refuse_second(file.report, _name_span(part, piece), "rule", found[rule.name])
        elif file.shipped:
            shipped.add(rule.name)
        found[rule.name] = rule
    return list(found.values())


def _compiled_parts(read: Sequence[_File], made: Sequence[list[Piece]]) -> Iterator[tuple[_File, Part, Piece]]:
    for file, pieces in zip(read, made, strict=True):
        for part, piece in zip(file.parts, pieces, strict=True):
            yield file, part, piece


def _broken(read: Iterable[_File], known: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Definitions that are there and could not be compiled, as `metric x`."""
    found = set()
    for file in read:
        for text in (*(draft.text for draft in file.drafts), *(part.text for part in file.parts)):
            named = _NAMED.match(text)
            if named and (name := named[2] or named[3]) not in known[named[1].lower()]:
                found.add(f"{named[1].lower()} {name}")
    return frozenset(found)


def _of_kind(read: Iterable[_File], kind: str) -> list[tuple[_File, Draft]]:
    return [(file, draft) for file in read for draft in file.drafts if draft.kind == kind]


def _refuse_second(
    report: Report, span: tuple[int, int], what: str, first: Metric | Action | Command | Rule | Trial
) -> None:
    message = f"the {what} {first.name} is defined already, at {first.path}:{first.line}"
    report.error("E0110", span, message)


def _sorted(problems: list[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.line, problem.column, problem.code))
