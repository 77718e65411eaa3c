"""What the store adds to an incident's timeline by itself, and which timelines are ready to be exported as traces."""

import msgspec

from healer.convergence.outcome import Happening
from healer.journey.ports import Closed
from healer.notification.ports import Claim
from healer.remediation.model import Remediation
from healer.store.store import Store
from healer.times import MINUTE, SECOND, Micros
from tests.contracts.store.given import NOON, closed, incident, plan, planned, step, superseded, wanted

LEASE: Micros = 30 * SECOND


async def claimed(store: Store, *, now: Micros = NOON) -> Claim:
    (claim,) = await store.claim("chat", now=now, lease=LEASE, limit=1)
    return claim


async def want(store: Store, number: int) -> None:
    await store.commit(step(number, 1, 0, wanted=(wanted("i1", number),)))


def line(at: Micros, code: str, revision: int, **facts: str) -> Happening:
    return Happening("i1", at, "notify", code, {"channel": "chat", "revision": str(revision), **facts})


async def test_the_timeline_says_who_was_told_what_and_when(store: Store) -> None:
    """A message of its own is one line; an edit is another when it says something new, and none when only numbers did."""
    await store.take_over("one")
    await want(store, 1)
    await store.told(await claimed(store), message_id="77", now=NOON + 5, said="broken")
    told = line(NOON + 5, "told", 1, message_id="77", said="broken", wanted_at=str(NOON + 1))
    assert await store.timeline("i1") == [told]
    await want(store, 2)
    await store.told(await claimed(store), message_id="77", now=NOON + 6, said="broken")
    assert await store.timeline("i1") == [told]
    await want(store, 3)
    await store.told(await claimed(store), message_id="77", now=NOON + 7, said="healed")
    edited = line(NOON + 7, "edited", 3, message_id="77", said="healed", wanted_at=str(NOON + 3))
    assert await store.timeline("i1") == [told, edited]


async def test_telling_the_store_twice_makes_one_line(store: Store) -> None:
    """Whoever lost the store's answer says it again; the timeline has it once."""
    await store.take_over("one")
    await want(store, 1)
    mine = await claimed(store)
    for _ in range(2):
        await store.told(mine, message_id="77", now=NOON + 5, said="broken")
    assert [happening.code for happening in await store.timeline("i1")] == ["told"]


async def test_a_dead_letter_is_in_the_timeline(store: Store) -> None:
    """That somebody was not reached is part of the incident's story, with why."""
    await store.take_over("one")
    await want(store, 1)
    await store.failed(await claimed(store), now=NOON, why="chat not found", dead=True)
    assert await store.timeline("i1") == [line(NOON, "dead", 1, why="chat not found")]


async def test_a_busy_channel_brings_no_row_nearer_to_death(store: Store) -> None:
    """A failure that does not count leaves the number of attempts alone."""
    await store.take_over("one")
    await want(store, 1)
    await store.failed(await claimed(store), now=NOON, why="429", counts=False)
    again = await claimed(store)
    assert again.attempts == 0
    await store.failed(again, now=NOON, why="500")
    assert (await claimed(store)).attempts == 1


async def untraced(store: Store, patience_ended: Micros = NOON) -> list[str]:
    return [one.id for one in await store.untraced(patience_ended=patience_ended, limit=10)]


async def ended(store: Store, id: str = "i1") -> None:
    """An incident that is over and that memory forgot."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, incidents=(incident(id, status="resolved"),), closed=(closed(id),)))


async def test_an_incident_is_traced_once_when_it_is_over_for_good(store: Store) -> None:
    """Not while it is open, nor while it can reopen; from then on until its trace is marked as exported."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, incidents=(incident("i1"),)))
    assert await untraced(store) == []
    await store.commit(step(2, 1, 0, incidents=(incident("i1", status="resolved"),)))
    assert await untraced(store) == []
    await store.commit(step(3, 1, 0, closed=(closed("i1"),)))
    assert await untraced(store) == ["i1"]
    await store.mark_traced(["i1"])
    assert await untraced(store) == []
    await store.commit(step(4, 1, 0, incidents=(incident("i1", status="resolved", revision=2),)))
    assert await untraced(store) == [], "a later projection of it is no news"


async def test_a_merged_incident_is_over(store: Store) -> None:
    """Another speaks for it, and it never reopens."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, incidents=(incident("i1", status="merged"),)))
    assert await untraced(store) == ["i1"]


async def test_a_trace_waits_for_its_remediation(store: Store) -> None:
    """Verification may outlast the incident: its span is exported finished, or not yet."""
    await ended(store)
    await store.commit(step(2, 1, 0, planned=(planned("r1", plan()),)))
    assert await untraced(store) == []
    await store.commit(step(3, 1, 0, superseded=(superseded("r1"),)))
    assert await untraced(store) == ["i1"]


async def test_a_trace_waits_for_people_to_be_told_but_not_for_ever(store: Store) -> None:
    """The last edit belongs to the story; a channel that is down holds the trace up for as long as patience lasts."""
    await ended(store)
    await want(store, 2)
    assert await untraced(store) == []
    assert await untraced(store, patience_ended=NOON + MINUTE) == ["i1"]
    await store.told(await claimed(store), message_id="77", now=NOON)
    assert await untraced(store) == ["i1"]


async def test_a_closed_incident_says_when(store: Store) -> None:
    """Patience counts from the step that closed it."""
    await store.take_over("one")
    kept = Closed("i1", msgspec.msgpack.encode([]))
    await store.commit(step(1, 1, 0, incidents=(incident("i1", status="resolved"),), closed=(kept,)))
    await want(store, 2)
    assert await untraced(store, patience_ended=NOON + 1) == []
    assert await untraced(store, patience_ended=NOON + 2) == ["i1"]


async def test_what_a_plan_was_refused_for_is_kept(store: Store) -> None:
    """The reason that the planner gave is the remediation's detail."""
    await store.take_over("one")
    refused = msgspec.structs.replace(planned("r1", plan(), "refused"), detail="no target")
    await store.commit(step(1, 1, 0, planned=(refused,)))
    stored = await store.remediation("r1")
    assert isinstance(stored, Remediation)
    assert (stored.state, stored.detail) == ("refused", "no target")


async def test_the_store_can_be_asked_whether_it_still_writes(store: Store) -> None:
    """A probe is a write like any other, as often as somebody likes, and appends nothing."""
    for _ in range(2):
        await store.probe()
    assert await store.read(0, 1) == []


async def test_the_open_incidents_that_people_know_of(store: Store) -> None:
    """Told means that at least one recipient accepted it; an incident that is over is nobody's concern."""
    await store.take_over("one")
    several = (incident("i1"), incident("i2"), incident("i3", status="resolved"))
    await store.commit(step(1, 1, 0, incidents=several, wanted=(wanted("i1"), wanted("i2"), wanted("i3"))))
    assert await store.told_incidents() == []
    for claim in await store.claim("chat", now=NOON, lease=LEASE, limit=3):
        if claim.incident != "i2":
            await store.told(claim, message_id="77", now=NOON)
    assert await store.told_incidents() == ["i1"]
