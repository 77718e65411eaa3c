"""The noise budget: what a period cost people and what it spared them, counted from what the store kept."""

import msgspec
import pytest

from healer.convergence.outcome import Happening, People
from healer.notification.budget import UNHEARD, Messages, Period, Repairs, budget
from healer.remediation.model import Remediation, State
from healer.times import DAY, HOUR, MINUTE, Micros
from tests.contracts.store.given import NOON, incident, plan


def note(
    code: str, incident: str = "i1", *, channel: str = "duty", at: Micros = NOON, message_id: str = "7"
) -> Happening:
    return Happening(incident, at, "notify", code, {"channel": channel, "message_id": message_id})


def run(state: State, incident: str = "i1", *, rule: str = "restart") -> Remediation:
    return Remediation(f"{incident} {state}", plan(incident, rule=rule), state)


def period(**what: object) -> Period:
    return msgspec.structs.replace(Period(NOON - 7 * DAY, NOON + DAY), **what)


def test_nothing_is_nothing() -> None:
    """A time in which nothing happened has no medians and divides nothing."""
    found = budget(period(), {})
    assert (found.incidents, found.messages, found.to_tell, found.to_resolve) == (0, 0, None, None)
    assert found.repairs == Repairs()


def test_messages_are_counted_by_channel_and_by_night() -> None:
    """New ones and edits apart; night is the channel's own: noon in UTC is none in Kiritimati, fourteen hours ahead."""
    notices = (
        note("told"),
        note("told", "i2", at=NOON + 11 * HOUR),
        note("edited"),
        note("dead"),
        note("told", channel="island", at=NOON + HOUR),
        note("passed on"),
    )
    found = budget(period(notices=notices), {"island": "Pacific/Kiritimati"})
    assert found.channels == {"duty": Messages(2, 1, 1, 1), "island": Messages(1, 1, 0, 0)}
    assert found.messages == 3


def test_a_message_that_several_share_is_one() -> None:
    """However many incidents it names."""
    shared = tuple(note("told", id, message_id="+c/1") for id in ("i1", "i2", "i3"))
    found = budget(period(notices=(*shared, note("told", "i4", message_id="+c/2"))), {})
    assert found.channels["duty"].new == 2


def test_repairs_are_those_that_helped_and_those_that_did_not() -> None:
    """What nobody ran is neither; rules are named by how often they came."""
    states: tuple[State, ...] = ("succeeded", "failed", "undone", "verifying", "suggested", "rejected")
    found = budget(period(remediations=(*map(run, states), run("succeeded", rule="drain"))), {})
    assert found.repairs == Repairs(helped=2, did_not_help=2, under_way=1, not_run=2)
    assert list(found.rules) == ["restart", "drain"]
    assert found.rules["drain"] == Repairs(helped=1)


@pytest.mark.parametrize(
    ("people", "alone"),
    [(People(), 1), (People(acked_by="ada"), 0), (People(closed_by="ada"), 0), (People(blamed_by="ada"), 0)],
)
def test_what_a_repair_ended_alone_needed_nobody(people: People, alone: int) -> None:
    """As soon as anybody had to say something of it, it did."""
    healed = msgspec.structs.replace(incident("i1", status="resolved"), people=people)
    open_still = incident("i2")
    runs = (run("succeeded"), run("succeeded", "i2"))
    assert budget(period(incidents=(healed, open_still), remediations=runs), {}).healed_alone == alone


def test_times_are_medians_of_what_happened() -> None:
    """To the first message, from there to somebody's answer, and to the end."""
    acked = msgspec.structs.replace(incident("i1"), people=People(acked_by="ada", acked_at=NOON + 9 * MINUTE))
    ended = msgspec.structs.replace(incident("i2", status="resolved"), resolved_at=NOON + HOUR)
    notices = (
        note("told", at=NOON + 5 * MINUTE),
        note("told", at=NOON + 4 * MINUTE),
        note("told", "i2", at=NOON + DAY),
    )
    found = budget(period(incidents=(acked, ended), notices=notices), {})
    assert (found.to_tell, found.to_acknowledge, found.to_resolve) == (4 * MINUTE, 5 * MINUTE, HOUR)


def test_roots_and_places_are_judged_by_what_people_said() -> None:
    """Confirmed and corrected ones, and incidents on no node of the topology."""
    nowhere = incident("i3")
    nowhere = msgspec.structs.replace(nowhere, root=msgspec.structs.replace(nowhere.root, node="", name="Odd"))
    several = (
        msgspec.structs.replace(incident("i1"), people=People(confirmed_by="ada")),
        msgspec.structs.replace(incident("i2"), people=People(blamed_by="lin")),
        nowhere,
    )
    found = budget(period(incidents=several, alerts=9, refused=1), {})
    assert (found.roots_confirmed, found.roots_wrong, found.unmapped) == (1, 1, 1)
    assert (found.noisiest, found.severities) == ({"HostDown": 2, "Odd": 1}, {"critical": 3})
    assert (found.alerts, found.refused, found.incidents, found.open, found.told) == (9, 1, 3, 3, 3)


def test_what_was_over_before_anybody_heard_is_counted() -> None:
    """Once for each incident, and not where some channel was told."""
    notices = (note(UNHEARD), note(UNHEARD, channel="ops"), note(UNHEARD, "i2"), note("told", "i2", channel="ops"))
    assert budget(period(notices=notices), {}).unheard == 1
