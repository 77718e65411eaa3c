"""By when must a remediation have left the state that it is in? What outlives that is an alert of healer's own. Pure.

Every state has a deadline: nothing stays under way for ever. Read by the auditor (`healer.remediation.auditor`).
"""

from healer.remediation.model import Intent, Remediation
from healer.times import HOUR, MINUTE, Micros, format_duration

MARGIN: Micros = MINUTE
"""How long after the target's own deadline an outcome may still be on its way; then a person is told."""
SLACK: Micros = 10 * MINUTE
"""How long after a deadline whoever has to act on it may take: a restart, a store that was away."""
UNSETTLED: Micros = 48 * HOUR
"""An effect whose outcome nobody knows blocks its target; after so long somebody has to look."""


def leaves_by(remediation: Remediation, intent: Intent | None, stable: Micros = 0) -> Micros:
    """The instant by which it should be in another state. `intent` is its unsettled one, `stable` the verification's."""
    if remediation.state == "executing":
        return (intent.deadline if intent is not None else remediation.changed_at) + MARGIN
    if remediation.state == "verifying":
        return remediation.deadline + stable
    return max(remediation.deadline, remediation.waits_until)


def overdue(remediation: Remediation, intent: Intent | None, stable: Micros, now: Micros) -> str:
    """What outlived its deadline, in a sentence; "" where nothing did."""
    late = now - leaves_by(remediation, intent, stable) - SLACK
    if late <= 0:
        return ""
    return (
        f"remediation {remediation.id} ({remediation.plan.rule}) is {remediation.state}, {_said(late + SLACK)} too long"
    )


def unsettled_for_long(intent: Intent, now: Micros) -> str:
    """An intent that nobody could settle, in a sentence; "" for one that is not that old."""
    age = now - intent.deadline
    if age < UNSETTLED:
        return ""
    return f"nobody knows what became of intent {intent.id} on {intent.target}, for {_said(age)}: nothing is run there"


def _said(span: Micros) -> str:
    return format_duration(span // MINUTE * MINUTE)
