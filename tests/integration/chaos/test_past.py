"""The chaos run's checkers notice: each promise that a record breaks is named, and a record that breaks none is clean."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from healer.remediation.model import Intent, Limit, Remediation
from healer.times import SECOND, Micros
from tests.contracts.store.given import NOON, plan
from tests.integration.chaos.deeds import Deed
from tests.integration.chaos.faults import Fault
from tests.integration.chaos.past import Noted, Past, Records
from tests.integration.chaos.promises import twice
from tests.integration.chaos.site import Happened

TARGET = plan().steps[0].node
LIMIT = Limit(1, 60 * SECOND, "one a minute")


def remediation(number: int, at: Micros) -> list[Noted]:
    """What is noted of a remediation from its plan to its success, with one effect, within ten seconds."""
    id = f"r{number}"
    states = ((0, "planned"), (1, "locked"), (2, ""), (2, "executing"), (4, ""), (4, "verifying"), (9, "succeeded"))
    found = []
    for seconds, state in states:
        when = at + seconds * SECOND
        if state:
            found.append(Noted(when, f"remediation {state}", {"remediation": id}))
        else:
            kind = "intent" if seconds == 2 else "intent succeeded"
            found.append(Noted(when, kind, {"id": f"{id}.0", "remediation": id}))
    return found


def intent(number: int, at: Micros) -> Intent:
    step = plan().steps[0]
    return Intent(
        id=f"r{number}.0",
        remediation=f"r{number}",
        incident="i1",
        step=0,
        attempt=0,
        action=step.action,
        executor="ssh",
        target=TARGET,
        token=number,
        argv=step.argv,
        trace_id="",
        written_at=at + 2 * SECOND,
        deadline=at + 60 * SECOND,
        outcome="succeeded",
    )


def deed(number: int, at: Micros) -> Deed:
    return Deed(f"r{number}.0", "nginx", at + 3 * SECOND, at + 3 * SECOND + SECOND // 2)


LATER = NOON + 20 * SECOND
REFUSED = Noted(NOON, "intent refused", {"remediation": "r1", "guard": "concurrency"})
GOOD = Records(
    [REFUSED, *remediation(1, NOON), *remediation(2, LATER)],
    {f"r{number}": Remediation(f"r{number}", plan(), "succeeded") for number in (1, 2)},
    {"r1.0": intent(1, NOON), "r2.0": intent(2, LATER)},
    [deed(1, NOON), deed(2, LATER)],
)


def well(place: str, after: Micros, until: Micros) -> bool:
    return place == TARGET and until >= after


def ill(place: str, after: Micros, until: Micros) -> bool:
    return not well(place, after, until)


def accused(records: Records, was_well: Callable[[str, Micros, Micros], bool] = well) -> set[str]:
    past = Past(records, was_well)
    past.replay()
    return {promise for promise, _ in past.court.accusations}


def limited(records: Records) -> dict[str, Remediation]:
    return {id: replace(one, plan=plan(limits=(LIMIT,))) for id, one in records.remediations.items()}


def test_a_good_record_is_clean() -> None:
    """Two effects on one target, one after the other, each written first and seen to help: nothing to say."""
    assert accused(GOOD) == set()


@pytest.mark.parametrize(
    ("promise", "change"),
    [
        ("E1", {"deeds": [deed(1, NOON), deed(1, NOON + SECOND), deed(2, LATER)]}),
        ("E1", {"deeds": [deed(1, NOON), deed(7, NOON + 6 * SECOND), deed(2, LATER)]}),
        ("E1", {"deeds": [deed(1, NOON + 2 * SECOND), deed(2, LATER)]}),
        ("E2", {"deeds": [replace(deed(1, NOON), ended_at=LATER + 8 * SECOND), deed(2, LATER)]}),
        ("E2", {"intents": {"r1.0": replace(intent(1, NOON), token=3), "r2.0": intent(2, LATER)}}),
        ("E2", {"accepted": [(NOON, TARGET, 5, 0)]}),
        ("E3", {"remediations": limited(GOOD)}),
        ("E4", {"audit": [Noted(NOON, "switch thrown", {"scope": "all"}), *GOOD.audit]}),
        ("arrows", {"audit": [*GOOD.audit, Noted(LATER + 20 * SECOND, "remediation waiting", {"remediation": "r1"})]}),
    ],
    ids=["twice", "unwritten", "settled", "together", "older", "overtaken", "too often", "paused", "after the end"],
)
def test_a_broken_promise_is_named(promise: str, change: dict[str, Any]) -> None:
    """Each record says one thing that must not be, and the checker of that promise is among those that accuse."""
    assert promise in accused(replace(GOOD, **change))


def test_success_without_health_is_named() -> None:
    """E5: what was not well since the effect's end was not healed."""
    assert accused(GOOD, ill) == {"E5"}


def test_what_comes_twice_needs_an_excuse() -> None:
    """A4: a message that is sent again is excused by a death between the two, and by nothing else that fails."""
    sent = {"i1": [NOON, NOON + 10 * SECOND], "i2": [NOON]}
    died = Happened(Fault(0, 0, "kill", "one"), NOON + SECOND, NOON + 2 * SECOND)
    assert twice(sent, [died]) == 1
    flushed = Happened(Fault(0, 0, "flush"), NOON + SECOND, NOON + 2 * SECOND)
    earlier = Happened(Fault(0, 0, "kill", "one"), NOON - 20 * SECOND, NOON - 10 * SECOND)
    with pytest.raises(AssertionError, match="i1 was told twice"):
        twice(sent, [flushed, earlier])
