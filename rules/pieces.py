"""One rule or test at a time: compiled from its own text, and compiled once, wherever in its file it stands.

A piece depends on its text, its path and what it may refer to, and on nothing else of its file: its spans count from
its own beginning, and its lines move with it. `rules.compiling` asks for every rule and test of a set; what was
compiled before, in this process or, through `rules.kept`, in another, is not compiled again.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from rules.clauses import compile_rule
from rules.permissions import Permission
from rules.problems import Note, Report
from rules.reading import Part, read_part
from rules.ruleset import Rule
from rules.steps import Catalogue
from rules.syntax import Span
from rules.trials import Trial
from rules.trying import compile_trial
from rules.world import World

MAX_REMEMBERED: Final = 8_192
"""Pieces that a process remembers; it starts over when there are more."""
_KEY_BYTES: Final = 16


class Piece(msgspec.Struct, frozen=True, array_like=True):
    """A part that was compiled: what it became, None after an error, and what was noted. `line` is where it began."""

    line: int
    name_span: Span
    notes: tuple[Note, ...]
    rule: Rule | None = None
    trial: Trial | None = None

    @property
    def sound(self) -> bool:
        """Whether it became something. What did not is compiled again: its notes may name lines and what else is there."""
        return self.rule is not None or self.trial is not None


class Surroundings(msgspec.Struct, frozen=True):
    """What rules and tests may refer to, and its hash: None where it cannot be hashed, and nothing is remembered."""

    world: World
    catalogue: Catalogue
    digest: bytes | None


def surroundings(world: World, catalogue: Catalogue) -> Surroundings:
    """All that a piece depends on besides its own text, path and permission."""
    return Surroundings(world, catalogue, _digest_of(world, catalogue.actions, catalogue.commands))


class Pieces:
    """The pieces of one set while it is compiled. `before` are those of another process, by key."""

    def __init__(self, around: Surroundings, before: Mapping[bytes, Piece]) -> None:
        self.found: dict[bytes, Piece] = {}
        """Those that are sound, by key."""
        self._around = around
        self._before = before

    def of(self, parts: Sequence[Part], report: Report, permission: Permission | None) -> list[Piece]:
        """A piece for each part of one file."""
        prefix = _digest_of(self._around.digest, permission, report.path) if self._around.digest else None
        return [self._piece(part, report, permission, prefix) for part in parts]

    def _piece(self, part: Part, report: Report, permission: Permission | None, prefix: bytes | None) -> Piece:
        line, _ = report.place(part.start)
        key = _key(prefix, part) if prefix else None
        known = (_remembered.get(key) or self._before.get(key)) if key else None
        own = Report(report.path, part.text, line)
        piece = _moved(known, line) if known else self._compile(part.kind, own, permission)
        if key and piece.sound:
            self.found[key] = piece
            _remember(key, piece)
        return piece

    def _compile(self, kind: str, report: Report, permission: Permission | None) -> Piece:
        world, catalogue = self._around.world, self._around.catalogue
        draft = read_part(report)
        rule = trial = None
        if kind == "test":
            trial = compile_trial(draft, report, catalogue.actions, world.metrics, world.broken)
        else:
            rule = compile_rule(draft, report, world, catalogue, permission)
        return Piece(report.first_line, draft.name_span, tuple(report.notes), rule, trial)


_remembered: dict[bytes, Piece] = {}


def _remember(key: bytes, piece: Piece) -> None:
    if len(_remembered) >= MAX_REMEMBERED and key not in _remembered:
        _remembered.clear()
    _remembered[key] = piece


def _moved(piece: Piece, line: int) -> Piece:
    """The piece where its part begins on that line."""
    down = line - piece.line
    if not down:
        return piece
    rule, trial = piece.rule, piece.trial
    if rule is not None:
        rule = msgspec.structs.replace(rule, line=rule.line + down)
    if trial is not None:
        expects = tuple(msgspec.structs.replace(one, line=one.line + down) for one in trial.expects)
        trial = msgspec.structs.replace(trial, line=trial.line + down, expects=expects)
    return Piece(line, piece.name_span, piece.notes, rule, trial)


_encoder = msgspec.msgpack.Encoder(order="sorted")


def _digest_of(*values: object) -> bytes | None:
    """None where a value cannot be written, such as a path that is no UTF-8."""
    try:
        return blake2b(_encoder.encode(values), digest_size=_KEY_BYTES).digest()
    except (UnicodeEncodeError, OverflowError):
        return None


def _key(prefix: bytes, part: Part) -> bytes:
    return blake2b(f"{part.kind}\0{part.text}".encode(), digest_size=_KEY_BYTES, key=prefix).digest()
