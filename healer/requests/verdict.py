"""What became of a request so far: whether its alert is to fire, and what its object's status says. Pure.

Made from what is known: the object, the alert as the engine judges it, the remediation as the store has it. Whatever was done
once is never asked for again: the status says that it is over, and where that was lost the store does.
"""

from typing import Any, Literal

import msgspec

from healer.convergence.outcome import AlertView
from healer.remediation.model import Remediation
from healer.requests.resource import Asked
from healer.times import Micros, format_rfc3339

OVER = frozenset({"succeeded", "observed", "suggested", "refused", "rejected", "expired", "cancelled", "superseded"})
"""How a request ends for good: nobody has to do anything about it any more."""
OPEN = frozenset({"failed", "not_verified", "undone", "handed_over"})
"""It came to its end and a person has to look: its alert fires until the object is deleted."""
INVALID = "invalid"
MAX_MESSAGE = 1024

Truth = Literal["True", "False", "Unknown"]


class Verdict(msgspec.Struct, frozen=True):
    """`fires`: whether the alert is to be there. `status` is the object's, whole."""

    fires: bool
    status: dict[str, Any]


def judge(asked: Asked, alert: AlertView | None, remediation: Remediation | None, now: Micros) -> Verdict:
    """The verdict on one request. An alert that ended once something was begun for it never fires anew: that would be a second
    request."""
    before = _said(asked)
    fires = alert is not None and alert.status != "resolved"
    if asked.refused:
        return Verdict(False, _status(asked, INVALID, asked.refused, None, None, now))
    if remediation is None and (is_over(asked) or before.get("remediation")):
        return Verdict(fires and not is_over(asked), asked.status)
    if remediation is None or (remediation.state == "superseded" and fires):
        state, message = _before(alert)
        return Verdict(True, _status(asked, state, message, alert, None, now))
    state = remediation.state
    return Verdict(fires and state not in OVER, _status(asked, state, remediation.detail, alert, remediation, now))


def is_over(asked: Asked) -> bool:
    """Whether the object says that it is."""
    return _said(asked).get("state") in OVER


def _said(asked: Asked) -> dict[str, Any]:
    """The status, as far as it is about this request."""
    return asked.status if asked.status.get("observedGeneration") == asked.generation else {}


def _before(alert: AlertView | None) -> tuple[str, str]:
    """How far it is while nothing was planned."""
    if alert is None or alert.status == "resolved":
        return "accepted", "it is on its way to the engine"
    if alert.status == "held":
        return "held", "the engine waits for what else comes in before it calls this a cause of its own"
    if alert.status == "suppressed":
        return "suppressed", "something else that is wrong explains this: it is planned once that is over"
    if alert.status == "silenced":
        return "silenced", "a silence or maintenance covers it: it is planned once that is over"
    return (
        "unanswered",
        "no rule in use begins for it: rules.packs has `requests`, or write one `on event: RemediationRequested`",
    )


def _status(
    asked: Asked, state: str, message: str, alert: AlertView | None, remediation: Remediation | None, now: Micros
) -> dict[str, Any]:
    found: dict[str, Any] = {"observedGeneration": asked.generation, "state": state, "message": message[:MAX_MESSAGE]}
    incident = remediation.plan.incident if remediation is not None else alert.incident if alert is not None else ""
    if incident:
        found["incident"] = incident
    if remediation is not None:
        found |= {"remediation": remediation.id, "rule": remediation.plan.rule, "mode": remediation.plan.mode}
        found["plan"] = remediation.plan.hash
        found["startedAt"] = format_rfc3339(remediation.created_at)
        if remediation.state in OVER | OPEN:
            found["finishedAt"] = format_rfc3339(remediation.changed_at)
        if remediation.agreed:
            found["approvedBy"] = list(remediation.agreed)
    earlier = {one.get("type"): one for one in asked.status.get("conditions") or () if isinstance(one, dict)}
    found["conditions"] = [
        _condition(asked, earlier.get(kind), kind, truth, state, found["message"], now)
        for kind, truth in _truths(state, remediation)
    ]
    return found


def _truths(state: str, remediation: Remediation | None) -> list[tuple[str, Truth]]:
    over = state in OVER | OPEN | {INVALID}
    begun: Truth = "True" if remediation is not None and not over else "False"
    well: Truth = "True" if state == "succeeded" else "False" if over else "Unknown"
    return [("Accepted", "False" if state == INVALID else "True"), ("Progressing", begun), ("Succeeded", well)]


def _condition(
    asked: Asked, before: dict[str, Any] | None, kind: str, truth: Truth, state: str, message: str, now: Micros
) -> dict[str, Any]:
    same = before is not None and before.get("status") == truth
    since = before["lastTransitionTime"] if before is not None and same else format_rfc3339(now)
    return {
        "type": kind,
        "status": truth,
        "reason": "".join(part.capitalize() for part in state.split("_")),
        "message": message,
        "lastTransitionTime": since,
        "observedGeneration": asked.generation,
    }
