import asyncio
from collections.abc import Sequence

import pytest

from healer.alerts.model import Detail, Refusal
from healer.journey import records
from healer.journey.ports import Row
from healer.journey.records import Entry, Switched
from healer.remediation.ports import Switch
from healer.store.store import Store
from healer.store.transaction import Transaction
from healer.store.transactions.journal import READ_BYTES, append_record
from tests.contracts.store.given import NOON, HandClock, arrival, delivered, record


async def test_what_was_appended_is_read_back_in_order(store: Store) -> None:
    """Arrivals get positions from 1 in their order, and replay reads what was written."""
    assert await store.append([record("a"), record("b")]) == [(1, NOON), (2, NOON)]
    assert await store.append([record("c")]) == [(3, NOON)]
    rows = await store.read(1, 10)
    assert rows == [Row(2, NOON, records.encode(delivered("b"))), Row(3, NOON, records.encode(delivered("c")))]
    assert [row.position for row in await store.read(0, 2)] == [1, 2]


async def test_long_records_are_read_a_few_at_a_time(store: Store) -> None:
    """However long records are, what is read at once is bounded, and whoever asks for what follows gets all of them."""
    long = record("a" * (READ_BYTES // 2 + 1))
    await store.append([record("first"), long, long, long, record("last")])
    found: list[list[int]] = []
    while rows := await store.read(found[-1][-1] if found else 0, 100):
        found.append([row.position for row in rows])
    assert found == [[1, 2, 3], [4, 5]]


async def test_time_of_acceptance_never_decreases(store: Store, clock: HandClock) -> None:
    """When the clock steps back, the next record is accepted at the time of the last."""
    await store.append([record()])
    clock.instant -= 1000
    assert await store.append([record()]) == [(2, NOON)]
    clock.instant = NOON + 5
    assert await store.append([record()]) == [(3, NOON + 5)]


async def test_positions_have_no_gaps_whatever_fails_between(store: Store) -> None:
    """A write that fails after it appended takes its records and their positions with it, and no other's."""

    def fail(transaction: Transaction) -> None:
        append_record(transaction, delivered("lost"))
        raise LookupError("on purpose")

    async def failing() -> None:
        with pytest.raises(LookupError):
            await store.run.write("fail", fail)

    async def appending(name: str) -> list[tuple[int, int]]:
        return await store.append([record(name), record(name)])

    heard: list[Entry] = []
    store.on_append(heard.extend)
    work = [appending(f"a{number}") if number % 3 else failing() for number in range(60)]
    answers = await asyncio.gather(*work)
    given = sorted(position for answer in answers if answer for position, _ in answer)
    rows = await store.read(0, 1000)
    assert given == list(range(1, 81)) == [row.position for row in rows] == [entry.position for entry in heard]
    assert [records.decode(row.data) for row in rows] == [entry.record for entry in heard]
    for answer in answers:
        if answer:
            assert answer[1][0] == answer[0][0] + 1


async def test_listener_hears_of_every_kind_of_append(store: Store) -> None:
    """Records that other transactions append are heard too, in the order of positions, before the answer comes."""
    heard: list[Entry] = []

    def hear(entries: Sequence[Entry]) -> None:
        heard.extend(entries)

    store.on_append(hear)
    await store.append([record("a")])
    assert heard == [Entry(1, NOON, delivered("a"))]
    await store.throw(Switch("all", True, "ann", "moving racks", NOON))
    assert heard[1:] == [Entry(2, NOON, Switched("all", True, "ann", "moving racks"))]


async def test_details_of_one_alert_are_found_by_its_place(store: Store) -> None:
    """Annotations are read by position and index; where the journal keeps nothing the answer is None."""
    await store.append([arrival("a", "b"), record("bare")])
    assert await store.detail(1, 1) == Detail({"summary": "b"}, "http://prometheus/b")
    assert await store.detail(1, 2) is None
    assert await store.detail(2, 0) is None
    assert await store.detail(9, 0) is None


async def test_refused_alerts_are_listed_newest_first(store: Store) -> None:
    """What was not taken is recorded with its request, its place in it, and the reason."""
    first = Refusal(0, "labels", "label name is empty", '{"":"x"}')
    second = Refusal(3, "time", "endsAt is in the year 9999", "{}")
    await store.append([arrival("a", refusals=(first, second))])
    listed = await store.refused(limit=10)
    assert [(each.index, each.reason, each.detail, each.labels) for each in listed] == [
        (3, "time", "endsAt is in the year 9999", "{}"),
        (0, "labels", "label name is empty", '{"":"x"}'),
    ]
    assert {(each.sender, each.at) for each in listed} == {("am", NOON)}
    assert len(await store.refused(limit=1)) == 1


async def test_nothing_to_append_is_no_row(store: Store) -> None:
    """An empty append answers with nothing and leaves the journal alone."""
    assert await store.append([]) == []
    assert await store.read(0, 10) == []
