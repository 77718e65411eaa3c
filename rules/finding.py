"""Which one node does a rule mean? Used by `rules.evaluation` and, for the targets of steps, by `rules.planning`."""

from collections.abc import Callable

from rules.expressions import Expression, Target
from rules.facts import Facts, NodeFact
from rules.seen import Seen

See = Callable[[Expression, Facts], Seen]


def find_target(target: Target, facts: Facts, see: See) -> tuple[NodeFact | None, str]:
    """The one node that is meant, or None and why there is none. `see` evaluates what a found node must be."""
    if target.which == "node":
        return facts.node, "" if facts.node else "the incident has no node"
    if target.which == "owner":
        return facts.owner, "" if facts.owner else "the node has no owner"
    if target.which == "find":
        return _find(target, facts, see)
    return nearest(target.kind or "", facts)


def nearest(kind: str, facts: Facts) -> tuple[NodeFact | None, str]:
    """The incident's node where it is of this kind, else its nearest ancestor that is."""
    if facts.node is not None and facts.node.kind == kind:
        return facts.node, ""
    if kind not in facts.ancestors:
        return None, f"no {kind} above the node"
    found = facts.ancestors[kind]
    return found, "" if found else f"several {kind}s are equally near"


def _find(target: Target, facts: Facts, see: See) -> tuple[NodeFact | None, str]:
    where: dict[str, str] = {}
    for name, expression in target.where:
        seen = see(expression, facts)
        if not isinstance(seen.value, str):
            return None, "; ".join(seen.why) or f"{name} is unknown"
        where[name] = seen.value
    if facts.around is None:
        return None, "the topology is not known"
    found = facts.around.find(target.kind, where)
    if len(found) == 1:
        return found[0], ""
    wanted = ", ".join(
        [f"kind {target.kind}"] * bool(target.kind) + [f"{name} {value!r}" for name, value in where.items()]
    )
    return None, f"{'several nodes have' if found else 'no node has'} {wanted}"
