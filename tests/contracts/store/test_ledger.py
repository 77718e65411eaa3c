import pytest

from healer.notification.ports import Claim, LedgerRow
from healer.store.store import Store
from healer.times import SECOND, Micros
from tests.contracts.store.given import NOON, set_clock, step, wanted

LEASE: Micros = 30 * SECOND


class Steps:
    """Commits steps that want things told, one after the other."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._number = 0

    async def want(
        self,
        id: str,
        revision: int = 1,
        *,
        channel: str = "chat",
        urgent: bool = False,
        opens: bool = True,
        matter: str = "",
    ) -> None:
        if not self._number:
            await self._store.take_over("one")
        self._number += 1
        given = wanted(id, revision, channel=channel, urgent=urgent, opens=opens, matter=matter)
        await self._store.commit(step(self._number, 1, 0, wanted=(given,)))


async def claim(store: Store, now: Micros = NOON, limit: int = 10, channel: str = "chat") -> list[Claim]:
    await set_clock(store, now)
    return await store.claim(channel, now=now, lease=LEASE, limit=limit)


async def row(store: Store) -> LedgerRow:
    (only,) = await store.rows()
    return only


async def test_what_is_wanted_is_claimed_by_one(store: Store) -> None:
    """A row is claimed once, until its lease ends, with the story to tell."""
    await Steps(store).want("i1")
    assert await claim(store) == [Claim("i1", "chat", 1, b"story 1", 0, "", 0, NOON + LEASE)]
    assert await claim(store) == []
    assert (await row(store)).state == "claimed"


async def test_told_is_told(store: Store) -> None:
    """After it was told nothing is due, and the ledger knows the message."""
    await Steps(store).want("i1")
    (mine,) = await claim(store)
    await store.told(mine, message_id="77", now=NOON)
    assert await row(store) == LedgerRow("i1", "chat", 1, 1, "77", "told", 0, 0, "")
    assert await claim(store, NOON + 10 * LEASE) == []
    assert await store.next_due("chat", now=NOON) is None


async def test_only_the_newest_revision_is_told(store: Store) -> None:
    """News that comes before the first was sent replaces it; an older revision never replaces a newer one."""
    steps = Steps(store)
    for revision in (1, 3, 2):
        await steps.want("i1", revision)
    assert [(each.revision, each.story) for each in await claim(store)] == [(3, b"story 3")]


async def test_news_during_a_send_waits_for_its_end(store: Store) -> None:
    """A revision wanted while an older one is being sent is nobody else's until then, and edits the same message."""
    steps = Steps(store)
    await steps.want("i1", 1)
    (mine,) = await claim(store)
    await steps.want("i1", 2)
    assert await claim(store) == []
    await store.told(mine, message_id="77", now=NOON)
    assert await claim(store) == [Claim("i1", "chat", 2, b"story 2", 1, "77", 0, NOON + LEASE)]


async def test_a_claim_that_ran_out_is_sent_once_more(store: Store) -> None:
    """Nobody knows whether a claim that ran out was sent: its row is due again when it ends, not before."""
    await Steps(store).want("i1")
    await claim(store)
    assert await store.next_due("chat", now=NOON) == NOON + LEASE
    assert await claim(store, NOON + LEASE - 1) == []
    assert [each.revision for each in await claim(store, NOON + LEASE)] == [1]


async def test_a_late_answer_is_kept_and_leaves_the_new_claim_alone(store: Store) -> None:
    """Who was overtaken still says which message it sent, so that it can be edited; the row stays the other's."""
    await Steps(store).want("i1")
    (late,) = await claim(store)
    (other,) = await claim(store, NOON + LEASE)
    await store.told(late, message_id="77", now=NOON + LEASE)
    assert await row(store) == LedgerRow("i1", "chat", 1, 1, "77", "claimed", 0, 0, "")
    await store.failed(late, now=NOON, why="too late to matter", dead=True)
    assert (await row(store)).state == "claimed"
    await store.told(other, message_id="78", now=NOON + LEASE)
    assert await row(store) == LedgerRow("i1", "chat", 1, 1, "78", "told", 0, 0, "")


@pytest.mark.parametrize("recorded", [True, False], ids=["told", "being told"])
async def test_old_news_that_came_late_is_followed_by_the_newest(store: Store, recorded: bool) -> None:
    """A process that stood still edits its older words over newer ones of another: then the newest is said once more."""
    steps = Steps(store)
    await steps.want("i1", 1)
    (first,) = await claim(store)
    await store.told(first, message_id="77", now=NOON)
    await steps.want("i1", 2)
    (late,) = await claim(store)
    await steps.want("i1", 3)
    (other,) = await claim(store, NOON + LEASE)
    if recorded:
        await store.told(other, message_id="77", now=NOON + LEASE)
    await store.told(late, message_id="77", now=NOON + LEASE)
    if not recorded:
        await store.told(other, message_id="77", now=NOON + LEASE)
    (again,) = await claim(store, NOON + LEASE)
    assert (again.revision, again.message_id) == (3, "77")
    await store.told(again, message_id="77", now=NOON + LEASE)
    assert await row(store) == LedgerRow("i1", "chat", 3, 3, "77", "told", 0, 0, "")


async def test_a_late_answer_in_time_for_nobody_else_counts(store: Store) -> None:
    """A claim that ran out and that nobody took over is ended by its own answer."""
    await Steps(store).want("i1")
    (mine,) = await claim(store)
    await store.told(mine, message_id="77", now=NOON + 2 * LEASE)
    assert await claim(store, NOON + 3 * LEASE) == []


async def test_a_failure_is_tried_again_when_it_may(store: Store) -> None:
    """A failed row waits for its pause, counts its attempts, and says why; success forgets them."""
    await Steps(store).want("i1")
    (mine,) = await claim(store)
    await store.failed(mine, now=NOON, pause=9, why="429", dead=False)
    assert await row(store) == LedgerRow("i1", "chat", 1, 0, "", "waiting", 1, NOON + 9, "429")
    assert await store.next_due("chat", now=NOON) == NOON + 9
    assert await claim(store, NOON + 8) == []
    (again,) = await claim(store, NOON + 9)
    assert again.attempts == 1
    await store.told(again, message_id="77", now=NOON + 9)
    assert await row(store) == LedgerRow("i1", "chat", 1, 1, "77", "told", 0, 0, "")


async def test_newer_news_does_not_hurry_a_channel_that_asked_to_wait(store: Store) -> None:
    """A newer revision of a row that waits after a 429 waits as long."""
    steps = Steps(store)
    await steps.want("i1", 1)
    (mine,) = await claim(store)
    await store.failed(mine, now=NOON, pause=9, why="429", dead=False)
    await steps.want("i1", 2)
    assert await claim(store, NOON + 8) == []
    assert [each.revision for each in await claim(store, NOON + 9)] == [2]


async def test_a_dead_letter_lies_until_somebody_wakes_it(store: Store) -> None:
    """A buried row is listed and not tried; a person or newer news gives it another chance."""
    steps = Steps(store)
    await steps.want("i1", 1)
    (mine,) = await claim(store)
    await store.failed(mine, now=NOON, why="chat not found", dead=True)
    assert await claim(store, NOON + LEASE) == []
    assert [each.why for each in await store.rows(state="dead")] == ["chat not found"]
    assert await store.resend("i1", "chat", now=NOON + 1)
    assert not await store.resend("i1", "chat", now=NOON + 1)
    (again,) = await claim(store, NOON + LEASE)
    await store.failed(again, now=NOON, why="chat not found", dead=True)
    await steps.want("i1", 2)
    assert [each.revision for each in await claim(store, NOON + LEASE)] == [2]


async def test_what_died_under_newer_news_is_not_dead(store: Store) -> None:
    """If something newer is wanted by the time a send is given up, the newer is tried."""
    steps = Steps(store)
    await steps.want("i1", 1)
    (mine,) = await claim(store)
    await steps.want("i1", 2)
    await store.failed(mine, now=NOON, pause=1, why="message to edit not found", dead=True)
    assert [each.revision for each in await claim(store, NOON + 1)] == [2]


async def test_what_does_not_open_is_for_those_who_were_told(store: Store) -> None:
    """News of a silenced root makes no first notice, and reaches whoever was told of it."""
    steps = Steps(store)
    await steps.want("i1", 1, opens=False)
    assert await store.rows() == []
    await steps.want("i1", 2)
    (mine,) = await claim(store)
    await store.told(mine, message_id="77", now=NOON)
    await steps.want("i1", 3, opens=False)
    assert [(each.revision, each.message_id) for each in await claim(store)] == [(3, "77")]


async def test_a_first_notice_that_nobody_tried_is_withdrawn(store: Store) -> None:
    """When a root is silenced before its notice went out nobody hears of it; when it may be out, its end is told."""
    steps = Steps(store)
    await steps.want("quiet", 1)
    await steps.want("quiet", 2, opens=False)
    assert await store.rows() == []
    await steps.want("loud", 1)
    await claim(store)
    await steps.want("loud", 2, opens=False)
    assert [each.revision for each in await claim(store, NOON + LEASE)] == [2]


async def test_urgent_first_then_oldest(store: Store) -> None:
    """Rows are claimed in the order in which people need them, and no more than asked for."""
    steps = Steps(store)
    await steps.want("old")
    await steps.want("young")
    await steps.want("bad", urgent=True)
    await steps.want("old", 2)
    assert [each.incident for each in await claim(store, limit=2)] == ["bad", "old"]
    assert [each.incident for each in await claim(store)] == ["young"]


async def test_urgent_news_stays_urgent_until_told(store: Store) -> None:
    """Calmer news that replaces untold urgent news is told as urgently; after that it is calm."""
    steps = Steps(store)
    await steps.want("calm")
    await steps.want("i1", 1, urgent=True)
    await steps.want("i1", 2)
    (first, _) = claimed = await claim(store)
    assert first.incident == "i1"
    for each in claimed:
        await store.told(each, message_id="1", now=NOON)
    await steps.want("calm", 2)
    await steps.want("i1", 3)
    assert [each.incident for each in await claim(store)] == ["calm", "i1"]


async def test_each_channel_has_its_own_rows(store: Store) -> None:
    """A channel claims its own rows only, whatever waits for another."""
    steps = Steps(store)
    await steps.want("i1", channel="chat")
    await steps.want("i1", channel="sms")
    assert [each.channel for each in await claim(store, channel="sms")] == ["sms"]
    assert await store.next_due("chat", now=NOON) == 0
    assert await store.next_due("sms", now=NOON) == NOON + LEASE
    assert await store.next_due("mail", now=NOON) is None
    assert await claim(store, channel="mail") == []
    assert [each.channel for each in await claim(store)] == ["chat"]


async def test_rows_are_listed_by_incident_and_by_state(store: Store) -> None:
    """People ask for one incident's rows, or for all in one state; and only a dead letter is woken."""
    steps = Steps(store)
    await steps.want("i1", channel="chat")
    await steps.want("i1", channel="sms")
    await steps.want("i2")
    assert {each.channel for each in await store.rows(incident="i1")} == {"chat", "sms"}
    assert len(await store.rows(state="waiting")) == 3
    assert len(await store.rows(limit=1)) == 1
    assert not await store.resend("i1", "chat", now=NOON)


async def test_claims_of_the_dead_are_free(store: Store) -> None:
    """After a restart a row that was being told may be claimed at once; what was told stays told."""
    steps = Steps(store)
    await steps.want("i1")
    (told,) = await claim(store)
    await store.told(told, message_id="77", now=NOON)
    await steps.want("i2")
    assert [each.incident for each in await claim(store)] == ["i2"]
    await store.free_claims()
    assert [each.incident for each in await claim(store)] == ["i2"]


async def test_what_a_person_must_act_on_is_a_row_of_its_own(store: Store) -> None:
    """Nothing newer takes its place before it was told; then what became of the story meanwhile follows as an edit."""
    steps = Steps(store)
    await steps.want("i1", 1)
    (mine,) = await claim(store)
    await store.told(mine, message_id="77", now=NOON)
    await steps.want("i1", 2)
    await steps.want("i1", 2, matter="r1 approval", urgent=True)
    await steps.want("i1", 3)
    await steps.want("i1", 3, matter="r1 approval", opens=False)
    found = await claim(store)
    assert [(each.matter, each.revision, each.message_id) for each in found] == [("r1 approval", 2, ""), ("", 3, "77")]
    await store.told(found[0], message_id="78", now=NOON)
    later = [(each.matter, each.revision, each.story, each.message_id) for each in await claim(store)]
    assert later == [("r1 approval", 3, b"story 3", "78")]


async def test_what_became_of_a_matter_is_for_those_who_were_called(store: Store) -> None:
    """Whoever was not called makes nothing of it; whoever was is told by an edit."""
    steps = Steps(store)
    await steps.want("i1", 1)
    await steps.want("i1", 2, matter="r1 approval", opens=False)
    assert [each.matter for each in await store.rows()] == [""]
    (story,) = await claim(store)
    await store.told(story, message_id="77", now=NOON)
    await steps.want("i1", 3, matter="r1 approval")
    (call,) = await claim(store)
    await store.told(call, message_id="78", now=NOON)
    await steps.want("i1", 4, matter="r1 approval", opens=False)
    assert [(each.matter, each.revision, each.message_id) for each in await claim(store)] == [("r1 approval", 4, "78")]


async def test_a_matter_is_for_those_who_may_have_heard(store: Store) -> None:
    """To whoever heard nothing yet the story itself is new, and says it too."""
    steps = Steps(store)
    await steps.want("i1", 1)
    await steps.want("i1", 1, matter="r1 approval")
    assert [each.matter for each in await store.rows()] == [""]


async def test_a_matter_that_is_told_leaves_the_story_as_it_was(store: Store) -> None:
    """Each row has a message of its own, and is tried, told and buried by itself."""
    steps = Steps(store)
    await steps.want("i1", 1)
    (story,) = await claim(store)
    await steps.want("i1", 2, matter="r1 approval")
    (matter,) = await claim(store)
    await store.told(matter, message_id="78", now=NOON)
    await store.failed(story, now=NOON, why="chat not found", dead=True)
    rows = {each.matter: (each.state, each.message_id) for each in await store.rows()}
    assert rows == {"": ("dead", ""), "r1 approval": ("told", "78")}
    assert await store.resend("i1", "chat", now=NOON)
    assert [each.matter for each in await claim(store)] == [""]
