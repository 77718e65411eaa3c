"""What is the value of this condition now, why, what must be asked, and when could it turn by time alone?

Pure, total and bounded by the size of the condition: it never raises, whatever the facts hold. Three values after
Kleene: None is unknown. Called by the planner and the runner in healer.remediation, and by every rehearsal.
"""

import math
from collections.abc import Callable
from typing import Any, Final

import msgspec

from rules import expressions as ex
from rules import relatives
from rules.asking import WORD, ask_http, ask_prometheus
from rules.comparing import calculate, compare, is_among, match
from rules.expressions import Expression, Read, Target, Template
from rules.facts import Facts, Held, NodeFact, Verdict
from rules.finding import find_target
from rules.glancing import glance
from rules.health import healthy
from rules.looking import look, write
from rules.seen import Seen, Value, earliest, joined, kleene
from rules.units import format_duration


def evaluate(condition: Expression | None, facts: Facts) -> Verdict:
    """The verdict on a condition; None as a condition (a rule without `when`) is true."""
    if condition is None:
        return Verdict(value=True, because=("the rule has no condition",))
    seen = see(condition, facts)
    value = seen.value if isinstance(seen.value, bool) else None
    needs = tuple(dict.fromkeys(seen.needs))
    return Verdict(value, tuple(dict.fromkeys(seen.why)), needs, seen.next_at, tuple(dict.fromkeys(seen.held)))


def value_of(expression: Expression, facts: Facts) -> tuple[Value, str]:
    """The value of any expression (None is unknown) and, in a sentence, where it came from."""
    seen = see(expression, facts)
    return seen.value, "; ".join(seen.why)


def target_of(target: Target, facts: Facts) -> tuple[NodeFact | None, str]:
    """The one node that is meant, or None and why there is none."""
    return find_target(target, facts, see)


def see(item: Expression, facts: Facts) -> Seen:
    """The value of any expression with all that there is to say of it."""
    return _SEE[type(item)](item, facts)


def _const(item: ex.Const, _facts: Facts) -> Seen:
    return Seen(item.value)


def _template(item: Template, facts: Facts) -> Seen:
    return write(item, facts, facts.node)


def _ask(item: ex.Ask, facts: Facts) -> Seen:
    text = write(item.template, facts, facts.node)
    if not isinstance(text.value, str):
        return Seen(None, why=(f"{item.label} cannot be asked: {'; '.join(text.why)}",), needs=text.needs)
    return ask_prometheus(text.value, item.type, item.label, facts)


def _probe(item: ex.Probe, facts: Facts) -> Seen:
    for hole in (part for part in item.template.parts if isinstance(part, ex.Hole)):
        filled = write(ex.Template((hole,)), facts, facts.node)
        if isinstance(filled.value, str) and not WORD.fullmatch(filled.value):
            # A slash or a colon in it would make another host of what was written.
            return Seen(None, why=(f"{item.label} cannot be asked: {hole.name.path} is no part of a URL",))
    text = write(item.template, facts, facts.node)
    if not isinstance(text.value, str):
        return Seen(None, why=(f"{item.label} cannot be asked: {'; '.join(text.why)}",), needs=text.needs)
    return ask_http(text.value, item.label, facts)


def _glance(item: ex.Glance, facts: Facts) -> Seen:
    return glance(item, facts, see)


def _healthy(item: ex.Healthy, facts: Facts) -> Seen:
    return healthy(item, facts, see)


def _arithmetic(item: ex.Arithmetic, facts: Facts) -> Seen:
    return calculate(item, see(item.left, facts), see(item.right, facts))


def _comparison(item: ex.Comparison, facts: Facts) -> Seen:
    return compare(item, see(item.left, facts), see(item.right, facts), facts)


def _matching(item: ex.Matching, facts: Facts) -> Seen:
    return match(item, see(item.left, facts))


def _membership(item: ex.Membership, facts: Facts) -> Seen:
    return is_among(item, see(item.left, facts), [see(other, facts) for other in item.items])


def _all_of(item: ex.AllOf, facts: Facts) -> Seen:
    return kleene([see(part, facts) for part in item.items], decisive=False)


def _any_of(item: ex.AnyOf, facts: Facts) -> Seen:
    return kleene([see(part, facts) for part in item.items], decisive=True)


def _not(item: ex.Not, facts: Facts) -> Seen:
    seen = see(item.item, facts)
    return seen if seen.value is None else msgspec.structs.replace(seen, value=not seen.value)


def _held_for(item: ex.HeldFor, facts: Facts) -> Seen:
    seen = see(item.item, facts)
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
    return Seen(False, why=why, needs=seen.needs, next_at=earliest([seen.next_at, due]), held=held)


def _default(item: ex.Default, facts: Facts) -> Seen:
    left = see(item.left, facts)
    if left.value is not None or left.needs:
        # What was not asked yet is no reason for the default: first ask.
        return left
    right = see(item.right, facts)
    return msgspec.structs.replace(right, why=(*left.why, *right.why), needs=joined((left.needs, right.needs)))


def _known(item: ex.Known, facts: Facts) -> Seen:
    seen = see(item.item, facts)
    if seen.value is None and seen.needs:
        return Seen(None, why=seen.why, needs=seen.needs)
    return Seen(seen.value is not None, why=seen.why, held=seen.held)


def _convert(item: ex.Convert, facts: Facts) -> Seen:
    seen = see(item.item, facts)
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
        return Seen(None, why=(*seen.why, "that is no number"), needs=seen.needs)
    return msgspec.structs.replace(seen, value=number)


def host_of(address: str) -> str:
    """The host of `10.0.0.1:9100`, `[::1]:9100`, `https://web-1:8443/x` or `web-1`."""
    rest = address.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1]
    if rest.startswith("["):
        return rest[1:].split("]", 1)[0]
    return rest.split(":", 1)[0] if rest.count(":") == 1 else rest


def _alerting(item: ex.Alerting, facts: Facts) -> Seen:
    return relatives.alerting(item, facts, see)


def _count(item: ex.Count, facts: Facts) -> Seen:
    return relatives.count(item, see(item.item, facts))


def _is_ancestor(item: ex.IsAncestor, facts: Facts) -> Seen:
    return relatives.is_ancestor(item, facts, see)


def _broken(_item: ex.Broken, _facts: Facts) -> Seen:
    return Seen(None, why=("the condition did not compile",))


_SEE: Final[dict[type, Callable[[Any, Facts], Seen]]] = {
    ex.Const: _const,
    Read: look,
    Template: _template,
    ex.Ask: _ask,
    ex.Probe: _probe,
    ex.Glance: _glance,
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
    ex.Relatives: relatives.relatives,
    ex.Alerting: _alerting,
    ex.Count: _count,
    ex.IsAncestor: _is_ancestor,
    ex.ChangedWithin: relatives.changed_within,
    ex.InWindow: relatives.in_window,
    ex.InCalendar: relatives.in_calendar,
    ex.Broken: _broken,
}
