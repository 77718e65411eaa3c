"""Who is called next when nobody acknowledges? One climb for each incident and escalation, from step to step until it ended.

Pure; kept by `healer.journey.escalating`, which lets time pass. A climb ends in one of four ways: somebody acknowledged, the
incident is over, people need not hear of it (a silence), or nobody is left to be called.
"""

from typing import Literal

import msgspec

from healer.convergence.outcome import Incident
from healer.notification.oncall.settings import Escalation, Rung
from healer.times import MINUTE, Micros

MATTER = "escalation"
"""The first word of the matter of each call: every one is a message of its own."""
MOST_CALLS = 200
"""Of one incident by one escalation, however often it goes on again: whoever did not come for these does not come for more."""

PATIENCE: Micros = 15 * MINUTE
"""So long at most a step that is due waits for what healer tries."""

End = Literal["acknowledged", "over", "silenced", "exhausted", "removed"]
AGAIN: frozenset[str] = frozenset({"acknowledged", "over", "silenced", "removed"})
"""What ended so needs nobody, and begins anew when somebody is needed again."""


class Climb(msgspec.Struct, frozen=True, array_like=True):
    """How far it came: `called` steps since `since`, `number` in all its climbs. `due` is when the next step is, 0 for none;
    `held` says that it waits there for what healer tries. `ended` is "" while it goes on."""

    since: Micros
    due: Micros
    called: int = 0
    number: int = 0
    held: bool = False
    ended: End | Literal[""] = ""

    @property
    def going(self) -> bool:
        return not self.ended

    @property
    def rings(self) -> Micros:
        """When the next step is taken at the latest."""
        return self.due + PATIENCE if self.held else self.due


def needless(incident: Incident) -> End | Literal[""]:
    """Why nobody is to be called of an incident; "" where somebody is."""
    if incident.status != "open":
        return "over"
    if incident.people.acked_by:
        return "acknowledged"
    return "" if incident.told else "silenced"


def begin(before: Climb | None, policy: Escalation, now: Micros) -> Climb:
    """Somebody is needed: a climb from the first step on."""
    return Climb(since=now, due=now + policy.steps[0].after, number=before.number if before is not None else 0)


def next_call(climb: Climb, policy: Escalation, now: Micros, *, busy: bool) -> tuple[Climb, Rung | None]:
    """The climb as it goes on at this instant, and the step that is taken, if one is. `busy`: healer is at it, or saw it well,
    so that a step that is due waits for what comes of that, for `PATIENCE`."""
    if not climb.going or climb.due > now:
        return climb, None
    if busy and now < climb.due + PATIENCE:
        return msgspec.structs.replace(climb, held=True), None
    if climb.called >= policy.calls or climb.number >= MOST_CALLS:
        return ended(climb, "exhausted"), None
    rung = policy.steps[climb.called % len(policy.steps)]
    called = climb.called + 1
    following = called % len(policy.steps)
    due = now + (policy.steps[following].after if following else policy.wait)
    return msgspec.structs.replace(climb, called=called, number=climb.number + 1, due=due, held=False), rung


def in_vain(climb: Climb, policy: Escalation, now: Micros) -> Climb:
    """Nobody could be called by this step: the next one is due at once."""
    return msgspec.structs.replace(climb, due=now) if climb.called % len(policy.steps) else climb


def ended(climb: Climb, why: End) -> Climb:
    """It is at its end."""
    return msgspec.structs.replace(climb, due=0, held=False, ended=why)


def matter_of(name: str, number: int) -> str:
    """What a call is named by in the told ledger."""
    return f"{MATTER} {name} {number}"


def is_escalation(matter: str) -> bool:
    """Whether somebody is called by this matter who may have heard nothing before."""
    return matter.startswith(f"{MATTER} ")


def read_matter(matter: str) -> tuple[str, str]:
    """The name of the escalation, and the number of the call."""
    name, _, number = matter.removeprefix(f"{MATTER} ").rpartition(" ")
    return name, number
