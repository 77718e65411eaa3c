"""What of a compiled set is kept for other processes, and when may it be taken? Called by `rules.compiling`.

One entry for one list of files under the same conditions, written over when they change: the whole set, taken where
no file changed, and its pieces, each taken where its own text did not. Entries are msgpack of frozen structs, read by
their types; one of another version of healer, of Python or of what it is built with is never found.
"""

import sys
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import msgspec

from rules.actions import Action, Command, Metric
from rules.pieces import Piece
from rules.problems import Problem, Source
from rules.ruleset import RuleSet
from rules.shelf import Shelf, shelf

_CODE: Final = (".py", ".pyc", ".lark", ".heal")
_BUILT_WITH: Final = ("google-re2", "lark", "msgspec")


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """A set as it is written. `content` is the hash of its files; `rules` and `tests` are numbers of pieces, in order."""

    content: bytes
    pieces: dict[bytes, Piece]
    rules: tuple[int, ...] = ()
    tests: tuple[int, ...] = ()
    actions: dict[str, Action] = {}
    metrics: dict[str, Metric] = {}
    commands: dict[str, Command] = {}
    problems: tuple[Problem, ...] = ()
    version: str = ""
    """That of the set; "" where it does not compile, and only its pieces are kept."""


def kept_for(sources: Sequence[Source], conditions: object) -> "Entry | None":
    """Where these files are kept under these conditions; None where this process keeps nothing, or cannot name it."""
    folder = shelf()
    if folder is None:
        return None
    try:
        named = _encode_in_order(([source.path for source in sources], conditions))
    except (UnicodeEncodeError, OverflowError):
        return None
    content = _hash(*(part for source in sources for part in _told_apart(source.text)))
    return Entry(folder, _hash(fingerprint(), named).hex(), content)


class Entry:
    """The place on a shelf for one list of files under the same conditions. `content` is the hash of what they say."""

    def __init__(self, folder: Shelf, name: str, content: bytes) -> None:
        self._folder = folder
        self._name = name
        self._content = content

    def read(self) -> Kept | None:
        """What was kept here, of these files or of what they were before."""
        body = self._folder.read(self._name)
        try:
            return _decoder.decode(body) if body is not None else None
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None

    def is_of_now(self, kept: Kept) -> bool:
        """Whether it is the whole set, of the very same files."""
        return kept.content == self._content and kept.version != ""

    def write(self, pieces: dict[bytes, Piece], ruleset: RuleSet | None, problems: tuple[Problem, ...]) -> None:
        """Keep the set, or, where it does not compile, the pieces that do."""
        numbers = {id(piece.rule or piece.trial): number for number, piece in enumerate(pieces.values())}
        kept = Kept(self._content, pieces)
        try:
            if ruleset is not None:
                kept = Kept(
                    self._content,
                    pieces,
                    tuple(numbers[id(rule)] for rule in ruleset.rules),
                    tuple(numbers[id(trial)] for trial in ruleset.tests),
                    dict(ruleset.actions),
                    dict(ruleset.metrics),
                    dict(ruleset.commands),
                    problems,
                    ruleset.version,
                )
            body = _encode(kept)
        except (KeyError, UnicodeEncodeError, OverflowError):
            return  # a path or a number that msgpack does not know: it is compiled again each time
        self._folder.write(self._name, body)


def ruleset_of(kept: Kept) -> RuleSet | None:
    """The set that was kept; None where its parts do not fit together."""
    pieces = tuple(kept.pieces.values())
    try:
        rules = [pieces[number].rule for number in kept.rules]
        tests = [pieces[number].trial for number in kept.tests]
    except IndexError:
        return None
    known, tried = [rule for rule in rules if rule], [trial for trial in tests if trial]
    if (len(known), len(tried)) != (len(rules), len(tests)):
        return None
    return RuleSet(known, kept.actions, kept.metrics, kept.commands, kept.version, tried)


@cache
def fingerprint() -> bytes:
    """A hash of all that decides what a text compiles to: this package as it is installed, and what it is built with.

    Taken once a process, best at its start: a package that is replaced beneath a running process is not what it runs.
    """
    code = [part for name, body in sorted(_code_of(files("rules"))) for part in (name.encode(), body)]
    return _hash(*code, sys.version.encode(), *(_version(name).encode() for name in _BUILT_WITH))


def _code_of(folder: Traversable, below: str = "") -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            found += _code_of(entry, f"{below}{entry.name}/")
        elif entry.name.endswith(_CODE):
            found.append((below + entry.name, entry.read_bytes()))
    return found


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _told_apart(text: str | bytes) -> tuple[bytes, bytes]:
    return (b"b", text) if isinstance(text, bytes) else (b"s", text.encode("utf-8", "surrogatepass"))


def _hash(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=32)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


_encode = msgspec.msgpack.Encoder().encode
_encode_in_order = msgspec.msgpack.Encoder(order="sorted").encode
"""For a name: sets and mappings in whatever order come out the same."""


_decoder = msgspec.msgpack.Decoder(Kept)
