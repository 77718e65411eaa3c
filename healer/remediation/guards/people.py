"""Does somebody work there, or did somebody say that nothing is to be changed? Observed guards. Pure."""

from healer.remediation.guards.answer import Answer, no, yes
from healer.remediation.guards.observed import FRESH, Observed
from healer.remediation.model import Plan, PlanStep
from healer.times import SECOND, format_duration, format_rfc3339


def pause_file(_plan: Plan, _step: PlanStep, observed: Observed) -> Answer:
    """The kill switch that needs no service: a file on healer's own machine (`guards.pause_file`)."""
    return (
        no("kill switch", observed.halted)
        if observed.halted
        else yes("kill switch", "no file on healer's machine says stop")
    )


def silenced(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """No effect on a node with any silenced alert: somebody may be working there. Unreadable counts as silenced."""
    age = observed.silences_age
    if not observed.silences_readable:
        return no("silenced", "the silences of Alertmanager cannot be read, so somebody may be working there")
    if age is not None and age > FRESH:
        return no("silenced", f"the silences of Alertmanager were read {_seconds(age)} ago, at most 10s is fresh")
    for alert in observed.on_target:
        if alert.silence:
            return no("silenced", f"an alert on {step.node} is silenced by {alert.silence}")
    read = "there is no Alertmanager to mirror" if age is None else f"silences were read {_seconds(age)} ago"
    return yes("silenced", f"no alert on {step.node} is silenced; {read}")


def maintenance(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """No effect on a node in maintenance, or beneath one that is with all beneath, whatever fires there."""
    work = observed.at_work
    if work is None:
        return yes("maintenance", f"nobody works on {step.node}")
    return no("maintenance", f"{step.node} is left to {work} (maintenance {work.id})", retry_at=work.until)


def freeze(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """Nothing is changed while a calendar of `guards.freeze` has an entry. To look changes nothing, nor does tidying up."""
    frozen = observed.frozen
    if frozen is None or step.diagnostic or step.closing:
        return yes("freeze", "no freeze")
    until = format_rfc3339(frozen.until)
    return no(
        "freeze", f"the calendar {frozen.calendar} says that nothing is changed until {until}", retry_at=frozen.until
    )


def cordoned(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """Who took a node out of service has something in mind. To look changes nothing, and tidying up is healer's own."""
    if not observed.cordoned or step.diagnostic or step.closing:
        return yes("cordoned", f"{step.node} is in service")
    return no("cordoned", f"{step.node} was taken out of service by {observed.cordoned}")


def deployment(_plan: Plan, step: PlanStep, observed: Observed) -> Answer:
    """No effect where something is being deployed: it may be the cause, and two hands on one node are one too many."""
    if not observed.deploying or step.diagnostic or step.closing:
        return yes("deployment", f"nothing is being deployed on {step.node} or above it")
    return no("deployment", observed.deploying)


def _seconds(age: int) -> str:
    return format_duration(age // SECOND * SECOND)
