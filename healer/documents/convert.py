"""Gives a document its type: every mistake found at once, each with its place and what would be right.

The types are msgspec's (Structs and the standard ones) and those of `healer.documents.fields`. Called by
`healer.settings` and by the sources of the topology.
"""

import difflib
import math
import operator
from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from healer.alerts.matchers import Matchers
from healer.documents.document import Document
from healer.documents.fields import MAX_DURATION, MAX_SIZE, Secret, parse_size, parse_url
from healer.documents.problems import DocumentError, Path, Problem
from healer.documents.references import WRONG, file_path, matchers, secret
from healer.documents.wording import found, unknown, with_keys
from healer.times import parse_duration

T = TypeVar("T")
Hook = Callable[["Converter", Any, Path], Any]
"""Reads one value of a type of its own. Complains by `converter.complain(path, message)`, which returns WRONG."""

MAX_INT = (1 << 63) - 1
"""What a store's integer holds."""

_EXAMPLES = {
    "duration": "a duration such as 30s",
    "size": "a size such as 64MiB",
    "url": "a URL such as http://127.0.0.1:9090",
}
_LIMITS: tuple[tuple[str, str, Callable[[Any, Any], bool]], ...] = (
    ("min_length", "at least", operator.lt),
    ("ge", "at least", operator.lt),
    ("gt", "more than", operator.le),
    ("max_length", "at most", operator.gt),
    ("le", "at most", operator.gt),
    ("lt", "less than", operator.ge),
)
_SAID_BOOL = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}


def convert(
    document: Document, kind: type[T], environ: Mapping[str, str], hooks: Mapping[Any, Hook] | None = None
) -> T:
    """The document as a value of `kind`. Relative paths are relative to its file. Raises DocumentError."""
    converter = Converter(document, environ, hooks or {})
    value = converter.read(kind, {} if document.data is None else document.data, ())
    if converter.problems:
        raise DocumentError(converter.problems)
    return value  # type: ignore[no-any-return]  # `read` follows the type it was given


class Converter:
    """Walks a document beside the type it should have. `problems` grows as it goes."""

    def __init__(self, document: Document, environ: Mapping[str, str], hooks: Mapping[Any, Hook]) -> None:
        self.problems: list[Problem] = []
        self.environ = environ
        self.directory = FilePath(document.file).parent
        self._document = document
        self._hooks: dict[Any, Hook] = {Secret: secret, FilePath: file_path, Matchers: matchers, **hooks}

    def read(self, kind: Any, value: Any, path: Path) -> Any:
        """The value as a `kind` (any type), or WRONG."""
        return self._read(inspect.type_info(kind), value, path)

    def complain(self, path: Path, message: str, *, at_key: bool = False) -> Any:
        """Note a mistake. Returns WRONG, so that a hook may return the complaint."""
        self.problems.append(self._document.problem(path, message, at_key=at_key))
        return WRONG

    def _read(self, info: inspect.Type, value: Any, path: Path) -> Any:
        hook = self._hooks.get(getattr(info, "cls", None))
        if hook is not None:
            return hook(self, value, path)
        match info:
            case inspect.Metadata(type=inner, extra=extra):
                written = (extra or {}).get("written")
                return self._read(inner, value, path) if written is None else self._written(written, value, path)
            case inspect.StructType():
                return self._struct(info, value, path)
            case inspect.UnionType():
                return self._union(info, value, path)
            case inspect.DictType():
                return self._mapping(info, value, path)
            case inspect.ListType(item_type=item) | inspect.SetType(item_type=item):
                items = self._items(item, value, path)
                return items if items is WRONG or isinstance(info, inspect.ListType) else set(items)
            case inspect.VarTupleType(item_type=item) | inspect.FrozenSetType(item_type=item):
                items = self._items(item, value, path)
                return (
                    items if items is WRONG else (tuple if isinstance(info, inspect.VarTupleType) else frozenset)(items)
                )
            case inspect.AnyType():
                return value
            case _:
                return self._plain(info, value, path)

    def _struct(self, info: inspect.StructType, value: Any, path: Path) -> Any:
        short: tuple[str, ...] = getattr(info.cls, "short", ())
        in_short = bool(short) and not isinstance(value, dict)
        if in_short:
            value = dict.fromkeys(short, value)
        if not isinstance(value, dict):
            return self.complain(path, f"expected a mapping{with_keys(info)}, found {found(value)}")
        read: dict[str, Any] = {}
        names = [field.encode_name for field in info.fields]
        for key in value:
            if key not in names:
                self.complain((*path, key), unknown(key, names), at_key=True)
        for field in info.fields:
            if field.encode_name in value:
                at = path if in_short else (*path, field.encode_name)
                read[field.name] = self._field(field, value[field.encode_name], at)
            elif field.required:
                read[field.name] = self.complain(path, f"the key {field.encode_name!r} is missing")
        if any(one is WRONG for one in read.values()):
            return WRONG
        try:
            return info.cls(**read)
        except ValueError as error:
            return self._refused(path, error)

    def _field(self, field: inspect.Field, value: Any, path: Path) -> Any:
        if value is None and not field.required and not _takes_none(field.type):
            return self._default(field)  # `auth:` with nothing below it is as if it were left out
        return self._read(field.type, value, path)

    @staticmethod
    def _default(field: inspect.Field) -> Any:
        if field.default_factory is not msgspec.NODEFAULT:
            return field.default_factory()
        return field.default

    def _refused(self, path: Path, error: ValueError) -> Any:
        """A Struct refused its values: `ValueError(message)`, or `ValueError(message, key)` to name one of them."""
        message, *rest = error.args
        return self.complain((*path, *rest), str(message))

    def _mapping(self, info: inspect.DictType, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return self.complain(path, f"expected a mapping, found {found(value)}")
        read = {}
        for key, one in value.items():
            name = self._plain(info.key_type, key, (*path, key), at_key=True)
            read[name] = self._read(info.value_type, one, (*path, key))
        return WRONG if any(name is WRONG or one is WRONG for name, one in read.items()) else read

    def _items(self, item: inspect.Type, value: Any, path: Path) -> Any:
        if not isinstance(value, list):
            return self.complain(path, f"expected a list, found {found(value)}")
        read = [self._read(item, one, (*path, index)) for index, one in enumerate(value)]
        return WRONG if any(one is WRONG for one in read) else read

    def _union(self, info: inspect.UnionType, value: Any, path: Path) -> Any:
        """The first alternative that takes the value; if none does, the complaints of the one that fits its shape."""
        if value is None and _takes_none(info):
            return None
        others = [one for one in info.types if not isinstance(one, inspect.NoneType)]
        before = self.problems
        complaints: list[list[Problem]] = []
        for one in sorted(others, key=lambda other: not _fits(other, value)):
            self.problems = []
            read = self._read(one, value, path)
            if read is not WRONG:
                self.problems = before
                return read
            complaints.append(self.problems)
        self.problems = before + complaints[0]
        return WRONG

    def _written(self, written: str, value: Any, path: Path) -> Any:
        if written == "path":
            file = file_path(self, value, path)
            return file if file is WRONG else str(file)
        if written == "secret or text":
            return Secret(value, "text") if isinstance(value, str) and value else secret(self, value, path)
        try:
            if written == "url" and isinstance(value, str):
                return parse_url(value)
            if written == "duration":
                if isinstance(value, int | float) and not isinstance(value, bool) and value:
                    return self.complain(
                        path, f"expected a duration, found the number {value}: add a unit, as in {value}s"
                    )
                if isinstance(value, str | int) and not isinstance(value, bool):
                    return self._at_most(MAX_DURATION, "36500d", parse_duration(str(value)), path)
            elif written == "size" and isinstance(value, str | int) and not isinstance(value, bool):
                return self._at_most(MAX_SIZE, "1048576GiB", parse_size(str(value)), path)
        except ValueError as error:
            return self.complain(path, str(error))
        return self.complain(path, f"expected {_EXAMPLES[written]}, found {found(value)}")

    def _at_most(self, limit: int, said: str, value: int, path: Path) -> Any:
        return value if value <= limit else self.complain(path, f"expected at most {said}")

    def _plain(self, info: inspect.Type, value: Any, path: Path, *, at_key: bool = False) -> Any:
        match info:
            case inspect.LiteralType(values=values) if value not in values or isinstance(value, bool):
                near = difflib.get_close_matches(str(value), map(str, values), 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                expected = " or ".join((", ".join(map(str, values[:-1])), str(values[-1]))) if values[1:] else values[0]
                return self.complain(path, f"expected {expected}, found {found(value)}{hint}", at_key=at_key)
            case inspect.LiteralType():
                return value
            case inspect.StrType() if not isinstance(value, str):
                hint = "" if isinstance(value, list | dict | None) else ": write it in quotes"
                return self.complain(path, f"expected text, found {found(value)}{hint}", at_key=at_key)
            case inspect.BoolType() if not isinstance(value, bool):
                right = _SAID_BOOL.get(str(value).lower())
                hint = f": write {right}" if right else ""
                return self.complain(path, f"expected true or false, found {found(value)}{hint}")
            case inspect.IntType() if isinstance(value, bool) or not isinstance(value, int):
                return self.complain(path, f"expected a whole number, found {found(value)}")
            case inspect.IntType() if abs(value) > MAX_INT:
                return self.complain(path, f"expected a number within 64 bits, found {found(value)}")
            case inspect.FloatType() if isinstance(value, bool) or not isinstance(value, int | float):
                return self.complain(path, f"expected a number, found {found(value)}")
            case inspect.FloatType() if not math.isfinite(value):
                return self.complain(path, f"expected a finite number, found {value}")
            case inspect.IntType() | inspect.FloatType() | inspect.StrType() | inspect.BoolType():
                return self._bounded(info, value, path, at_key=at_key)
            case _:
                raise TypeError(f"settings cannot be of type {info}: see healer.documents.fields")

    def _bounded(self, info: Any, value: Any, path: Path, *, at_key: bool) -> Any:
        """Numbers and texts within the limits that their field declares."""
        size, unit = (len(value), " characters") if isinstance(value, str) else (value, "")
        for name, words, breaks in _LIMITS:
            limit = getattr(info, name, None)
            if limit is not None and breaks(size, limit):
                return self.complain(path, f"expected {words} {limit}{unit}, found {found(value)}", at_key=at_key)
        return float(value) if isinstance(info, inspect.FloatType) else value


def _takes_none(info: inspect.Type) -> bool:
    return isinstance(info, inspect.NoneType | inspect.AnyType) or (
        isinstance(info, inspect.UnionType) and any(isinstance(one, inspect.NoneType) for one in info.types)
    )


def _fits(info: inspect.Type, value: Any) -> bool:
    """Has the value the shape of this alternative?"""
    inner = info.type if isinstance(info, inspect.Metadata) else info
    if isinstance(value, dict):
        return isinstance(inner, inspect.StructType | inspect.DictType) or (
            isinstance(inner, inspect.CustomType) and inner.cls is Secret
        )
    if isinstance(value, list):
        return isinstance(inner, inspect.CollectionType)
    return not isinstance(inner, inspect.StructType | inspect.DictType | inspect.CollectionType)
