"""Can this condition hold at all? Asked by `rules.clauses` of every `when:`; it knows no facts, only what is written."""

from collections.abc import Iterator, Sequence
from typing import Final

from rules import expressions as ex
from rules.evaluation import evaluate
from rules.expressions import Expression, Read
from rules.facts import Facts
from rules.patterns import matches

_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def never_holds(condition: Expression, severities: Sequence[str] = ()) -> str | None:
    """Why the condition can never be true, in a sentence; None where it may be."""
    observed = (
        ex.Read | ex.Ask | ex.Probe | ex.Glance | ex.Healthy | ex.Template | ex.Broken | ex.Relatives | ex.Alerting
    )
    also = ex.IsAncestor | ex.ChangedWithin | ex.InWindow | ex.InCalendar | ex.Count
    if not any(isinstance(item, observed | also) for item in ex.walk(condition)):
        return None if evaluate(condition, Facts(now=0)).value is not False else "this can never hold"
    if isinstance(condition, ex.AnyOf):
        reasons = [never_holds(item, severities) for item in condition.items]
        return reasons[0] if all(reasons) else None
    parts = list(_parts(condition))
    for item in parts:
        if isinstance(item, ex.AnyOf) and (why := never_holds(item, severities)):
            return why
    return _contradiction(
        [item for item in parts if isinstance(item, ex.Comparison | ex.Membership | ex.Matching)], severities
    )


def _parts(condition: Expression) -> Iterator[Expression]:
    """What must hold together."""
    if isinstance(condition, ex.AllOf):
        for item in condition.items:
            yield from _parts(item)
    elif isinstance(condition, ex.HeldFor):
        yield from _parts(condition.item)
    else:
        yield condition


class _Known:
    """What is asked of one name so far: bounds, one of, and the words that asked it."""

    def __init__(self) -> None:
        self.lowest: tuple[float, bool, str] | None = None
        self.highest: tuple[float, bool, str] | None = None
        self.among: tuple[frozenset[object], str] | None = None


def _contradiction(items: list[ex.Comparison | ex.Membership | ex.Matching], severities: Sequence[str]) -> str | None:
    known: dict[object, _Known] = {}
    for item in items:
        asked = _asked(item)
        if asked is None:
            continue
        name, sign, values = asked
        told = known.setdefault(name, _Known())
        why = _add(told, sign, values, item.text, severities)
        if why is not None:
            return why
    return next((why for item in items if (why := _never_matches(item, known))), None)


def _asked(item: ex.Comparison | ex.Membership | ex.Matching) -> tuple[object, str, tuple[object, ...]] | None:
    """(what, operator, values) where one side is a name or a query and the other is written out."""
    if isinstance(item, ex.Comparison):
        for left, right, sign in (
            (item.left, item.right, item.operator),
            (item.right, item.left, _FLIPPED[item.operator]),
        ):
            if isinstance(left, Read | ex.Ask | ex.Count) and isinstance(right, ex.Const):
                return left, sign, (right.value,)
    if isinstance(item, ex.Membership) and isinstance(item.left, Read):
        values = tuple(other.value for other in item.items if isinstance(other, ex.Const))
        if len(values) == len(item.items):
            return item.left, "in", values
    return None


def _add(told: _Known, sign: str, values: tuple[object, ...], text: str, severities: Sequence[str]) -> str | None:
    if sign in {"==", "in"}:
        wanted = frozenset(values)
        if told.among is not None:
            wanted = told.among[0] & wanted
        if not wanted:
            return f"`{told.among[1]}` and `{text}` never hold together" if told.among else f"`{text}` never holds"
        told.among = (wanted, text)
    if sign in {"<", "<=", ">", ">=", "=="}:
        rank = _rank(values[0], severities)
        if rank is None:
            return None
        closed = sign in {"<=", ">=", "=="}
        if sign in {">", ">=", "=="} and (told.lowest is None or rank >= told.lowest[0]):
            told.lowest = (rank, closed, text)
        if sign in {"<", "<=", "=="} and (told.highest is None or rank <= told.highest[0]):
            told.highest = (rank, closed, text)
    if told.lowest is None or told.highest is None:
        return None
    (low, low_closed, low_text), (high, high_closed, high_text) = told.lowest, told.highest
    if low > high or (low == high and not (low_closed and high_closed)):
        return f"`{low_text}` and `{high_text}` never hold together"
    return None


def _never_matches(item: ex.Comparison | ex.Membership | ex.Matching, known: dict[object, _Known]) -> str | None:
    """A pattern that matches nothing of what the name may be."""
    if not isinstance(item, ex.Matching) or item.negated or not isinstance(item.left, Read):
        return None
    told = known.get(item.left)
    if told is None or told.among is None or any(matches(item.pattern, str(value)) for value in told.among[0]):
        return None
    return f"`{told.among[1]}` and `{item.text}` never hold together"


def _rank(value: object, severities: Sequence[str]) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    return float(severities.index(str(value))) if value in severities else None
