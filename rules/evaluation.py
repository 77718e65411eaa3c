"""What is the value of this condition now, why, what must be asked, and when could it turn by time alone?

Pure, total and bounded by the size of the condition: it never raises, whatever the facts hold. Three values after
Kleene: None is unknown. Called by the runner in healer.remediation and by every rehearsal.
"""

import math
import operator
from collections.abc import Callable, Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import msgspec

from rules import expressions as ex
from rules.expressions import Expression, Hole, Read, Target, Template, type_of
from rules.facts import Answer, Facts, Held, NodeFact, Query, Verdict
from rules.names import type_of_name
from rules.patterns import matches
from rules.problems import Fault
from rules.templates import fill, read_query
from rules.units import SECOND, Type, format_duration, format_value
from rules.windows import ask_window

Value: TypeAlias = float | int | str | bool | NodeFact | tuple[str, ...] | None

_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_IN_SECONDS: Final = frozenset({Type.DURATION, Type.TIMESTAMP})


class _Seen(msgspec.Struct, frozen=True):
    """One value, how fast it grows with time (per microsecond), and all that the verdict will want to say."""

    value: Value
    slope: float = 0.0
    why: tuple[str, ...] = ()
    needs: tuple[Query, ...] = ()
    next_at: int | None = None
    held: tuple[Held, ...] = ()


def evaluate(condition: Expression | None, facts: Facts) -> Verdict:
    """The verdict on a condition; None as a condition (a rule without `when`) is true."""
    if condition is None:
        return Verdict(value=True, because=("the rule has no condition",))
    seen = _see(condition, facts)
    value = seen.value if isinstance(seen.value, bool) else None
    needs = tuple(dict.fromkeys(seen.needs))
    return Verdict(value, tuple(dict.fromkeys(seen.why)), needs, seen.next_at, tuple(dict.fromkeys(seen.held)))


def value_of(expression: Expression, facts: Facts) -> tuple[Value, str]:
    """The value of any expression (None is unknown) and, in a sentence, where it came from."""
    seen = _see(expression, facts)
    return seen.value, "; ".join(seen.why)


def find_target(target: Target, facts: Facts) -> tuple[NodeFact | None, str]:
    """The one node that is meant, or None and why there is none."""
    if target.which == "node":
        return facts.node, "" if facts.node else "the incident has no node"
    if target.which == "owner":
        return facts.owner, "" if facts.owner else "the node has no owner"
    if target.which == "find":
        return _find(target, facts)
    kind = target.kind or ""
    if facts.node is not None and facts.node.kind == kind:
        return facts.node, ""
    if kind not in facts.ancestors:
        return None, f"no {kind} above the node"
    found = facts.ancestors[kind]
    return found, "" if found else f"several {kind}s are equally near"


def _find(target: Target, facts: Facts) -> tuple[NodeFact | None, str]:
    where: dict[str, str] = {}
    for name, expression in target.where:
        value, why = value_of(expression, facts)
        if not isinstance(value, str):
            return None, why or f"{name} is unknown"
        where[name] = value
    if facts.around is None:
        return None, "the topology is not known"
    found = facts.around.find(target.kind, where)
    if len(found) == 1:
        return found[0], ""
    wanted = ", ".join(
        [f"kind {target.kind}"] * bool(target.kind) + [f"{name} {value!r}" for name, value in where.items()]
    )
    return None, f"{'several nodes have' if found else 'no node has'} {wanted}"


def query_key(text: str) -> str:
    """The key of a query's answer: a hash of its finished text."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _see(item: Expression, facts: Facts) -> _Seen:
    return _SEE[type(item)](item, facts)


def _const(item: ex.Const, _facts: Facts) -> _Seen:
    return _Seen(item.value)


def _read(item: Read, facts: Facts) -> _Seen:
    value, why = _look_up(item.path, facts, facts.node)
    if value is None:
        return _Seen(None, why=(why,))
    slope = 1.0 if item.path == "duration" else 0.0
    return _Seen(value, slope, (f"{item.path} is {format_value(item.type, value)}",))


def _look_up(path: str, facts: Facts, node: NodeFact | None) -> tuple[Value, str]:
    """The value of a name, or None and why it is unknown. `node` is whose attributes `node.X` means."""
    prefix, dot, rest = path.partition(".")
    if dot:
        return _look_up_below(prefix, rest, facts, node)
    if path == "duration":
        if facts.starts_at is None:
            return None, "duration is unknown: the start is not known"
        return facts.now - facts.starts_at, ""
    if path == "kind":
        return (node.kind, "") if node else (None, "kind is unknown: the incident has no node")
    if path == "node":
        return node, "" if node else "the incident has no node"
    if path == "siblings":
        found = len(facts.around.siblings(node.id)) if facts.around is not None and node is not None else 0
        return found or None, "" if found else "siblings is unknown: nothing is known above the node"
    if path == "value":
        return facts.value, "" if facts.value is not None else "value is unknown: Prometheus did not say"
    value = getattr(facts, path, None)
    if isinstance(value, float) and not math.isfinite(value):
        return None, f"{path} is {value}"
    return value, "" if value is not None else f"{path} is unknown"


def _look_up_below(prefix: str, rest: str, facts: Facts, node: NodeFact | None) -> tuple[Value, str]:
    if prefix == "labels":
        return facts.labels.get(rest), f"the alert has no label {rest}"
    if prefix == "annotations":
        return facts.annotations.get(rest), f"the alert has no annotation {rest}"
    if prefix == "change":
        return facts.change_facts.get(
            rest
        ), "no change is known" if facts.change is None else f"the change has no {rest}"
    if prefix == "topology":
        found, why = find_target(Target("nearest", rest), facts)
        return (found.name, "") if found else (None, f"topology.{rest} is unknown: {why}")
    if node is None:
        return None, f"node.{rest} is unknown: the incident has no node"
    if rest in {"id", "name", "kind"}:
        return str(getattr(node, rest)), ""
    return node.attributes.get(rest), f"{node.id} has no attribute {rest}"


def _fill(template: Template, facts: Facts, node: NodeFact | None) -> tuple[str | None, str]:
    parts = []
    for part in template.parts:
        if not isinstance(part, Hole):
            parts.append(part)
            continue
        value, why = _look_up(part.name.path, facts, node)
        if value is None:
            return None, why
        parts.append(fill(part, value if isinstance(value, str) else format_value(part.name.type, value)))
    text = "".join(parts)
    try:
        text.encode()
    except UnicodeEncodeError:
        return None, "a value in it is not text"
    return text, ""


def _template(item: Template, facts: Facts) -> _Seen:
    text, why = _fill(item, facts, facts.node)
    return _Seen(text, why=(why,) if why else ())


def _ask(item: ex.Ask, facts: Facts) -> _Seen:
    text, why = _fill(item.template, facts, facts.node)
    if text is None:
        return _Seen(None, why=(f"{item.label} cannot be asked: {why}",))
    return _answered(text, item.type, item.label, facts)


def _answered(text: str, kind: Type, label: str, facts: Facts) -> _Seen:
    query = Query(query_key(text), text)
    answer = facts.answers.get(query.key)
    if answer is None:
        return _Seen(None, why=(f"{label} has not been asked yet",), needs=(query,))
    value, why = _accept(answer, facts)
    if value is not None and kind in _IN_SECONDS:
        value = value * SECOND if math.isfinite(value * SECOND) else None
        why = "the answer is beyond all times"
    if value is None:
        return _Seen(None, why=(f"{label} is unknown: {why}",))
    return _Seen(value, why=(f"{label} is {format_value(kind, value)}",))


def _accept(answer: Answer, facts: Facts) -> tuple[float | None, str]:
    if answer.value is None:
        return None, answer.why_unknown or "no data"
    if not math.isfinite(answer.value):
        return None, f"the answer is {answer.value}"
    if facts.samples_after is not None and (answer.sampled_at is None or answer.sampled_at <= facts.samples_after):
        return None, "the sample is not later than the effect"
    return answer.value, ""


@lru_cache(maxsize=256)
def health_template(text: str) -> Template | str:
    """A health query from the settings, compiled; or what is wrong with it, in one sentence."""
    wrong: list[str] = []

    def resolve(path: str, _span: tuple[int, int]) -> Read | None:
        kind = type_of_name(path)
        if kind is None or kind is Type.NODE:
            wrong.append(f"`{path}` is no name that can stand in a query")
            return None
        return Read(kind, path)

    try:
        template = read_query(text, resolve)
    except Fault as fault:
        return f"{fault.message}: {fault.more['hint']}" if "hint" in fault.more else fault.message
    return wrong[0] if wrong else template


def _healthy(item: ex.Healthy, facts: Facts) -> _Seen:
    node, why = find_target(item.target, facts)
    if node is None:
        return _Seen(None, why=(f"health is unknown: {why}",))
    if node.kind not in facts.health:
        return _Seen(None, why=(f"health is unknown: no health query for nodes of kind {node.kind}",))
    template = health_template(facts.health[node.kind])
    if isinstance(template, str):
        return _Seen(None, why=(f"health is unknown: {template}",))
    text, why = _fill(template, facts, node)
    if text is None:
        return _Seen(None, why=(f"health of {node.id} cannot be asked: {why}",))
    seen = _answered(text, Type.NUMBER, f"health of {node.id}", facts)
    return seen if seen.value is None else msgspec.structs.replace(seen, value=seen.value == 1)


def _arithmetic(item: ex.Arithmetic, facts: Facts) -> _Seen:
    left, right = _see(item.left, facts), _see(item.right, facts)
    if left.value is None or right.value is None:
        return _unknown(left, right)
    both = _both(left, right)
    try:
        value, slope = _calculate(item.operator, left, right)
    except (OverflowError, ZeroDivisionError):
        return msgspec.structs.replace(both, value=None, why=(*both.why, f"`{item.operator}` has no result here"))
    if not math.isfinite(value) or not math.isfinite(slope):
        return msgspec.structs.replace(both, value=None, why=(*both.why, f"`{item.operator}` has no result here"))
    return msgspec.structs.replace(both, value=value, slope=slope)


def _calculate(sign: str, left: _Seen, right: _Seen) -> tuple[float, float]:
    a, b = float(left.value), float(right.value)  # type: ignore[arg-type] # checked: arithmetic is over numbers only
    if sign == "+":
        return a + b, left.slope + right.slope
    if sign == "-":
        return a - b, left.slope - right.slope
    if sign == "*":
        return a * b, left.slope * b + right.slope * a
    # A moving divisor makes the quotient no straight line; then no turn is foretold, and the next evaluation sees it.
    return a / b, left.slope / b if not right.slope else 0.0


def _comparison(item: ex.Comparison, facts: Facts) -> _Seen:
    left, right = _see(item.left, facts), _see(item.right, facts)
    if left.value is None or right.value is None:
        return _explain(item.text, _unknown(left, right))
    a: Any = left.value
    b: Any = right.value
    if type_of(item.left) is Type.SEVERITY:
        a, b = _rank(str(a), facts), _rank(str(b), facts)
        if a is None or b is None:
            return _explain(item.text, msgspec.structs.replace(_both(left, right), value=None))
    try:
        value = _COMPARE[item.operator](a, b)
        slope = left.slope - right.slope
        turn = _turn(item.operator, float(a) - float(b), slope, facts.now) if slope else None
    except (OverflowError, TypeError, ValueError):
        return _explain(item.text, msgspec.structs.replace(_both(left, right), value=None))
    next_at = _earliest([left.next_at, right.next_at, turn])
    return _explain(item.text, msgspec.structs.replace(_both(left, right), value=value, next_at=next_at))


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


def _matching(item: ex.Matching, facts: Facts) -> _Seen:
    left = _see(item.left, facts)
    if left.value is None:
        return _explain(item.text, left)
    found = matches(item.pattern, str(left.value))
    return _explain(item.text, msgspec.structs.replace(left, value=found is not item.negated))


def _membership(item: ex.Membership, facts: Facts) -> _Seen:
    left = _see(item.left, facts)
    if left.value is None:
        return _explain(item.text, left)
    items = [_see(other, facts) for other in item.items]
    if len(items) == 1 and type_of(item.items[0]) is Type.LIST:
        if items[0].value is None:
            return _explain(item.text, _unknown(left, items[0]))
        within = items[0].value
        found = isinstance(within, tuple) and left.value in within
        return _explain(item.text, msgspec.structs.replace(left, value=found))
    value: bool | None = any(other.value == left.value for other in items if other.value is not None)
    if not value and any(other.value is None for other in items):
        value = None
    seen = msgspec.structs.replace(left, value=value, needs=tuple(n for other in items for n in other.needs))
    return _explain(item.text, seen)


def _all_of(item: ex.AllOf, facts: Facts) -> _Seen:
    return _join([_see(part, facts) for part in item.items], decisive=False)


def _any_of(item: ex.AnyOf, facts: Facts) -> _Seen:
    return _join([_see(part, facts) for part in item.items], decisive=True)


def _join(parts: list[_Seen], *, decisive: bool) -> _Seen:
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
    return _Seen(
        value,
        why=_joined(part.why for part in deciding),
        needs=_joined(part.needs for part in deciding),
        next_at=_earliest(part.next_at for part in timed),
        held=_joined(part.held for part in parts) if value is not decisive else _joined(p.held for p in deciding),
    )


def _not(item: ex.Not, facts: Facts) -> _Seen:
    seen = _see(item.item, facts)
    return seen if seen.value is None else msgspec.structs.replace(seen, value=not seen.value)


def _held_for(item: ex.HeldFor, facts: Facts) -> _Seen:
    seen = _see(item.item, facts)
    value = seen.value if isinstance(seen.value, bool) else None
    held = (*seen.held, Held(item.key, value))
    if value is not True:
        return msgspec.structs.replace(seen, held=held)
    since = min(facts.held_since.get(item.key, facts.now), facts.now)
    lasted = facts.now - since
    need = format_duration(item.duration)
    if lasted >= item.duration:
        return msgspec.structs.replace(seen, held=held, why=(*seen.why, f"so for {need} and longer"))
    due = since + item.duration
    why = (*seen.why, f"so for {format_duration(lasted)} of {need}")
    return _Seen(False, why=why, needs=seen.needs, next_at=_earliest([seen.next_at, due]), held=held)


def _default(item: ex.Default, facts: Facts) -> _Seen:
    left = _see(item.left, facts)
    if left.value is not None or left.needs:
        # What was not asked yet is no reason for the default: first ask.
        return left
    right = _see(item.right, facts)
    return msgspec.structs.replace(right, why=(*left.why, *right.why), needs=(*left.needs, *right.needs))


def _known(item: ex.Known, facts: Facts) -> _Seen:
    seen = _see(item.item, facts)
    if seen.value is None and seen.needs:
        return _Seen(None, why=seen.why, needs=seen.needs)
    return _Seen(seen.value is not None, why=seen.why, held=seen.held)


def _convert(item: ex.Convert, facts: Facts) -> _Seen:
    seen = _see(item.item, facts)
    if seen.value is None:
        return seen
    text = str(seen.value)
    if item.function == "lower":
        return msgspec.structs.replace(seen, value=text.lower())
    if item.function == "host":
        return msgspec.structs.replace(seen, value=host_of(text))
    try:
        number = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return _Seen(None, why=(*seen.why, "that is no number"), needs=seen.needs)
    return msgspec.structs.replace(seen, value=number)


def host_of(address: str) -> str:
    """The host of `10.0.0.1:9100`, `[::1]:9100`, `https://web-1:8443/x` or `web-1`."""
    rest = address.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
    if rest.startswith("["):
        return rest[1:].split("]", 1)[0]
    return rest.split(":", 1)[0] if rest.count(":") == 1 else rest


def _relatives(item: ex.Relatives, facts: Facts) -> _Seen:
    if facts.node is None:
        return _Seen(None, why=(f"{item.text} is unknown: the incident has no node",))
    if facts.around is None:
        return _Seen(None, why=(f"{item.text} is unknown: the topology is not known",))
    look = facts.around.above if item.way == "ancestors" else facts.around.below
    found = tuple(look(facts.node.id, item.kind))
    shown = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
    return _Seen(found, why=(f"{item.text} are {shown}" if found else f"{item.text} are none",))


def _alerting(item: ex.Alerting, facts: Facts) -> _Seen:
    if facts.around is None:
        return _Seen(None, why=(f"{item.text} is unknown: the topology is not known",))
    if isinstance(item.of, Target):
        node, why = find_target(item.of, facts)
        if node is None:
            return _Seen(None, why=(f"{item.text} is unknown: {why}",))
        fires = facts.around.alerting(node.id)
        return _Seen(fires, why=(f"{node.id} {'has a firing alert' if fires else 'has no firing alert'}",))
    listed = _relatives(item.of, facts)
    if not isinstance(listed.value, tuple):
        return listed
    found = tuple(node for node in listed.value if facts.around.alerting(node))
    return _Seen(found, why=(f"alerts fire on {len(found)} of {len(listed.value)} of them",))


def _count(item: ex.Count, facts: Facts) -> _Seen:
    listed = _see(item.item, facts)
    if not isinstance(listed.value, tuple):
        return listed
    return msgspec.structs.replace(listed, value=len(listed.value), why=(f"{item.text} is {len(listed.value)}",))


def _is_ancestor(item: ex.IsAncestor, facts: Facts) -> _Seen:
    above, why = find_target(item.above, facts)
    below, why_below = find_target(item.below, facts)
    if above is None or below is None or facts.around is None:
        missing = why or why_below or "the topology is not known"
        return _Seen(None, why=(f"{item.text} is unknown: {missing}",))
    found = above.id in facts.around.above(below.id, None)
    return _Seen(found, why=(f"{above.id} {'is' if found else 'is not'} above {below.id}",))


def _changed_within(item: ex.ChangedWithin, facts: Facts) -> _Seen:
    if facts.changed_at is None:
        return _Seen(None, why=(f"{item.text} is unknown: no change is known",))
    until = facts.changed_at + item.duration
    value = facts.now <= until
    return _Seen(
        value,
        why=(
            f"{item.text} {'holds' if value else 'does not hold'}: {facts.change or 'something'} changed "
            f"{format_duration(max(0, facts.now - facts.changed_at))} ago",
        ),
        next_at=until + 1 if value else None,
    )


def _in_window(item: ex.InWindow, facts: Facts) -> _Seen:
    value, turns = ask_window(item.window, facts.now)
    return _Seen(value, why=(f"{item.text} is {'open' if value else 'not open'}",), next_at=turns)


def _in_calendar(item: ex.InCalendar, facts: Facts) -> _Seen:
    entries = facts.calendars.get(item.name)
    if entries is None:
        return _Seen(None, why=(f"{item.text} is unknown: it cannot be read",))
    value = any(begins <= facts.now < ends for begins, ends in entries)
    turns = min((edge for pair in entries for edge in pair if edge > facts.now), default=None)
    return _Seen(value, why=(f"{item.text} {'has an entry now' if value else 'is free now'}",), next_at=turns)


def _broken(_item: ex.Broken, _facts: Facts) -> _Seen:
    return _Seen(None, why=("the condition did not compile",))


def _explain(text: str, seen: _Seen) -> _Seen:
    """Put the comparison before the values it was made of: `cpu_load > 95% holds: cpu_load is 97%`."""
    outcome = "is unknown"
    if isinstance(seen.value, bool):
        outcome = "holds" if seen.value else "does not hold"
    sentence = f"{text} {outcome}" + (f": {', '.join(dict.fromkeys(seen.why))}" if seen.why else "")
    return msgspec.structs.replace(seen, why=(sentence,), slope=0.0)


def _unknown(left: _Seen, right: _Seen) -> _Seen:
    missing = [side for side in (left, right) if side.value is None]
    return _Seen(
        None,
        why=_joined(side.why for side in missing),
        needs=_joined(side.needs for side in (left, right)),
        next_at=_earliest([left.next_at, right.next_at]),
        held=left.held + right.held,
    )


def _both(left: _Seen, right: _Seen) -> _Seen:
    return _Seen(
        None,
        why=left.why + right.why,
        needs=left.needs + right.needs,
        next_at=_earliest([left.next_at, right.next_at]),
        held=left.held + right.held,
    )


def _joined(groups: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))


def _earliest(instants: Iterable[int | None]) -> int | None:
    return min((instant for instant in instants if instant is not None), default=None)


_SEE: Final[dict[type, Callable[[Any, Facts], _Seen]]] = {
    ex.Const: _const,
    Read: _read,
    Template: _template,
    ex.Ask: _ask,
    ex.Healthy: _healthy,
    ex.Arithmetic: _arithmetic,
    ex.Comparison: _comparison,
    ex.Matching: _matching,
    ex.Membership: _membership,
    ex.AllOf: _all_of,
    ex.AnyOf: _any_of,
    ex.Not: _not,
    ex.HeldFor: _held_for,
    ex.Default: _default,
    ex.Known: _known,
    ex.Convert: _convert,
    ex.Relatives: _relatives,
    ex.Alerting: _alerting,
    ex.Count: _count,
    ex.IsAncestor: _is_ancestor,
    ex.ChangedWithin: _changed_within,
    ex.InWindow: _in_window,
    ex.InCalendar: _in_calendar,
    ex.Broken: _broken,
}
