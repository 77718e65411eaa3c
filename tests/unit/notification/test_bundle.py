"""What waits for a channel's rate shares a message; from its next news on each incident has one of its own."""

import asyncio

from healer.notification.bundle import BUNDLED, bundle_of
from healer.notification.conduct import Conduct
from healer.notification.story import TITLE_LIMIT, Story
from healer.notification.wording import PLAIN, Speech
from healer.times import SECOND
from notifiers.message import NotTried, Permanent, RateLimited, Reason, Tone
from tests.unit.notification.test_deliver import TRACE, Stand, play

BUSY = NotTried(20 * SECOND, Reason.RATE_LIMITED, "at its rate limit")


def bundling(stand: Stand) -> None:
    stand.deliverer.use(stand.chats, "", conduct={"chat": Conduct(bundles=True)})


async def flood(stand: Stand, count: int, *, first: int = 1) -> None:
    for number in range(first, first + count):
        await stand.want(1, incident=f"i{number:03}")
    await stand.told(1, incident=f"i{first + count:03}")


def test_what_waits_for_the_rate_is_told_in_one_message() -> None:
    """The provider said that it is busy, or the limit is used up: when it goes on, all of it goes."""

    async def work(stand: Stand) -> None:
        bundling(stand)
        for busy in (BUSY, RateLimited(20 * SECOND)):
            stand.chat.requests.clear()
            stand.chat.answers(busy)
            await flood(stand, 4, first=10 if busy is BUSY else 20)
            assert len(stand.chat.requests) == 1
            await asyncio.sleep(25)
            assert len(stand.chat.requests) == 2
            assert stand.chat.requests[1].endswith(" 1 broken +4")
        assert {row.state for row in await stand.store.rows()} == {"told"}

    play(work)


def test_a_message_holds_a_number_of_incidents() -> None:
    """What is left makes the next one."""

    async def work(stand: Stand) -> None:
        bundling(stand)
        stand.chat.answers(BUSY)
        await flood(stand, BUNDLED + 4)
        await asyncio.sleep(25)
        assert [text.rpartition(" ")[2] for text in stand.chat.messages.values()] == [f"+{BUNDLED - 1}", "+4"]

    play(work)


def test_the_next_news_of_an_incident_is_a_message_of_its_own() -> None:
    """The shared one is never edited. News of which line 1 says nothing is none."""

    async def work(stand: Stand) -> None:
        bundling(stand)
        stand.chat.answers(BUSY)
        await flood(stand, 2)
        await asyncio.sleep(25)
        before = dict(stand.chat.messages)
        await stand.told(2, "broken", incident="i001", title="i001 1 broken")
        await stand.told(3, "healing", incident="i001")
        assert stand.chat.messages == before
        await stand.told(4, "healed", incident="i001")
        assert stand.chat.requests[-1] == "send i001 4 healed"
        await stand.told(5, "broken", incident="i001")
        assert stand.chat.requests[-1] == "edit i001 5 broken"
        assert before.items() <= stand.chat.messages.items()

    play(work)


def test_what_asks_a_person_for_something_is_alone() -> None:
    """It is never a line among others, and goes before them."""

    async def work(stand: Stand) -> None:
        bundling(stand)
        stand.chat.answers(BUSY)
        await stand.want(1, incident="i0")
        await stand.want(1, "needs you", incident="i1", urgent=True)
        await stand.want(1, "needs you", incident="i2", urgent=True)
        await flood(stand, 2, first=3)
        await asyncio.sleep(30)
        assert list(stand.chat.messages.values()) == ["i1 1 needs you", "i2 1 needs you", "i0 1 broken +3"]

    play(work)


def test_a_bundle_that_is_refused_is_told_one_by_one() -> None:
    """Each has its own fate."""

    async def work(stand: Stand) -> None:
        bundling(stand)
        stand.chat.answers(BUSY, Permanent("bad markup", Reason.BAD_MARKUP))
        await flood(stand, 2)
        await asyncio.sleep(60)
        assert sorted(stand.chat.messages.values()) == ["i001 1 broken", "i002 1 broken", "i003 1 broken"]

    play(work)


def test_with_room_again_each_has_its_own_message() -> None:
    """What comes after the flood is told as ever."""

    async def work(stand: Stand) -> None:
        bundling(stand)
        stand.chat.answers(BUSY)
        await flood(stand, 2)
        await asyncio.sleep(25)
        await stand.want(1, incident="late 1")
        await stand.told(1, incident="late 2")
        assert list(stand.chat.messages.values())[1:] == ["late 1 1 broken", "late 2 1 broken"]

    play(work)


def test_line_1_fits_a_lock_screen_and_each_incident_can_be_asked_for() -> None:
    """The most urgent is named, with how many come with it; below, a line and a code for each."""
    stories = [
        Story(f"id{n}", TRACE, "broken", "critical", f"[CRIT broken] {'n' * 30} {n}"[:TITLE_LIMIT]) for n in (1, 2, 3)
    ]
    message = bundle_of(stories, "https://h.example", PLAIN, Tone.BROKEN)
    assert len(message.title) <= TITLE_LIMIT
    assert message.title.startswith("[CRIT broken] nnn")
    assert message.title.endswith("… +2")
    assert [each[1].text for each in message.lines[1:]] == ["id1", "id2", "id3"]
    assert message.lines[1][1].url == "https://h.example/api/v1/incidents/id1"
    assert bundle_of(stories, "", Speech("zh"), Tone.BROKEN).lines[0][0].text.startswith("共 3 个事件")
