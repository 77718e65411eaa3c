"""Is it still what it was when the rule matched, and is it sure enough? Observed guards. Pure."""

from healer.convergence.fixed import ONE
from healer.remediation.guards.answer import Answer, no, yes
from healer.remediation.guards.observed import FRESH, Observed
from healer.remediation.model import Plan, PlanStep
from healer.times import SECOND, Micros, format_duration, format_rfc3339


def only_roots(plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """Only roots are healed, and no node whose ancestor is the root of something; what tidies up is exempt."""
    if step.closing:
        return yes("only roots", "it tidies up")
    root = observed.root
    if observed.incident is None or root is None or root.status not in ("root", "member"):
        status = root.status if root is not None else "gone"
        return no("only roots", f"the alert that the rule {plan.rule} matched is {status}, not a root")
    if root.incident and root.incident != plan.incident:
        why = f"the alert that the rule {plan.rule} matched belongs to incident {root.incident} by now"
        return no("only roots", why, ends="superseded")
    for alert in observed.above_target:
        if alert.status in ("root", "held"):
            return no("only roots", f"{alert.node}, above {step.node}, is the root of something itself")
    return yes("only roots", f"its alert is a {root.status}, and nothing above {step.node} is a root")


def freshness(plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """The alert fires, is the same episode, and is news; what tidies up comes when it is over."""
    if step.closing:
        return yes("freshness", "it tidies up")
    root, stale = observed.root, observed.bounds.stale
    if root is None or root.status == "resolved":
        return no("freshness", "the alert has ended")
    if root.starts_at != plan.root_starts_at:
        return no("freshness", "the alert ended and fires anew; it is another episode by now", ends="superseded")
    age = observed.now - root.starts_at
    if age > stale:
        return no("freshness", f"the alert fires for longer than {format_duration(stale)}", ends="refused")
    return yes("freshness", f"the alert fires for {_seconds(age)}, at most {format_duration(stale)} is news")


def sender_alive(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """Nothing is healed on the word of somebody who says nothing any more; what only looks, or tidies up, needs no such word."""
    if step.closing:
        return yes("sender alive", "it tidies up")
    if step.diagnostic:
        return yes("sender alive", "it only looks")
    return no("sender alive", observed.silent) if observed.silent else yes("sender alive", "alerts come in")


def excepted(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """The rule's own exceptions hold at the effect as at the plan, which may have waited since; one that may hold does."""
    if step.closing:
        return yes("except", "it tidies up")
    if observed.excepted:
        return no("except", observed.excepted, ends="superseded")
    return no("except", observed.doubtful) if observed.doubtful else yes("except", "no exception of the rule holds")


def dwell(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """What made the rule match still holds now; and before anything destructive it has lasted for a while."""
    if step.closing or observed.held is None or observed.root is None:
        return yes("dwell", "the plan is under way")
    held = observed.held
    if (age := observed.now - held.at) > FRESH:
        return no("dwell", f"the rule's condition was looked at {_seconds(age)} ago, at most 10s is fresh")
    if held.value is not True:
        word = "does not hold any more" if held.value is False else "cannot be told"
        return no("dwell", f"what made the rule match {word}: {held.why}")
    lasted, wanted = observed.now - observed.root.onset, observed.bounds.dwell if step.destructive else 0
    if lasted < wanted:
        due = observed.root.onset + wanted
        why = f"{step.action} is destructive: it waits until this has lasted {format_duration(wanted)}, at {format_rfc3339(due)}"
        return no("dwell", why, retry_at=due)
    return yes("dwell", f"the condition holds, for {_seconds(lasted)} since its onset")


def storm(plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """In a storm only rules act that say `allow: storm`; what tidies up is exempt."""
    if observed.incident is None or not observed.incident.storm or step.closing or "storm" in plan.allow:
        return yes("storm", "no storm, or the rule may act in one")
    return no("storm", "many things broke at once, and this rule does not say `allow: storm`")


def flapping(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """What comes and goes is left alone until it is calm; what tidies up is exempt."""
    if observed.incident is None or not observed.incident.flapping or step.closing:
        return yes("flapping", "it does not come and go")
    return no("flapping", "it comes and goes, and nothing is run until it is calm")


def confidence(plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """Unasked, only what is surely the cause is healed: found directly, said by a person, or as often right as is wanted."""
    incident, wanted = observed.incident, observed.bounds.confidence
    if incident is None or step.closing or step.diagnostic or plan.approve or not wanted:
        return yes("confidence", "nobody has to be sure of the cause here")
    if incident.how in ("direct", "person") or (len(incident.candidates) <= 1 and incident.how != "silent"):
        return yes("confidence", f"the root was found by {incident.how}, and nothing else could be it")
    if incident.named is not None and incident.named.node != incident.root.node:
        return no("confidence", f"{incident.named.node} is more likely the cause than {incident.root.node}")
    sure = incident.confidence
    record = f"{sure.right} of {sure.of} roots found so proved right here"
    if sure.value is None:
        return no("confidence", f"the root was {incident.how}, and how sure that is nobody knows yet: {record}")
    share = f"{100 * sure.value / ONE:.0f}%"
    if sure.value < wanted * ONE:
        return no("confidence", f"the root was {incident.how} and is sure to {share}, {wanted:.0%} is wanted: {record}")
    return yes("confidence", f"the root is sure to {share}: {record}")


def _seconds(span: Micros) -> str:
    return format_duration(max(0, span) // SECOND * SECOND)
