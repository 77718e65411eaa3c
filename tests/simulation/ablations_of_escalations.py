"""Safeguards of escalations taken away, one at a time; see `tests.simulation.ablations`."""

from collections.abc import Iterator
from contextlib import contextmanager

from healer.convergence.outcome import Incident
from healer.journey import escalating
from healer.journey.escalating import Escalations
from healer.notification.escalation import needless
from tests.simulation import ablation
from tests.simulation.taken_away import nothing, without

SCENARIO = "oncall"


@ablation("no clock for the next step", promise="escalation", scenario=SCENARIO)
@contextmanager
def no_clock() -> Iterator[None]:
    """A step that is due is taken when something else happens."""
    with without(Escalations, "next_due", nothing), without(Escalations, "due", lambda *_: []):
        yield


@ablation("an acknowledgement ends nothing", promise="escalation", scenario=SCENARIO)
@contextmanager
def acknowledged_in_vain() -> Iterator[None]:
    """Whoever is on it, the next one is called."""

    def needed(incident: Incident) -> str:
        why = needless(incident)
        return "" if why == "acknowledged" else why

    with without(escalating, "needless", needed):
        yield


@ablation("no time to answer after a restart", promise="escalation", scenario=SCENARIO)
@contextmanager
def no_time_to_answer() -> Iterator[None]:
    """That healer was away does not move the next step."""
    with without(Escalations, "resume", nothing):
        yield
