"""A channel that cannot be reached: another one is told in its place, once, until the first is back."""

import asyncio

from healer.notification.conduct import Conduct
from healer.notification.deliver import Sender
from healer.times import MINUTE, SECOND
from notifiers.message import Ambiguous, Answer, Message, NotTried, Ok, Permanent, Reason, Told
from tests.unit.notification.test_deliver import Stand, play

SHUT = NotTried(MINUTE, Reason.BREAKER_OPEN, "it failed too often of late")
GONE = Permanent("the chat is gone", Reason.CHAT_NOT_FOUND, disable=True)


def with_fallback(stand: Stand, **senders: Sender) -> None:
    """`chat` has `other` as its fallback."""
    stand.deliverer.use({**stand.chats, **senders}, "", conduct={"chat": Conduct(fallback="other")})


def test_a_channel_whose_breaker_is_open_is_stood_in_for() -> None:
    """All that waits for it is told elsewhere within a moment, and it is not asked again for each. What is news by then goes to
    both when it is back."""

    async def work(stand: Stand) -> None:
        with_fallback(stand)
        stand.chat.answers(SHUT)
        for incident in ("i1", "i2", "i3"):
            await stand.want(1, incident=incident)
        await stand.told(1, incident="i4")
        assert stand.chat.requests == ["send i1 1 broken"]
        assert stand.chats["other"].requests == [f"send {incident} 1 broken" for incident in ("i1", "i2", "i3", "i4")]
        await asyncio.sleep(70)
        assert sorted(stand.chat.messages.values()) == [f"{incident} 1 broken" for incident in ("i1", "i2", "i3", "i4")]
        await stand.told(2, "over")
        assert stand.chat.requests[-1] == stand.chats["other"].requests[-1] == "edit i1 2 over"

    play(work, "chat", "other")


def test_where_people_want_nothing_twice_a_lost_answer_is_a_dead_letter() -> None:
    """It is not sent again, is listed, and another channel is told in its place; an edit is simply repeated, and news is news."""

    async def work(stand: Stand) -> None:
        stand.deliverer.use(stand.chats, "", conduct={"chat": Conduct(fallback="other", once=True)})
        stand.chat.lost.append(Ambiguous("the connection broke"))
        await stand.told(1)
        await asyncio.sleep(600)
        assert stand.chat.requests == ["send i1 1 broken"]
        assert [(row.channel, row.state) for row in await stand.store.rows(state="dead")] == [("chat", "dead")]
        assert stand.chats["other"].requests == ["send i1 1 broken"]
        await stand.told(1, incident="i2")
        stand.chat.lost.append(Ambiguous("the connection broke"))
        await stand.told(2, "over", incident="i2")
        await asyncio.sleep(600)
        assert stand.chat.requests[-2:] == ["edit i2 2 over", "edit i2 2 over"]
        await stand.told(2, "over")
        assert stand.chat.requests[-1] == "send i1 2 over"
        assert not await stand.store.rows(state="dead")

    play(work, "chat", "other")


def test_a_channel_that_is_back_is_told_alone() -> None:
    """What begins then is nobody else's."""

    async def work(stand: Stand) -> None:
        with_fallback(stand)
        stand.chat.answers(SHUT)
        await stand.told(1)
        await asyncio.sleep(70)
        await stand.told(1, incident="i2")
        assert stand.chat.requests[-1] == "send i2 1 broken"
        assert stand.chats["other"].requests == ["send i1 1 broken"]

    play(work, "chat", "other")


def test_what_is_refused_for_good_is_told_elsewhere_and_stays_a_dead_letter() -> None:
    """The reason is still to be mended; whoever was told in its place hears the end."""

    async def work(stand: Stand) -> None:
        with_fallback(stand)
        stand.chat.answers(GONE, GONE)
        await stand.told(1)
        await stand.told(2, "over")
        assert stand.chats["other"].requests == ["send i1 1 broken", "edit i1 2 over"]
        assert {row.channel: row.state for row in await stand.store.rows()} == {"chat": "dead", "other": "told"}

    play(work, "chat", "other")


def test_news_of_what_was_told_waits_for_the_channel() -> None:
    """People know of it: nobody else is called because an edit is late. What they must act on is passed on."""

    async def work(stand: Stand) -> None:
        with_fallback(stand)
        await stand.told(1)
        stand.chat.answers(SHUT)
        await stand.told(2)
        assert stand.chats["other"].requests == []
        await stand.told(3, "needs you", matter="r1 approval")
        assert stand.chats["other"].requests == ["send i1 3 needs you"]

    play(work, "chat", "other")


def test_what_was_over_before_anybody_could_be_told_waits_too() -> None:
    """It is no reason to call somebody else."""

    async def work(stand: Stand) -> None:
        with_fallback(stand)
        stand.chat.answers(SHUT)
        await stand.told(1, "over")
        assert stand.chats["other"].requests == []

    play(work, "chat", "other")


def test_without_a_fallback_the_row_waits() -> None:
    """As it always did."""

    async def work(stand: Stand) -> None:
        stand.chat.answers(SHUT)
        await stand.told(1)
        assert [(row.channel, row.state) for row in await stand.store.rows()] == [("chat", "waiting")]
        await asyncio.sleep(70)
        assert stand.chat.requests == ["send i1 1 broken"] * 2

    play(work, "chat", "other")


def test_the_message_says_for_whom_it_was_meant() -> None:
    """Else its readers would wonder why they get it."""

    async def work(stand: Stand) -> None:
        other = Listener()
        with_fallback(stand, other=other)
        stand.chat.answers(SHUT)
        await stand.told(1)
        assert other.heard == ["For chat, which could not be reached"]

    play(work, "chat", "other")


def test_when_both_are_away_it_is_told_by_whoever_is_back_first() -> None:
    """Two that stand in for one another pass nothing to and fro."""

    async def work(stand: Stand) -> None:
        each_other = {"chat": Conduct(fallback="other"), "other": Conduct(fallback="chat")}
        stand.deliverer.use(stand.chats, "", conduct=each_other)
        stand.chat.answers(SHUT)
        stand.chats["other"].answers(NotTried(20 * SECOND, Reason.BREAKER_OPEN, "sick"))
        await stand.told(1)
        await asyncio.sleep(25)
        assert (len(stand.chat.messages), len(stand.chats["other"].messages)) == (0, 1)
        await asyncio.sleep(60)
        assert (len(stand.chat.messages), len(stand.chats["other"].messages)) == (1, 1)

    play(work, "chat", "other")


class Listener:
    """A chat that keeps the last line before the incident's."""

    can_edit = True
    edits_once = False

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        self.heard.append("".join(span.text for span in message.lines[-3]))
        return Ok(Told(trace_id))

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        raise AssertionError(f"{trace_id}: {reference} is not edited here: {message.title}")
