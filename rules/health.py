"""Is a node well? By the answer to the health query of its kind. Used by `rules.evaluation`, and where settings are read."""

from functools import lru_cache

import msgspec

from rules import expressions as ex
from rules.asking import ask_node, ask_prometheus
from rules.expressions import Read, Template
from rules.facts import OBJECT, Facts, Look
from rules.finding import See, find_target
from rules.looking import read_name, write
from rules.problems import Fault
from rules.seen import Seen
from rules.templates import read_query
from rules.units import Type

OBJECT_STATUS = "status"
"""What the executor is told to look at: 1 is healthy, anything else is not."""


@lru_cache(maxsize=256)
def health_template(text: str) -> Template | str:
    """A health query from the settings, compiled; or what is wrong with it, in one sentence."""
    wrong: list[str] = []

    def resolve(path: str, span: tuple[int, int]) -> Read | None:
        read = read_name(path, span)
        if read is None:
            wrong.append(f"`{path}` is no name that can stand in a query")
        return read

    try:
        template = read_query(text, resolve)
    except Fault as fault:
        return f"{fault.message}: {fault.more['hint']}" if "hint" in fault.more else fault.message
    return wrong[0] if wrong else template


def healthy(item: ex.Healthy, facts: Facts, see: See) -> Seen:
    """1 is healthy, anything else is not, no data is unknown."""
    node, why = find_target(item.target, facts, see)
    if node is None:
        return Seen(None, why=(f"health is unknown: {why}",))
    if node.kind not in facts.health:
        return Seen(None, why=(f"health is unknown: no health query for nodes of kind {node.kind}",))
    if facts.health[node.kind] == OBJECT:
        look = Look("kubernetes", node.id, node.address, node.identity, (OBJECT_STATUS,), "object")
        seen = ask_node(f"status of {node.id}", Type.NUMBER, look, facts)
        return seen if seen.value is None else msgspec.structs.replace(seen, value=seen.value == 1)
    template = health_template(facts.health[node.kind])
    if isinstance(template, str):
        return Seen(None, why=(f"health is unknown: {template}",))
    text = write(template, facts, node)
    if not isinstance(text.value, str):
        why = "; ".join(text.why)
        return Seen(None, why=(f"health of {node.id} cannot be asked: {why}",), needs=text.needs)
    seen = ask_prometheus(text.value, Type.NUMBER, f"health of {node.id}", facts)
    return seen if seen.value is None else msgspec.structs.replace(seen, value=seen.value == 1)
