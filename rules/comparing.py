"""What comes of two values: arithmetic, comparisons, and when time alone will turn them. Used by `rules.evaluation`."""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from rules import expressions as ex
from rules.expressions import type_of
from rules.facts import Facts
from rules.patterns import matches
from rules.seen import Seen, both, earliest, explain, joined, unknown
from rules.units import Type

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def calculate(item: ex.Arithmetic, left: Seen, right: Seen) -> Seen:
    """`left operator right`; what has no result is unknown."""
    if left.value is None or right.value is None:
        return unknown(left, right)
    found = both(left, right)
    try:
        value, slope = _calculate(item.operator, left, right)
    except (OverflowError, ZeroDivisionError):
        value = slope = math.nan
    if not math.isfinite(value) or not math.isfinite(slope):
        return msgspec.structs.replace(found, value=None, why=(*found.why, f"`{item.operator}` has no result here"))
    return msgspec.structs.replace(found, value=value, slope=slope)


def _calculate(sign: str, left: Seen, right: Seen) -> tuple[float, float]:
    a, b = float(left.value), float(right.value)  # type: ignore[arg-type] # checked: arithmetic is over numbers only
    if sign == "+":
        return a + b, left.slope + right.slope
    if sign == "-":
        return a - b, left.slope - right.slope
    if sign == "*":
        return a * b, left.slope * b + right.slope * a
    # A moving divisor makes the quotient no straight line; then no turn is foretold, and the next evaluation sees it.
    return a / b, left.slope / b if not right.slope else 0.0


def compare(item: ex.Comparison, left: Seen, right: Seen, facts: Facts) -> Seen:
    """`left operator right`, and when time alone will turn it."""
    if left.value is None or right.value is None:
        return explain(item.text, unknown(left, right))
    a: Any = left.value
    b: Any = right.value
    if type_of(item.left) is Type.SEVERITY:
        a, b = _rank(str(a), facts), _rank(str(b), facts)
        if a is None or b is None:
            return explain(item.text, both(left, right))
    try:
        value = _COMPARE[item.operator](a, b)
        slope = left.slope - right.slope
        turn = _turn(item.operator, float(a) - float(b), slope, facts.now) if slope else None
    except (OverflowError, TypeError, ValueError):
        return explain(item.text, both(left, right))
    found = both(left, right)
    return explain(item.text, msgspec.structs.replace(found, value=value, next_at=earliest((found.next_at, turn))))


def _turn(sign: str, distance: float, slope: float, now: int) -> int | None:
    """The first instant at which `distance sign 0` has another value, when distance changes by slope a microsecond."""
    compare = _COMPARE[sign]
    present, after = compare(distance, 0), compare(slope, 0)
    if distance == 0:
        return now + 1 if after != present else None
    if (distance > 0) == (slope > 0):
        return None
    wait = -distance / slope
    if not math.isfinite(wait):
        return None
    if compare(0, 0) != present:
        return now + max(1, math.ceil(wait))
    return now + math.floor(wait) + 1 if after != present else None


def _rank(level: str, facts: Facts) -> int | None:
    return facts.severities.index(level) if level in facts.severities else None


def match(item: ex.Matching, left: Seen) -> Seen:
    """`left =~ pattern`."""
    if left.value is None:
        return explain(item.text, left)
    found = matches(item.pattern, str(left.value))
    return explain(item.text, msgspec.structs.replace(left, value=found is not item.negated))


def is_among(item: ex.Membership, left: Seen, items: Sequence[Seen]) -> Seen:
    """`left in [items]`, or in a list of nodes."""
    if left.value is None:
        return explain(item.text, left)
    if len(items) == 1 and type_of(item.items[0]) is Type.LIST:
        if items[0].value is None:
            return explain(item.text, unknown(left, items[0]))
        within = items[0].value
        found = isinstance(within, tuple) and left.value in within
        return explain(item.text, msgspec.structs.replace(left, value=found))
    value: bool | None = any(other.value == left.value for other in items if other.value is not None)
    if not value and any(other.value is None for other in items):
        value = None
    needs = joined((left.needs, *(other.needs for other in items)))
    return explain(item.text, msgspec.structs.replace(left, value=value, needs=needs))
