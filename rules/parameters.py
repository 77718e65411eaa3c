"""Does this value obey its parameter? Asked when a rule compiles, for what is written out, and again before it runs.

And what does an argv become with such values in it? Each element stays one element, whatever stands in it.
"""

import math
import re
from collections.abc import Mapping, Sequence

import msgspec

from rules.patterns import matches
from rules.units import SECOND, WORDING, Type, format_value

MAX_TEXT_CHARACTERS = 4096
HOLE = re.compile(r"\{(\w+)\}")
"""A parameter in an element of an argv."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of an action: its type, and what a value must obey. Durations are microseconds."""

    name: str
    type: Type
    whole: bool = False
    pattern: str | None = None
    choices: tuple[str | float | int | bool, ...] = ()
    lowest: float | int | None = None
    highest: float | int | None = None
    default: str | float | int | bool | None = None


def refuse(parameter: Parameter, value: object) -> str | None:
    """Why the value cannot be this parameter's, or None when it can."""
    if parameter.type is Type.STRING:
        return _refuse_text(parameter, value)
    if parameter.type is Type.BOOLEAN:
        return None if isinstance(value, bool) else f"{parameter.name} is true or false"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{parameter.name} is {WORDING[parameter.type]}"
    shown = format_value(parameter.type, value)
    if parameter.whole and value != int(value):
        return f"{parameter.name} is a whole number, not {shown}"
    if parameter.choices and value not in parameter.choices:
        return f"{parameter.name} cannot be {shown}"
    if parameter.lowest is not None and value < parameter.lowest:
        return f"{parameter.name} is at least {format_value(parameter.type, parameter.lowest)}, not {shown}"
    if parameter.highest is not None and value > parameter.highest:
        return f"{parameter.name} is at most {format_value(parameter.type, parameter.highest)}, not {shown}"
    return None


def _refuse_text(parameter: Parameter, value: object) -> str | None:
    if not isinstance(value, str):
        return f"{parameter.name} is a string"
    if len(value) > MAX_TEXT_CHARACTERS:
        return f"{parameter.name} is longer than {MAX_TEXT_CHARACTERS} characters"
    if not value.isprintable():
        return f"{parameter.name} holds characters that cannot be printed"
    if parameter.choices and value not in parameter.choices:
        return f"{parameter.name} is one of {', '.join(str(choice) for choice in parameter.choices)}, not {value!r}"
    if parameter.pattern is not None and not matches(parameter.pattern, value):
        return f"{parameter.name} does not match {parameter.pattern}: {value!r}"
    return None


def written(parameter: Parameter, value: object) -> str:
    """A value as it stands in an argv: durations in seconds, sizes in bytes, percentages as ratios, yes as true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        if parameter.type is Type.DURATION:
            value = value / SECOND
        return str(int(value)) if value == int(value) else repr(float(value))
    return str(value)


def fill(argv: Sequence[str], texts: Mapping[str, str]) -> tuple[str, ...] | str:
    """The argv with its parameters in place, or why not: a value must not turn its element into an option."""
    filled = []
    for part in argv:
        element = HOLE.sub(lambda hole: texts[hole[1]], part)
        if element.startswith("-") and not part.startswith("-"):
            return f"{element!r} would be read as an option"
        filled.append(element)
    return tuple(filled)
