"""What does a node tell of itself, through a command that changes nothing? Used by `rules.evaluation`.

Everything is checked here as for an effect: one node, of a kind that the action takes and that the rule's folder may touch,
and parameters that are data.
"""

from rules import expressions as ex
from rules.asking import ask_node
from rules.facts import Facts, Look
from rules.finding import See, find_target
from rules.parameters import fill, refuse, written
from rules.permissions import touches
from rules.seen import Seen, joined
from rules.units import format_value


def glance(item: ex.Glance, facts: Facts, see: See) -> Seen:
    """The state or the exit code; unknown, and why, where nobody can be asked."""
    node, why = find_target(item.target, facts, see)
    if node is None:
        return _nobody(item, why)
    if item.accepts and node.kind not in item.accepts:
        return _nobody(item, f"{node.id} is a {node.kind}, and {item.action} accepts {' or '.join(item.accepts)}")
    if not touches(item.nodes, node):
        return _nobody(item, f"{node.id} is none of the nodes that the rule's folder may touch")
    values = {name: see(value, facts) for name, value in item.given}
    needs = joined(seen.needs for seen in values.values())
    if needs:
        return Seen(None, why=(f"{item.label} waits for what its parameters need",), needs=needs)
    texts: dict[str, str] = {}
    shown: list[str] = []
    for parameter in item.parameters:
        value = values[parameter.name].value
        if value is None:
            return _nobody(item, f"{parameter.name} is unknown: {'; '.join(values[parameter.name].why)}")
        if refused := refuse(parameter, value):
            return _nobody(item, refused)
        texts[parameter.name] = written(parameter, value)
        shown.append(f"{parameter.name}: {format_value(parameter.type, value)}")
    argv = fill(item.argv, texts)
    if isinstance(argv, str):
        return _nobody(item, argv)
    look = Look(item.executor, node.id, node.address, node.identity, argv, item.shows)
    what = "state" if item.shows else "exit code"
    return ask_node(f"{what} of {item.action}({', '.join(shown)}) on {node.id}", item.type, look, facts)


def _nobody(item: ex.Glance, why: str) -> Seen:
    return Seen(None, why=(f"{item.label} cannot be asked: {why}",))
