"""Nothing stays under way for ever: every state has a deadline, and what outlives it is an alert of healer's own."""

import asyncio

import msgspec
import pytest

from healer.journey.ports import Arrival
from healer.journey.records import Troubled
from healer.remediation.auditor import CODE, Auditor
from healer.remediation.model import UNDER_WAY, Intent
from healer.remediation.overdue import MARGIN, SLACK, UNSETTLED, leaves_by, overdue, unsettled_for_long
from healer.times import HOUR, MINUTE, SECOND
from tests.contracts.store.given import HandClock
from tests.simulation.loop import SimLoop
from tests.unit.remediation.build import NOON, RESTART, remediation
from tests.unit.remediation.night import Night

EFFECT = Intent(
    "r1.0.0", "r1", "i1", 0, 0, "restart_service", "ssh", "host/web-1", 1, RESTART.argv, "", NOON, NOON + MINUTE
)


@pytest.mark.parametrize("state", sorted(UNDER_WAY))
def test_every_state_has_an_end(state: str) -> None:
    """An hour and a bit after its deadline everything under way is late."""
    found = remediation(state=state, deadline=NOON + HOUR, changed_at=NOON)
    intent = EFFECT if state == "executing" else None
    end = leaves_by(found, intent, 5 * MINUTE)
    assert NOON < end <= NOON + HOUR + 5 * MINUTE
    assert overdue(found, intent, 5 * MINUTE, end + SLACK) == ""
    late = overdue(found, intent, 5 * MINUTE, end + SLACK + 2 * MINUTE)
    assert late == f"remediation r1 (shop) is {state}, 12m too long"


def test_an_effect_ends_with_its_intent() -> None:
    """By the target's own deadline, and a minute for the news of it; without an intent a minute after it changed."""
    executing = remediation(state="executing", changed_at=NOON - SECOND)
    assert leaves_by(executing, EFFECT) == NOON + MINUTE + MARGIN
    assert leaves_by(executing, None) == NOON - SECOND + MARGIN


def test_a_step_that_waits_has_its_own_time() -> None:
    """`wait until ... within` may be longer than a plan may take to begin."""
    waits = remediation(state="waiting", deadline=NOON, waits_until=NOON + HOUR)
    assert leaves_by(waits, None) == NOON + HOUR


def test_an_outcome_that_nobody_finds_out_is_said_after_two_days() -> None:
    """Its target is left alone for all that time."""
    assert unsettled_for_long(EFFECT, EFFECT.deadline + UNSETTLED - 1) == ""
    said = unsettled_for_long(EFFECT, EFFECT.deadline + UNSETTLED)
    assert said == "nobody knows what became of intent r1.0.0 on host/web-1, for 2d: nothing is run there"


class Noted:
    """A journal that only takes notes."""

    def __init__(self) -> None:
        self.troubles: list[Troubled] = []

    async def append(self, arrivals: list[Arrival]) -> list[tuple[int, int]]:
        self.troubles.extend(one.record for one in arrivals if isinstance(one.record, Troubled))
        return []

    def troubled(self, code: str) -> bool:
        return bool(self.troubles) and self.troubles[-1] == Troubled(code, True, self.troubles[-1].detail)


def test_the_auditor_tells_once_and_takes_it_back() -> None:
    """By the store alone, whoever was to drive it: an alert begins with the first that is late and ends with the last."""

    async def work() -> None:
        clock, noted = HandClock(), Noted()
        with SimLoop(1) as loop:
            night = Night(loop)
        auditor = Auditor(night.store, noted, clock, lambda: night.converged.charter.ruleset, noted.troubled)  # type: ignore[arg-type] # as much of a journal as it uses
        await night.store.take_over("one")
        clock.instant = night.clock.now()
        await night.plans("r1")
        assert await auditor.look() == []
        clock.instant += HOUR + SLACK + MINUTE
        assert await auditor.look() == ["remediation r1 (shop) is planned, 11m too long"]
        await auditor.look()
        assert noted.troubles == [Troubled(CODE, True, "remediation r1 (shop) is planned, 11m too long")]
        stands = await night.stands()
        over = msgspec.structs.replace(stands, state="handed_over")
        assert await night.store.move(over, was="planned", now=clock.instant)
        assert await auditor.look() == []
        assert noted.troubles[1:] == [Troubled(CODE, False, "")]
        night.memory.close()

    asyncio.run(work())
