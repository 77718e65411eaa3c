from healer.store.store import Store
from healer.times import DAY, HOUR
from tests.contracts.store.given import NOON, HandClock, arrival, closed, incident, record, snapshot, step

LATER = NOON + 10 * DAY


async def three_days(store: Store, clock: HandClock) -> None:
    """A record and a step at noon of each of three days, and snapshots after the second and third."""
    await store.take_over("one")
    for day in range(3):
        clock.instant = NOON + day * DAY
        await store.append([arrival(f"a{day}")])
        await store.commit(step(day + 1, day + 1, day + 1, now=clock.instant, closed=(closed(f"i{day}"),)))
    await store.save_snapshot(snapshot(2, 2))
    await store.save_snapshot(snapshot(3, 3))


async def positions(store: Store) -> list[int]:
    return [row.position for row in await store.read(0, 100)]


async def test_whole_days_are_forgotten_together(store: Store, clock: HandClock) -> None:
    """What a day's records, steps and closed alerts were goes together; the day that `before` is in stays whole."""
    await three_days(store, clock)
    assert await store.forget(NOON + 1 * DAY + HOUR) == 3
    assert await positions(store) == [2, 3]
    assert [mark.number for mark in await store.steps(0, 10)] == [2, 3]
    assert await store.closed_alerts("i0") == []
    assert await store.closed_alerts("i1") != []
    assert await store.forget(NOON + 1 * DAY + HOUR) == 0


async def test_replay_from_either_snapshot_stays_possible(store: Store, clock: HandClock) -> None:
    """Nothing after the older snapshot goes, however old."""
    await three_days(store, clock)
    await store.forget(LATER)
    assert await positions(store) == [3]
    assert [mark.number for mark in await store.steps(0, 10)] == [3]


async def test_without_two_snapshots_nothing_goes(store: Store, clock: HandClock) -> None:
    """With one snapshot a damaged one would leave nothing to replay from."""
    await store.take_over("one")
    await store.append([record(), record()])
    await store.commit(step(1, 1, 2))
    await store.save_snapshot(snapshot(1, 2))
    assert await store.forget(LATER) == 0
    assert await positions(store) == [1, 2]


async def test_what_an_open_incident_began_with_stays(store: Store, clock: HandClock) -> None:
    """Days since the oldest open incident began are kept; when it has ended they go."""
    await three_days(store, clock)
    await store.commit(step(4, 4, 3, now=NOON + 3 * DAY, incidents=(incident("i9", opened_at=NOON + DAY),)))
    await store.forget(LATER)
    assert await positions(store) == [2, 3]
    ended = incident("i9", status="resolved", opened_at=NOON + DAY, revision=2)
    await store.commit(step(5, 4, 3, now=NOON + 3 * DAY + 1, incidents=(ended,)))
    await store.forget(LATER)
    assert await positions(store) == [3]


async def test_positions_go_on_after_everything_was_forgotten(store: Store, clock: HandClock) -> None:
    """The newest row stays whatever its age, so that no position is ever given twice."""
    await three_days(store, clock)
    await store.save_snapshot(snapshot(4, 3))
    await store.forget(LATER)
    assert await positions(store) == [3]
    assert await store.append([record()]) == [(4, clock.instant)]


async def test_long_histories_are_forgotten_bit_by_bit(store: Store, clock: HandClock) -> None:
    """More than one transaction's worth goes in one call."""
    await store.take_over("one")
    await store.append([record()] * 1200)
    await store.commit(step(1, 1, 1200))
    await store.save_snapshot(snapshot(1, 1200))
    await store.save_snapshot(snapshot(2, 1200))
    assert await store.forget(LATER) == 1199
    assert await positions(store) == [1200]
