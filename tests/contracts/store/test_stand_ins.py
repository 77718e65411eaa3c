"""One channel told in the place of another: once, with all that is news of it from then on, up to the end."""

from healer.journey.ports import Wanted
from healer.notification.ports import Claim
from healer.store.store import Store
from tests.contracts.store.given import NOON
from tests.contracts.store.test_ledger import LEASE, Steps, claim

WHY = "it failed too often of late"


async def pass_on(store: Store, mine: Claim, to: str = "other", *, dead: bool = True) -> None:
    await store.failed(mine, now=NOON, pause=LEASE, why=WHY, dead=dead, fallback=to)


async def test_what_cannot_be_told_here_is_told_there(store: Store) -> None:
    """The other channel gets the same story, and knows for whom it was meant; the timeline says so."""
    await Steps(store).want("i1")
    (mine,) = await claim(store)
    await pass_on(store, mine)
    assert await claim(store, channel="other") == [
        Claim("i1", "other", 1, b"story 1", 0, "", 0, NOON + LEASE, meant_for="chat")
    ]
    assert {row.channel: (row.state, row.meant_for) for row in await store.rows()} == {
        "chat": ("dead", ""),
        "other": ("claimed", "chat"),
    }
    said = [(each.code, each.facts.get("to", ""), each.facts.get("why")) for each in await store.timeline("i1")]
    assert ("passed on", "other", WHY) in said


async def test_it_is_passed_on_once(store: Store) -> None:
    """However often the first one fails, the second is told one time."""
    await Steps(store).want("i1")
    for attempt in range(2):
        (mine,) = await claim(store, NOON + 2 * LEASE * attempt)
        await pass_on(store, mine, dead=False)
    (there,) = await claim(store, channel="other")
    await store.told(there, message_id="8", now=NOON)
    (mine,) = await claim(store, NOON + 9 * LEASE)
    await pass_on(store, mine)
    assert await claim(store, NOON + 10 * LEASE, channel="other") == []
    said = [each.code for each in await store.timeline("i1")]
    assert said.count("passed on") == 1


async def test_whoever_was_told_in_its_place_hears_the_end(store: Store) -> None:
    """News of what was passed on goes to both, whether the first one can be reached again or not."""
    steps = Steps(store)
    await steps.want("i1")
    (mine,) = await claim(store)
    await pass_on(store, mine)
    (there,) = await claim(store, channel="other")
    await store.told(there, message_id="8", now=NOON)
    await steps.want("i1", 2)
    assert [(each.revision, each.message_id) for each in await claim(store, channel="other")] == [(2, "8")]
    assert [(each.revision, each.message_id) for each in await claim(store)] == [(2, "")]


async def test_what_was_not_passed_on_is_nobody_elses(store: Store) -> None:
    """Another incident, and a new matter of the same one, are told where they belong."""
    steps = Steps(store)
    await steps.want("i1")
    (mine,) = await claim(store)
    await pass_on(store, mine)
    await claim(store, channel="other")
    await steps.want("i2")
    await steps.want("i1", 2, matter="approval")
    assert await claim(store, NOON, channel="other") == []
    assert sorted((each.incident, each.matter) for each in await claim(store)) == [("i1", "approval"), ("i2", "")]


async def test_a_second_fallback_knows_for_whom_it_was_meant_at_first(store: Store) -> None:
    """And hears the news of that channel, too."""
    steps = Steps(store)
    await steps.want("i1")
    (mine,) = await claim(store)
    await pass_on(store, mine)
    (there,) = await claim(store, channel="other")
    await pass_on(store, there, "third")
    (last,) = await claim(store, channel="third")
    assert (last.meant_for, last.revision) == ("chat", 1)
    await store.told(last, message_id="9", now=NOON)
    await steps.want("i1", 2)
    assert [each.revision for each in await claim(store, channel="third")] == [2]


async def test_what_is_old_by_then_is_not_passed_on(store: Store) -> None:
    """Whoever is told in its place begins with the newest: else nobody would tell it the rest. It need not wait for that."""
    steps = Steps(store)
    await steps.want("i1")
    (mine,) = await claim(store)
    await steps.want("i1", 2)
    await pass_on(store, mine, dead=False)
    assert await claim(store, channel="other") == []
    (newer,) = await claim(store)
    assert newer.revision == 2
    await pass_on(store, newer)
    assert [(each.revision, each.meant_for) for each in await claim(store, channel="other")] == [(2, "chat")]


async def test_whoever_is_told_anyway_is_not_told_for_others(store: Store) -> None:
    """The other channel hears of this incident by itself: it stays one message."""
    steps = Steps(store)
    await steps.want("i1", channel="other")
    await steps.want("i1")
    (mine,) = await claim(store)
    await pass_on(store, mine)
    assert [each.meant_for for each in await claim(store, channel="other")] == [""]


async def test_in_quiet_hours_only_what_is_urgent_is_claimed(store: Store) -> None:
    """And, where that makes no sound, what people were told of already."""
    steps = Steps(store)
    await steps.want("told")
    (mine,) = await claim(store)
    await store.told(mine, message_id="7", now=NOON)
    await steps.want("told", 2)
    await steps.want("calm")
    assert await store.claim("chat", now=NOON, lease=LEASE, limit=9, only="urgent") == []
    assert await store.next_due("chat", "urgent", now=NOON) is None
    await steps.want("loud", urgent=True)
    assert await store.next_due("chat", "urgent", now=NOON) == 0
    found = await store.claim("chat", now=NOON, lease=LEASE, limit=9, only="urgent or told")
    assert [each.incident for each in found] == ["loud", "told"]
    assert [each.incident for each in await claim(store)] == ["calm"]


async def test_what_would_be_a_new_message_is_claimed_with_others_alike(store: Store) -> None:
    """Nothing that would edit one, and no matter; what shares a message with others has none of its own yet."""
    steps = Steps(store)
    for incident, message_id in (("own", "7"), ("shared", "+7")):
        await steps.want(incident)
        (mine,) = await claim(store)
        await store.told(mine, message_id=message_id, now=NOON)
    await steps.want("own", 2)
    await steps.want("shared", 2)
    await steps.want("own", 3, matter="approval")
    await steps.want("new", urgent=True)
    urgent = await store.claim("chat", now=NOON, lease=LEASE, limit=9, only="urgent beginning")
    assert [each.incident for each in urgent] == ["new"]
    found = await store.claim("chat", now=NOON, lease=LEASE, limit=9, only="beginning")
    assert [each.incident for each in found] == ["shared"]


async def test_a_matter_that_opens_again_is_a_new_message(store: Store) -> None:
    """Once it was heard; until then it is the same call."""
    steps = Steps(store)
    await steps.want("i1")
    (story,) = await claim(store)
    await store.told(story, message_id="7", now=NOON)
    for revision in (2, 3):
        await steps.want("i1", revision, matter="again")
    (call,) = await claim(store)
    assert (call.revision, call.matter) == (2, "again")
    await store.told(call, message_id="8", now=NOON)
    await steps.want("i1", 4, matter="again")
    assert [(each.revision, each.message_id) for each in await claim(store)] == [(4, "")]


async def test_what_is_announced_is_told_once(store: Store) -> None:
    """Something that is no incident's, such as a week: a second announcement is none."""
    week = Wanted("week-2026-01-01", "chat", 1, b"story", urgent=False)
    assert await store.announce(week, now=NOON)
    assert not await store.announce(week, now=NOON + 1)
    (mine,) = await claim(store)
    await store.told(mine, message_id="7", now=NOON)
    assert not await store.announce(week, now=NOON + 2)
    assert await claim(store, NOON + 2 * LEASE) == []
