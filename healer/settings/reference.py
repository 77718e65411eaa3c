"""The table of all settings with their types, defaults and reasons, made from the Structs that declare them.

`python -m healer.settings.reference docs/configuration.md` writes it into the page; a test holds the page to it.
"""

import ast
import inspect as source
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from healer.alerts.matchers import Matchers
from healer.documents.fields import Secret, format_size
from healer.notification.settings import Channel
from healer.settings.model import Settings
from healer.times import format_duration
from notifiers import CHANNELS
from notifiers.secret import Secret as ChannelSecret

BEGIN = "<!-- settings: written by `python -m healer.settings.reference docs/configuration.md` -->"
END = "<!-- end of settings -->"

_NAMES = {Secret: "secret", ChannelSecret: "secret", Matchers: "matchers", Path: "path"}
_WRITTEN = {"secret or text": "secret, or text"}
_HEAD = "| key | type | default | meaning |\n| --- | --- | --- | --- |\n"


def markdown() -> str:
    """One table for each part of the settings, and one for each type of channel."""
    parts = []
    for field in _info(Settings).fields:
        doc = docs(Settings)[field.name]
        rows = list(_rows(field, field.encode_name, Settings))
        parts.append(f"### {field.encode_name}\n\n{doc}\n\n{_HEAD}{''.join(rows)}")
    for name, channel in sorted(CHANNELS.items()):
        rows = [
            row for field in _info(channel.config).fields for row in _rows(field, field.encode_name, channel.config)
        ]
        doc = source.cleandoc(channel.config.__doc__ or "")
        parts.append(f"### A channel of type {name}\n\n{doc}\n\n{_HEAD}{''.join(rows)}")
    return "\n".join(parts)


def rewritten(page: str) -> str:
    """The page with today's tables between its markers. Raises ValueError when it has no markers."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{markdown()}\n{END}{after}"


@cache
def docs(kind: type) -> dict[str, str]:
    """The docstring below each field of a Struct, in one line."""
    tree = ast.parse(textwrap.dedent(source.getsource(kind)))
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    found = {}
    for line, below in pairwise(body):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else None
            if isinstance(text, str):
                found[line.target.id] = " ".join(text.split())
    return found


def _rows(field: inspect.Field, key: str, owner: type) -> Iterator[str]:
    inner, suffix = _inner(field.type)
    if inner is None:
        yield _row(key, field, owner, _type(field.type))
        return
    short = getattr(inner.cls, "short", ())
    if suffix or short or not _is_part(field):
        plain = f", or a plain value for {' and '.join(f'`{name}`' for name in short)}" if short else ""
        yield _row(
            key, field, owner, {"": "mapping", "[]": "list of mappings", ".NAME": "mappings by name"}[suffix] + plain
        )
    for below in inner.fields:
        if not (inner.cls is Channel and below.name == "config"):
            yield from _rows(below, f"{key}{suffix}.{below.encode_name}", inner.cls)


def _row(key: str, field: inspect.Field, owner: type, kind: str) -> str:
    default = "" if _inner(field.type)[0] is not None and not field.required else _default(field)
    cells = (f"`{key}`", kind, default, docs(owner).get(field.name, ""))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _inner(info: inspect.Type) -> tuple[inspect.StructType | None, str]:
    """The Struct that a field holds, and how its keys are reached: "", `[]` for a list, `.NAME` for a mapping."""
    match info:
        case inspect.StructType():
            return info, ""
        case inspect.VarTupleType(item_type=inspect.StructType() as item):
            return item, "[]"
        case inspect.DictType(value_type=inspect.StructType() as item):
            return item, ".NAME"
        case inspect.UnionType(types=types):
            others = [one for one in types if not isinstance(one, inspect.NoneType)]
            return _inner(others[0]) if len(others) == 1 else (None, "")
    return None, ""


def _is_part(field: inspect.Field) -> bool:
    """Is it always there, so that only what is in it needs a row?"""
    return isinstance(field.type, inspect.StructType) and not field.required


def _type(info: inspect.Type) -> str:
    match info:
        case inspect.Metadata(type=inner, extra=extra):
            written = (extra or {}).get("written")
            return _WRITTEN.get(written, written) if written else _type(inner)
        case inspect.UnionType(types=types):
            return " or ".join(_type(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case inspect.DictType(value_type=inspect.AnyType()):
            return "mapping"
        case inspect.DictType(value_type=inspect.DictType()):
            return "mappings by name"
        case inspect.DictType(value_type=value):
            return f"{_type(value)} by name"
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return f"list of {_type(item)}"
        case inspect.CustomType(cls=cls):
            return _NAMES[cls]
    return {"StrType": "text", "IntType": "whole number", "FloatType": "number", "BoolType": "true or false"}[
        type(info).__name__
    ]


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return _shown(default, field.type)


def _shown(value: Any, info: inspect.Type) -> str:
    written = (info.extra or {}).get("written") if isinstance(info, inspect.Metadata) else None
    if value is None:
        return ""
    if written == "duration":
        return f"`{format_duration(value)}`"
    if written == "size":
        return f"`{format_size(value)}`"
    if isinstance(value, Matchers):
        return ", ".join(f"`{one}`" for one in value)
    if isinstance(value, dict):
        return ", ".join(f"`{name}: {one}`" for name, one in value.items())
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else ""


def _info(kind: type) -> inspect.StructType:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return info


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(rewritten(page.read_text("utf-8")), "utf-8")
