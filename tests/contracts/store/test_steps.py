import hashlib

import pytest

from healer.journey.ports import Overtaken, Ownership, StepMark
from healer.store.store import Store
from tests.contracts.store.given import (
    NOON,
    closed,
    happening,
    incident,
    plan,
    planned,
    record,
    snapshot,
    step,
    superseded,
    view,
    wanted,
)


async def test_each_take_over_raises_the_epoch(store: Store) -> None:
    """The epoch starts at 1 and grows with every owner; the last step's place is handed over."""
    assert await store.take_over("one") == Ownership(1, 0, 0, 0)
    await store.append([record()])
    await store.commit(step(1, 1, 1))
    assert await store.take_over("two") == Ownership(2, 1, 1, NOON + 1)


async def test_an_old_epoch_is_overtaken(store: Store) -> None:
    """After a take-over the former owner commits nothing, not even what it had committed before."""
    await store.take_over("one")
    await store.append([record(), record()])
    await store.commit(step(1, 1, 1))
    await store.take_over("two")
    for late in (step(2, 2, 2), step(1, 1, 1)):
        with pytest.raises(Overtaken):
            await store.commit(late)
    assert [mark.number for mark in await store.steps(0, 10)] == [1]


async def test_the_same_step_again_is_no_second_step(store: Store) -> None:
    """A commit whose answer was lost may be given again, and writes nothing twice."""
    await store.take_over("one")
    await store.append([record()])
    given = step(1, 1, 1, timeline=(happening("i1", "opened"),), incidents=(incident("i1"),))
    await store.commit(given)
    await store.commit(given)
    assert len(await store.timeline("i1")) == 1
    assert await store.steps(0, 10) == [StepMark(1, 1, 1, NOON + 1, "digest-1")]


@pytest.mark.parametrize(
    ("number", "first", "last", "digest"),
    [(1, 1, 1, "another"), (3, 2, 2, "gap in numbers"), (2, 1, 1, "applied"), (2, 3, 3, "skips"), (2, 2, 9, "no row")],
)
async def test_a_step_that_does_not_follow_is_overtaken(
    store: Store, number: int, first: int, last: int, digest: str
) -> None:
    """A step must have the next number, begin after what is applied, end within the journal, and be itself."""
    await store.take_over("one")
    await store.append([record(), record(), record()])
    await store.commit(step(1, 1, 1))
    with pytest.raises(Overtaken):
        await store.commit(step(number, first, last, digest=digest, timeline=(happening("i1", "lost"),)))
    assert await store.timeline("i1") == []
    await store.commit(step(2, 2, 3))


async def test_time_alone_makes_an_empty_step(store: Store) -> None:
    """A step without records advances the number and the time, and nothing else."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0))
    await store.commit(step(2, 1, 0))
    assert await store.take_over("two") == Ownership(2, 2, 0, NOON + 2)


async def test_a_step_writes_all_it_says_or_nothing(store: Store) -> None:
    """When one part of a step cannot be written, none of it is."""
    await store.take_over("one")
    twice = (planned("r1", plan()), planned("r1", plan()))
    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.commit(step(1, 1, 0, incidents=(incident("i1"),), wanted=(wanted("i1"),), planned=twice))
    assert await store.incident("i1") is None
    assert await store.rows() == []
    assert await store.under_way() == []
    assert await store.take_over("two") == Ownership(2, 0, 0, 0)


async def test_superseded_before_its_intent_it_ends(store: Store) -> None:
    """A remediation without an intent ends as superseded, and the journal says so to the engine."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, planned=(planned("r1", plan()), planned("r2", plan(), "observed"))))
    await store.commit(step(2, 1, 0, superseded=(superseded("r1"), superseded("r2"), superseded("unknown"))))
    found = {remediation.id: remediation for remediation in await store.remediations()}
    assert (found["r1"].state, found["r1"].detail) == ("superseded", "its incident merged")
    assert found["r2"].state == "observed"
    assert await store.under_way() == []
    assert len(await store.read(0, 10)) == 1


async def test_decisions_are_in_the_audit_log(store: Store) -> None:
    """A plan and its end each have one entry, in order, as JSON."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, planned=(planned("r1", plan()),)))
    await store.commit(step(2, 1, 0, superseded=(superseded("r1"),)))
    log = await store.audit(0, 10)
    assert [(number, at, kind) for number, at, kind, _ in log] == [
        (1, NOON + 1, "remediation planned"),
        (2, NOON + 2, "remediation superseded"),
    ]
    assert '"plan":"hash"' in log[0][3]
    assert [number for number, *_ in await store.audit(1, 10)] == [2]


async def test_two_snapshots_are_kept_and_the_newest_is_given(store: Store) -> None:
    """Replay starts from the newest snapshot; the same one saved again replaces itself."""
    assert await store.snapshot() is None
    for number in (1, 2, 3, 3):
        await store.save_snapshot(snapshot(number, number))
    assert await store.snapshot() == snapshot(3, 3)


async def test_documents_are_kept_once_and_found_by_hash(store: Store) -> None:
    """The hash is SHA-256 of the content; an unknown one is a KeyError."""
    digest = await store.keep_version("topology", b"nodes: []")
    assert digest == hashlib.sha256(b"nodes: []").hexdigest()
    assert await store.keep_version("topology", b"nodes: []") == digest
    assert await store.version(digest) == b"nodes: []"
    with pytest.raises(KeyError):
        await store.version("0" * 64)


async def test_closed_alerts_belong_to_their_incident(store: Store) -> None:
    """The alerts of an ended incident are kept as they last stood; an unknown incident has none."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, closed=(closed("i1", ended_at=NOON),)))
    await store.commit(step(2, 1, 0, closed=(closed("i1", ended_at=NOON + 1),)))
    assert await store.closed_alerts("i1") == [view("i1", ended_at=NOON + 1)]
    assert await store.closed_alerts("i2") == []


async def test_the_snapshot_before_is_there_when_the_newest_cannot_be_read(store: Store) -> None:
    """Replay falls back on the one before, and on the whole journal when there is none."""
    for number in (1, 2):
        await store.save_snapshot(snapshot(number, number))
    assert await store.snapshot(before=2) == snapshot(1, 1)
    assert await store.snapshot(before=1) is None


async def test_what_is_done_aside_comes_back(store: Store) -> None:
    """Work that takes long is done off the event loop; its result, or that it failed, reaches who asked."""
    assert await store.aside(lambda: b"done") == b"done"
    with pytest.raises(ZeroDivisionError):
        await store.aside(lambda: bytes(1 // 0))
