from healer.store.store import Store
from tests.contracts.store.given import NOON, happening, incident, step


async def test_incidents_are_paged_newest_first(store: Store) -> None:
    """Pages follow one another by the last id, also among incidents that opened at the same instant."""
    await store.take_over("one")
    several = tuple(incident(f"i{number}", opened_at=NOON + number // 2) for number in range(6))
    await store.commit(step(1, 1, 0, incidents=several))
    page, total = await store.incidents(limit=3)
    assert ([each.id for each in page], total) == (["i5", "i4", "i3"], 6)
    page, total = await store.incidents(before="i3", limit=3)
    assert ([each.id for each in page], total) == (["i2", "i1", "i0"], 6)
    assert await store.incidents(before="unknown") == ([], 6)


async def test_incidents_are_counted_by_status(store: Store) -> None:
    """A filter filters the page and the total."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, incidents=(incident("i1"), incident("i2", status="resolved"))))
    assert await store.incidents(status="open") == ([incident("i1")], 1)
    assert await store.incidents(status="merged") == ([], 0)


async def test_an_incident_is_as_the_last_step_left_it(store: Store) -> None:
    """A later step replaces the projection; an unknown id is None."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, incidents=(incident("i1"),)))
    ended = incident("i1", status="resolved", revision=2)
    await store.commit(step(2, 1, 0, incidents=(ended,)))
    assert await store.incident("i1") == ended
    assert await store.incident("i2") is None


async def test_a_timeline_is_in_the_order_written(store: Store) -> None:
    """Lines of several steps follow one another, each incident's its own."""
    await store.take_over("one")
    await store.commit(step(1, 1, 0, timeline=(happening("i1", "held"), happening("i2", "held"))))
    await store.commit(step(2, 1, 0, timeline=(happening("i1", "opened"),)))
    assert [line.code for line in await store.timeline("i1")] == ["held", "opened"]
    assert await store.timeline("i3") == []
