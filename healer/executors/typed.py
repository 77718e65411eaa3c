"""A call by name with typed parameters, written as an argv: orders, intents and the audit log have one form for all executors."""

from collections.abc import Iterable

import msgspec

Value = str | float | int | bool

_value = msgspec.json.Decoder(Value)


class Unreadable(Exception):
    """An argv that `written` did not make."""


class Call(msgspec.Struct, frozen=True):
    """What to call, with what. Durations are microseconds."""

    name: str
    given: dict[str, Value]


def written(name: str, parameters: Iterable[tuple[str, Value]]) -> tuple[str, ...]:
    """`scale`, `replicas=3`: each value as JSON, so that its type comes back and no text can end it."""
    return (name, *(f"{key}={msgspec.json.encode(value).decode()}" for key, value in parameters))


def read(argv: tuple[str, ...]) -> Call:
    """The call again. Raises Unreadable."""
    given: dict[str, Value] = {}
    if not argv:
        raise Unreadable("nothing is to be called")
    for part in argv[1:]:
        key, mark, text = part.partition("=")
        try:
            given[key] = _value.decode(text)
        except msgspec.MsgspecError as error:
            raise Unreadable(f"the parameter {part[:80]!r} of {argv[0]} cannot be read") from error
        if not mark:
            raise Unreadable(f"{part[:80]!r} is no parameter")
    return Call(argv[0], given)
