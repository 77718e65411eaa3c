"""Reads YAML with the place of every value, so that any later complaint can point at a line.

PyYAML's events are composed here rather than by its own composer, because limits have to hold while reading: an alias
counts as all that it stands for, and deep nesting ends before the stack does. Called by `healer.settings` and the file
source of the topology.
"""

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

import msgspec
import yaml

from healer.documents.problems import DocumentError, Path, Problem, dotted
from healer.documents.scalars import resolve

MAX_BYTES = 64 << 20
"""Bytes of one document."""
MAX_VALUES = 2_000_000
"""Values of one document, each alias counted as all that it stands for."""
MAX_DEPTH = 64
"""How deep lists and mappings may be nested."""

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_TAG = "tag:yaml.org,2002:"
_Mark = tuple[int, int]


class Document(msgspec.Struct, frozen=True):
    """What a text says, as plain values (`data`), and where it says so.

    `values` and `keys` give line and column (from 1) by the way to a value; inside an alias, of what it stands for.
    """

    file: str
    data: Any
    values: dict[Path, _Mark]
    keys: dict[Path, _Mark]

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        """A complaint about the value (or the key) at `path`; about what is nearest above it where that is missing."""
        line, column = self.mark(path, at_key=at_key)
        return Problem(self.file, line, column, dotted(path), message)

    def mark(self, path: Path, *, at_key: bool = False) -> _Mark:
        if at_key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, (0, 0))


def load_document(file: FilePath) -> Document:
    """Read a YAML file (JSON is YAML too). Raises DocumentError, also when the file cannot be read."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentError([Problem(str(file), 0, 0, "", f"cannot be read: {error.strerror}")]) from None
    return parse_document(raw, str(file))


def parse_document(raw: bytes | str, file: str) -> Document:
    """Read one YAML document; `file` is its name in problems. An empty one is `None`. Raises DocumentError."""
    if len(raw) > MAX_BYTES:
        raise DocumentError([Problem(file, 0, 0, "", f"larger than {MAX_BYTES >> 20} MiB, which is the limit")])
    composer = _Composer(file)
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
        composer.read(yaml.parse(text, Loader=_LOADER))
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}: save the file as UTF-8"
        raise DocumentError([Problem(file, 0, 0, "", message)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise DocumentError([*composer.problems, Problem(file, line, column, "", f"not YAML: {said}")]) from None
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise DocumentError([*composer.problems, Problem(file, 0, 0, "", f"not YAML: {said}")]) from None
    except _LimitReached as error:
        raise DocumentError([*composer.problems, error.problem]) from None
    if composer.problems:
        raise DocumentError(composer.problems)
    return Document(file, composer.top, composer.values, composer.keys)


class _LimitReached(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Open(msgspec.Struct):
    """A list or mapping that is being read. `key` is the key whose value comes next."""

    path: Path
    value: Any
    first: int
    anchor: str | None
    key: str | None = None
    wants_key: bool = False
    index: int = 0


class _Anchored(msgspec.Struct, frozen=True):
    value: Any
    size: int


class _Composer:
    """Turns events into plain values and marks."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.top: Any = None
        self.values: dict[Path, _Mark] = {}
        self.keys: dict[Path, _Mark] = {}
        self.problems: list[Problem] = []
        self._anchors: dict[str, _Anchored] = {}
        self._open: list[_Open] = []
        self._documents = 0
        self._count = 0

    def read(self, events: Iterator[yaml.Event]) -> None:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    self._complain(event, "a second document begins here: one file, one document")
                    return
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
                self._end()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)

    def _scalar(self, event: Any) -> None:
        plain = event.style is None or event.style == ""
        known_tag = event.tag in (None, "!", _TAG + "str")
        if not known_tag:
            self._complain(event, f"the tag {event.tag} is not understood: leave it out")
        parent = self._open[-1] if self._open else None
        if parent is not None and parent.wants_key:
            self._key(parent, event, plain=plain)
            return
        value = resolve(event.value) if plain and event.tag is None else event.value
        path = self._place(event, 1)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, 1)
        self._put(path, value)

    def _key(self, parent: _Open, event: Any, *, plain: bool) -> None:
        name = event.value
        path = (*parent.path, name)
        if plain and name == "<<":
            self._complain(event, "merge keys are not part of YAML 1.2: write the keys out")
        if path in self.keys:
            line, column = self.keys[path]
            here = _mark(event)
            message = f"this key was given before, at line {line} column {column}: keep one of them"
            self.problems.append(Problem(self.file, *here, dotted(path), message))
        self.keys.setdefault(path, _mark(event))
        parent.key, parent.wants_key = name, False

    def _begin(self, event: Any) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if self._open and self._open[-1].wants_key:
            self._complain(event, "a key has to be text")
            raise _LimitReached(self.problems.pop())
        if event.tag is not None and not event.tag.startswith(_TAG):
            self._complain(event, f"the tag {event.tag} is not understood: leave it out")
        path = self._place(event, 1)
        if len(self._open) >= MAX_DEPTH:
            raise _LimitReached(self._problem(event, f"nested deeper than {MAX_DEPTH}, which is the limit"))
        value: Any = {} if is_mapping else []
        self._put(path, value, ends=False)
        self._open.append(_Open(path, value, self._count - 1, event.anchor, wants_key=is_mapping))

    def _end(self) -> None:
        done = self._open.pop()
        if done.anchor:
            self._anchors[done.anchor] = _Anchored(done.value, self._count - done.first)
        self._ended()

    def _alias(self, event: Any) -> None:
        if self._open and self._open[-1].wants_key:
            self._complain(event, "a key has to be text, not an alias")
            raise _LimitReached(self.problems.pop())
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            within = any(one.anchor == event.anchor for one in self._open)
            problem = "stands for something that contains it" if within else "stands for nothing that was read before"
            raise _LimitReached(self._problem(event, f"the alias *{event.anchor} {problem}"))
        path = self._place(event, anchored.size)
        self._put(path, anchored.value)

    def _place(self, event: Any, size: int) -> Path:
        """Count `size` values, and say where the next value goes."""
        self._count += size
        if self._count > MAX_VALUES:
            raise _LimitReached(self._problem(event, f"more than {MAX_VALUES} values, which is the limit"))
        path: Path = ()
        if self._open:
            parent = self._open[-1]
            path = (*parent.path, parent.index if parent.key is None else parent.key)
        self.values.setdefault(path, _mark(event))
        return path

    def _put(self, path: Path, value: Any, *, ends: bool = True) -> None:
        if not self._open:
            self.top = value
            return
        parent = self._open[-1]
        if parent.key is None:
            parent.value.append(value)
        else:
            parent.value.setdefault(path[-1], value)
        if ends:
            self._ended()

    def _ended(self) -> None:
        if not self._open:
            return
        parent = self._open[-1]
        if parent.key is None:
            parent.index += 1
        else:
            parent.key, parent.wants_key = None, True

    def _complain(self, event: Any, message: str) -> None:
        self.problems.append(self._problem(event, message))

    def _problem(self, event: Any, message: str) -> Problem:
        path = self._open[-1].path if self._open else ()
        return Problem(self.file, *_mark(event), dotted(path), message)


def _mark(event: Any) -> _Mark:
    return event.start_mark.line + 1, event.start_mark.column + 1
