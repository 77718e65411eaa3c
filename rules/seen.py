"""What evaluating a part of a condition brought to light, and how such parts are joined. Used by `rules.evaluation` and below."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from rules.facts import Held, NodeFact, Query

Value: TypeAlias = float | int | str | bool | NodeFact | tuple[str, ...] | None


class Seen(msgspec.Struct, frozen=True):
    """One value (None is unknown), how fast it grows with time (per microsecond), and all that the verdict wants to say."""

    value: Value
    slope: float = 0.0
    why: tuple[str, ...] = ()
    needs: tuple[Query, ...] = ()
    next_at: int | None = None
    held: tuple[Held, ...] = ()


def explain(text: str, seen: Seen) -> Seen:
    """Put the comparison before the values it was made of: `cpu_load > 95% holds: cpu_load is 97%`."""
    outcome = "is unknown"
    if isinstance(seen.value, bool):
        outcome = "holds" if seen.value else "does not hold"
    sentence = f"{text} {outcome}" + (f": {', '.join(dict.fromkeys(seen.why))}" if seen.why else "")
    return msgspec.structs.replace(seen, why=(sentence,), slope=0.0)


def unknown(left: Seen, right: Seen) -> Seen:
    """Neither value, because one of them is missing: why is said of that one."""
    missing = [side for side in (left, right) if side.value is None]
    return msgspec.structs.replace(both(left, right), why=joined(side.why for side in missing))


def both(left: Seen, right: Seen) -> Seen:
    """All that two parts say, and no value yet."""
    return Seen(
        None,
        why=left.why + right.why,
        needs=joined((left.needs, right.needs)),
        next_at=earliest((left.next_at, right.next_at)),
        held=left.held + right.held,
    )


def kleene(parts: list[Seen], *, decisive: bool) -> Seen:
    """Kleene's AND (decisive False) and OR (decisive True): what decides is also what is said and waited for."""
    deciding = [part for part in parts if part.value is decisive]
    value: bool | None = decisive
    if not deciding:
        deciding = [part for part in parts if part.value is None]
        value = None
    if not deciding:
        deciding, value = parts, not decisive
    # An unknown joined with what holds may still turn by the latter's clock.
    timed = parts if value is None else deciding
    return Seen(
        value,
        why=joined(part.why for part in deciding),
        needs=joined(part.needs for part in deciding),
        next_at=earliest(part.next_at for part in timed),
        held=joined(part.held for part in parts) if value is not decisive else joined(p.held for p in deciding),
    )


def joined(groups: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """All items in order, each once."""
    return tuple(dict.fromkeys(item for group in groups for item in group))


def earliest(instants: Iterable[int | None]) -> int | None:
    """The first of them that is known."""
    return min((instant for instant in instants if instant is not None), default=None)
