"""Calls of escalations are rows of their own that nothing supersedes, until nobody has to hear them; and so is what is over."""

from healer.journey.ports import Wanted
from healer.notification.budget import UNHEARD
from healer.notification.escalation import matter_of
from healer.notification.ports import Claim
from healer.store.store import Store
from healer.times import SECOND
from tests.contracts.store.given import NOON, set_clock, step

FIRST, SECOND_CALL = matter_of("nights", 1), matter_of("nights", 2)


async def want(store: Store, *wanted: Wanted) -> None:
    """One step that wants these told."""
    number = len(await store.steps(0, 1_000)) + 1
    if number == 1:
        await store.take_over("one")
    await store.commit(step(number, 1, 0, wanted=wanted))


def call(revision: int, matter: str = FIRST, channel: str = "sms") -> Wanted:
    return Wanted("i1", channel, revision, b"story %d" % revision, True, True, matter)


def news(revision: int, matter: str = FIRST, *, ends: bool = False) -> Wanted:
    return Wanted("i1", "sms", revision, b"story %d" % revision, False, False, matter, ends)


def over(revision: int, *, critical: bool) -> Wanted:
    return Wanted("i1", "sms", revision, b"over", critical, critical, ends=not critical)


async def claimed(store: Store) -> list[Claim]:
    await set_clock(store, NOON)
    return await store.claim("sms", now=NOON, lease=30 * SECOND, limit=10)


async def unheard(store: Store) -> int:
    return sum(one.code == UNHEARD for one in await store.timeline("i1"))


async def test_whoever_is_called_need_not_have_heard(store: Store) -> None:
    """Each call is a row, and a message, of its own, in a channel that was told nothing before."""
    await want(store, call(1))
    await want(store, call(2, SECOND_CALL))
    assert [(one.matter, one.story) for one in await claimed(store)] == [(FIRST, b"story 1"), (SECOND_CALL, b"story 2")]


async def test_a_call_says_what_is_so_by_then(store: Store) -> None:
    """News do not take its place: it is told as a call, urgently, with the newest story, and brought up to date after that."""
    await want(store, call(1), Wanted("i2", "sms", 1, b"another", urgent=False))
    await want(store, news(2))
    (mine, _) = await claimed(store)
    assert (mine.matter, mine.story) == (FIRST, b"story 2")
    await want(store, news(3))
    await store.told(mine, message_id="7", now=NOON)
    assert [(one.revision, one.message_id) for one in await claimed(store)] == [(3, "7")]


async def test_a_call_that_is_not_needed_any_more_is_withdrawn(store: Store) -> None:
    """Where nobody tried to tell it; another one that comes later is told."""
    await want(store, call(1))
    await want(store, news(2, ends=True))
    assert await store.rows() == []
    await want(store, call(3, SECOND_CALL))
    assert [one.matter for one in await claimed(store)] == [SECOND_CALL]


async def test_a_call_that_may_have_been_heard_is_told_as_it_stands(store: Store) -> None:
    """Whoever may have been woken reads that they are not needed any more, and not that they are."""
    await want(store, call(1))
    (mine,) = await claimed(store)
    await want(store, news(2, ends=True))
    await store.failed(mine, now=NOON, why="no answer")
    assert [(one.matter, one.story) for one in await claimed(store)] == [(FIRST, b"story 2")]


async def test_what_is_over_before_anybody_heard_is_counted(store: Store) -> None:
    """Nobody is told of it then, and it is counted once, whether somebody was to hear of it before or not."""
    for first in (Wanted("i1", "sms", 1, b"broken", False), None):
        if first is not None:
            await want(store, first)
        await want(store, over(2, critical=False))
        await want(store, over(3, critical=False))
        assert await claimed(store) == []
        assert (await unheard(store), store.unheard) == (1, 1)


async def test_what_was_critical_is_told_once_as_over(store: Store) -> None:
    """Also where nobody heard of it while it was not."""
    await want(store, Wanted("i1", "sms", 1, b"broken", True))
    await want(store, over(2, critical=True))
    assert [one.story for one in await claimed(store)] == [b"over"]
    assert await unheard(store) == 0


async def test_whoever_may_have_heard_hears_that_it_is_over(store: Store) -> None:
    """Whatever it was."""
    await want(store, Wanted("i1", "sms", 1, b"broken", False))
    (mine,) = await claimed(store)
    await store.told(mine, message_id="7", now=NOON)
    await want(store, over(2, critical=False))
    assert [(one.story, one.message_id) for one in await claimed(store)] == [(b"over", "7")]
    assert await unheard(store) == 0
