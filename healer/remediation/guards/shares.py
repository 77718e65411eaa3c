"""How many that stand in for one another may be away together? Counted guards. Pure."""

from healer.remediation.guards.answer import Answer, no, yes
from healer.remediation.guards.counted import ASK_AGAIN, Counted
from healer.remediation.guards.observed import Group
from healer.remediation.guards.rates import limits_for
from healer.remediation.model import Plan, PlanStep


def share_of_siblings(plan: Plan, step: PlanStep, counted: Counted) -> Answer:
    """Of a node's siblings only so many are down or under repair together; unknown ones count as down. At least one may."""
    group = counted.place.siblings
    shares = [*limits_for("share of siblings", plan, step), *limits_for("limit", plan, step)]
    for one in (one for one in shares if one.form == "share"):
        if group is None:
            if one.guard == "limit":
                why = f"the rule counts siblings, and nothing is known above {step.node}"
                return no("share of siblings", why, ends="refused")
            continue
        used = away(group, step, counted)
        most = max(1, int(one.share * len(group.nodes)))
        if len(used) >= most:
            why = f"{_of(used, group)} are down or under repair, at most {one.share:.0%} ({most}) may be"
            return no("share of siblings", why, retry_at=counted.now + ASK_AGAIN)
    if group is None:
        return yes("share of siblings", f"{step.node} has no siblings")
    return yes("share of siblings", f"{_of(away(group, step, counted), group)} are down or under repair")


def control_plane(_plan: Plan, step: PlanStep, counted: Counted) -> Answer:
    """Never more than one node of a control plane: what holds all others up has no spare."""
    group = counted.place.control_plane
    if group is None or step.diagnostic or step.closing:
        return yes("control plane", f"{step.node} is no control-plane node, or is left as it is")
    used = away(group, step, counted)
    said = f"{_of(used, group)} are down or under repair"
    return no("control plane", said, retry_at=counted.now + ASK_AGAIN) if used else yes("control plane", said)


def away(group: Group, step: PlanStep, counted: Counted) -> frozenset[str]:
    """Those of a group that cannot stand in for the target."""
    return (group.unwell | (counted.under_repair & group.nodes)) - {step.node}


def _of(used: frozenset[str], group: Group) -> str:
    return f"{len(used)} of {len(group.nodes)} {group.name}"
