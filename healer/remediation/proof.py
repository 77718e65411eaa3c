"""What is known of an effect beside its exit code: what would change, and what did, by a look before and one after. Pure.

Called by `healer.remediation.runner`. A look is no verification: that asks for a signal that the action did not produce.
"""

import msgspec

from healer.executors.states import patience, preview, took_effect
from healer.executors.states.reading import Change
from healer.executors.target import Result, Seen
from healer.remediation.model import Intent, PlanStep
from healer.times import Micros


def change_of(step: PlanStep, seen: Seen) -> Change:
    """What the step would change, in words; nothing, where what is wanted is so already."""
    return preview(step.shows, seen, dict(step.parameters))


def looks_after(intent: Intent, result: Result) -> bool:
    """Whether a look can tell more than the result does: when the command ended well, or was ended by what it brought about."""
    if not (intent.observe and intent.before and result.started):
        return False
    ended = result.exit_code is None or result.exit_code > 128
    return result.outcome == "succeeded" or (intent.shows == "boot" and ended)


def proven(intent: Intent, result: Result, seen: Seen, now: Micros) -> Result | None:
    """The result in the light of a look after it; None: look again, it may still come to show."""
    proof = took_effect(intent.shows, intent.before, seen, dict(intent.parameters))
    if proof.took:
        return msgspec.structs.replace(
            result, outcome="succeeded", why=proof.why, ended_at=now if intent.shows == "boot" else result.ended_at
        )
    waits = patience(intent.shows)
    until = intent.deadline if waits is None else (result.ended_at or now) + waits
    if (proof.took is False or (waits is None and seen.exit_code is None)) and now < until:
        return None
    if proof.took is False or intent.shows == "boot":
        return msgspec.structs.replace(result, outcome="failed", why=proof.why)
    return msgspec.structs.replace(result, why=proof.why or result.why)
