"""What does a name of the language hold now, and what does a text become with names filled in? Used by `rules.evaluation`.

Most names are facts. What an alert says beside its labels, and how fast a budget burns, has to be asked first.
"""

import math

from rules.asking import ask_alert, ask_prometheus
from rules.expressions import Hole, Read, Template
from rules.facts import Facts, NodeFact
from rules.finding import nearest
from rules.names import type_of_name
from rules.seen import Seen, Value
from rules.templates import fill, read_query
from rules.units import Type, format_value

BURN_RATE = "max(slo:current_burn_rate:ratio{sloth_id='{{ objective }}'})"
"""What `burn_rate` asks Prometheus; a metric of that name takes its place."""


def look(item: Read, facts: Facts) -> Seen:
    """The value of a name, and where it came from."""
    seen = look_up(item.path, facts, facts.node)
    if seen.value is None:
        return seen
    slope = 1.0 if item.path == "duration" else 0.0
    return Seen(seen.value, slope, (f"{item.path} is {format_value(item.type, seen.value)}",))


def look_up(path: str, facts: Facts, node: NodeFact | None) -> Seen:
    """The value of a name, or why it is unknown and what to ask. `node` is whose attributes `node.X` means."""
    if path == "value":
        return Seen(facts.value) if _said(facts.value) else ask_alert(path, Type.NUMBER, facts)
    if path == "burn_rate":
        return Seen(facts.burn_rate) if _said(facts.burn_rate) else _burn_rate(facts)
    prefix, _, rest = path.partition(".")
    if prefix == "annotations" and rest not in facts.annotations:
        return ask_alert(path, Type.STRING, facts)
    value, why = _known(path, facts, node)
    return Seen(value) if value is not None else Seen(None, why=(why,))


def _said(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _burn_rate(facts: Facts) -> Seen:
    text = write(BURN_RATE_TEMPLATE, facts, facts.node)
    if not isinstance(text.value, str):
        return Seen(None, why=("burn_rate is unknown: no label of the alert names an objective",))
    return ask_prometheus(text.value, Type.NUMBER, "burn_rate", facts)


def _known(path: str, facts: Facts, node: NodeFact | None) -> tuple[Value, str]:
    """The value of a name that is a fact, or None and why it is unknown."""
    prefix, dot, rest = path.partition(".")
    if dot:
        return _below(prefix, rest, facts, node)
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
    value = getattr(facts, path, None)
    if isinstance(value, float) and not math.isfinite(value):
        return None, f"{path} is {value}"
    return value, "" if value is not None else f"{path} is unknown"


def _below(prefix: str, rest: str, facts: Facts, node: NodeFact | None) -> tuple[Value, str]:
    if prefix == "labels":
        return facts.labels.get(rest), f"the alert has no label {rest}"
    if prefix == "annotations":
        return facts.annotations.get(rest), f"the alert has no annotation {rest}"
    if prefix == "change":
        unknown = "no change is known" if facts.change is None else f"the change has no {rest}"
        return facts.change_facts.get(rest), unknown
    if prefix == "topology":
        found, why = nearest(rest, facts)
        return (found.name, "") if found else (None, f"topology.{rest} is unknown: {why}")
    if node is None:
        return None, f"node.{rest} is unknown: the incident has no node"
    if rest in {"id", "name", "kind"}:
        return str(getattr(node, rest)), ""
    if rest in {"namespace", "base"}:
        return node.attributes.get(rest, getattr(node, rest)), ""
    return node.attributes.get(rest), f"{node.id} has no attribute {rest}"


def write(template: Template, facts: Facts, node: NodeFact | None) -> Seen:
    """The text with its names filled in; unknown where one of them is."""
    parts: list[str] = []
    for part in template.parts:
        if not isinstance(part, Hole):
            parts.append(part)
            continue
        seen = look_up(part.name.path, facts, node)
        if seen.value is None:
            return seen
        value = seen.value
        parts.append(fill(part, value if isinstance(value, str) else format_value(part.name.type, value)))
    text = "".join(parts)
    try:
        text.encode()
    except UnicodeEncodeError:
        return Seen(None, why=("a value in it is not text",))
    return Seen(text)


def read_name(path: str, _span: tuple[int, int] = (0, 0)) -> Read | None:
    """A name that may stand in a query, as it is read."""
    kind = type_of_name(path)
    return None if kind is None or kind is Type.NODE else Read(kind, path)


BURN_RATE_TEMPLATE = read_query(BURN_RATE, read_name)
