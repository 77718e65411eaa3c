"""May this effect happen now, as far as can be observed? Each no says which guard and by how much. Pure.

Counted guards (limits, the kill switch, one unsettled intent per target) are in T3, where they hold in every prefix of
history; these hold as of an observation at most `FRESH` old, and the runner asks them right before T3.
"""

from collections.abc import Callable

import msgspec

from healer.convergence.outcome import AlertView, AtWork, Incident
from healer.remediation.model import Plan, PlanStep, Refused
from healer.times import HOUR, SECOND, Micros, format_duration

FRESH: Micros = 10 * SECOND
"""The oldest observation that a guard accepts."""
STALE: Micros = 24 * HOUR
"""An alert that fires for longer than this is somebody's decision by now, not news."""


class Observed(msgspec.Struct, frozen=True):
    """What is known about an incident and a target now. `silences_age` is None where no silence can be mirrored."""

    now: Micros
    incident: Incident | None
    root: AlertView | None
    on_target: tuple[AlertView, ...]
    above_target: tuple[AlertView, ...]
    silences_age: Micros | None
    silences_readable: bool = True
    at_work: AtWork | None = None
    """Maintenance that is under way on the target."""
    excepted: str = ""
    """The exception of its rule that holds now, and why."""
    doubtful: str = ""
    """The one of which nobody can say whether it does, and why."""


Guard = Callable[[Plan, PlanStep, Observed], Refused | None]


def refuse(plan: Plan, step: PlanStep, observed: Observed) -> Refused | None:
    """The first guard that says no."""
    for guard in GUARDS:
        refused = guard(plan, step, observed)
        if refused is not None:
            return refused
    return None


def silenced(_plan: Plan, step: PlanStep, observed: Observed) -> Refused | None:
    """No effect on a node with any silenced alert: somebody may be working there. Unreadable counts as silenced."""
    if not observed.silences_readable:
        return Refused("silenced", "the silences of Alertmanager cannot be read, so somebody may be working there")
    if observed.silences_age is not None and observed.silences_age > FRESH:
        age = format_duration(observed.silences_age // SECOND * SECOND)
        return Refused("silenced", f"the silences of Alertmanager were read {age} ago, at most 10s is fresh")
    for alert in observed.on_target:
        if alert.silence:
            return Refused("silenced", f"an alert on {step.node} is silenced by {alert.silence}")
    return None


def maintenance(_plan: Plan, step: PlanStep, observed: Observed) -> Refused | None:
    """No effect on a node in maintenance, or beneath one that is with all beneath, whatever fires there."""
    work = observed.at_work
    if work is None:
        return None
    return Refused("maintenance", f"{step.node} is left to {work} (maintenance {work.id})", retry_at=work.until)


def excepted(_plan: Plan, step: PlanStep, observed: Observed) -> Refused | None:
    """The rule's own exceptions hold at the effect as at the plan, which may have waited since; one that may hold does."""
    if step.closing:
        return None
    if observed.excepted:
        return Refused("except", observed.excepted, ends="superseded")
    return Refused("except", observed.doubtful) if observed.doubtful else None


def only_roots(plan: Plan, step: PlanStep, observed: Observed) -> Refused | None:
    """Only roots are healed, and no node whose ancestor is the root of something; what tidies up is exempt."""
    if step.closing:
        return None
    root = observed.root
    if observed.incident is None or root is None or root.status not in ("root", "member"):
        status = root.status if root is not None else "gone"
        return Refused("only roots", f"the alert that the rule {plan.rule} matched is {status}, not a root")
    for alert in observed.above_target:
        if alert.status in ("root", "held"):
            return Refused("only roots", f"{alert.node}, above {step.node}, is the root of something itself")
    return None


def freshness(plan: Plan, step: PlanStep, observed: Observed) -> Refused | None:
    """The condition still holds now, and the alert is fresh; what tidies up comes when it is over."""
    if step.closing:
        return None
    root = observed.root
    if root is None or root.status == "resolved":
        return Refused("freshness", "the alert has ended")
    if root.starts_at != plan.root_starts_at:
        return Refused("freshness", "the alert ended and fires anew; it is another episode by now", ends="superseded")
    if observed.now - root.starts_at > STALE:
        return Refused("freshness", f"the alert fires for longer than {format_duration(STALE)}", ends="refused")
    return None


GUARDS: tuple[Guard, ...] = (silenced, maintenance, excepted, only_roots, freshness)
