"""What the store kept of a time, for the noise budget."""

from healer.alerts.model import Refusal
from healer.convergence.outcome import Happening
from healer.store.store import Store
from healer.times import HOUR, Micros
from tests.contracts.store.given import NOON, arrival, happening, incident, plan, planned, step


def notice(code: str, at: Micros) -> Happening:
    return Happening("i1", at, "notify", code, {"channel": "duty"})


async def test_a_period_holds_what_came_opened_was_told_and_repaired_in_it(store: Store) -> None:
    """And nothing of the time before."""
    refused = (Refusal(0, "labels", "no alertname", "{}"),)
    await store.append([arrival("a", "b"), arrival("c", refusals=refused)])
    await store.take_over("one")
    told = (happening("i1", "opened"), notice("told", NOON - HOUR), notice("told", NOON), notice("edited", NOON + 1))
    opened = (incident("old", opened_at=NOON - HOUR), incident("i1"), incident("i2", opened_at=NOON + 1))
    ran = (planned("r1", plan()),)
    await store.commit(step(1, 1, 2, incidents=opened, timeline=told, planned=ran))

    found = await store.period(NOON, NOON + HOUR)
    assert (found.since, found.until, found.alerts, found.refused, found.complete) == (NOON, NOON + HOUR, 3, 1, True)
    assert [one.id for one in found.incidents] == ["i2", "i1"]
    assert sorted(one.code for one in found.notices) == ["edited", "told"]
    assert [one.id for one in found.remediations] == ["r1"]

    later = await store.period(NOON + 2 * HOUR, NOON + 3 * HOUR)
    assert (later.alerts, later.refused, later.incidents, later.notices, later.remediations) == (0, 0, (), (), ())
