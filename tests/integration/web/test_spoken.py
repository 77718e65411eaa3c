"""The kill switch as a word in a chat: who may say it, what it does, and what is answered."""

import asyncio
import time

import pytest

from healer.notification.wording import PLAIN
from healer.times import SECOND
from healer.web.auth import Access
from healer.web.pressing import Reply
from healer.web.spoken import Commands, Spoken
from tests.integration.web.stand import NOW
from tests.integration.web.test_pressing import AUTH, Chat, Hooked, hooked, people

STRANGER = "healer does not know you"


async def say(here: Chat, who: int, text: str, at: int = NOW) -> Reply | None:
    return await Commands(here.stand.service, Access(AUTH)).hear(Spoken(f"telegram:{who}", text, at), PLAIN)


async def switches(here: Chat | Hooked) -> list[tuple[str, bool, str, str]]:
    return [(one.scope, one.thrown, one.by, one.why) for one in await here.stand.store.switches()]


async def test_a_word_is_the_kill_switch() -> None:
    """Written in one's own words, to one bot among several; it is everything that stops, in the account's name."""
    async with people() as here:
        answered = await say(here, 5, "/pause@healer_bot  it is\nodd")
        assert answered is not None
        assert (answered.text.startswith("Paused"), answered.loud) == (True, False)
        assert await switches(here) == [("all", True, "rea", "it is odd")]
        assert await say(here, 1, "/resume", NOW + SECOND) == Reply("Repairs may start again")
        assert await switches(here) == [("all", False, "ann", "")]


@pytest.mark.parametrize(
    ("who", "text", "answer"),
    [
        (9, "/pause", STRANGER),
        (9, "/resume", STRANGER),
        (4, "/pause", "eve is a viewer"),
        (5, "/resume", "rea is a responder"),
    ],
)
async def test_who_may_not_by_the_api_may_not_by_a_word(who: int, text: str, answer: str) -> None:
    """It is refused, and the switch stays as it was."""
    async with people() as here:
        await say(here, 1, "/pause" if text == "/resume" else "/resume", NOW - SECOND)
        before = await switches(here)
        answered = await say(here, who, text, NOW + SECOND)
        assert answered is not None
        assert (answer in answered.text, answered.loud) == (True, True), answered
        assert await switches(here) == before


@pytest.mark.parametrize("text", ["/start", "/paused", "/pause_all", "pause", "please /pause", "/", ""])
async def test_other_words_are_not_for_healer(text: str) -> None:
    """Bots of other kinds, and people, go on undisturbed."""
    async with people() as here:
        assert await say(here, 1, text) is None
        assert await switches(here) == []


async def test_a_resume_from_before_the_pause_counts_no_more() -> None:
    """Telegram delivers late, and again after a restart: what somebody stopped since stays stopped. A pause always counts."""
    async with people() as here:
        await say(here, 1, "/pause", NOW - 1_000 * SECOND)
        answered = await say(here, 1, "/resume", NOW - SECOND)
        assert answered is not None
        assert answered.text.startswith("Still paused: ann paused at ")
        assert [thrown for _, thrown, *_ in await switches(here)] == [True]


async def test_a_bot_hears_and_answers_where_it_belongs() -> None:
    """In its own chat also who may not is told so; elsewhere a stranger gets no answer, whatever they write."""
    async with hooked("buttons: poll") as here:
        async with asyncio.timeout(20):
            while not here.telegram.presses.asked:
                await asyncio.sleep(0.01)
        here.telegram.write(666, "/pause", user=9, at=time.time())
        here.telegram.write(7, "/pause", user=9, at=time.time())
        here.telegram.write(7, "/pause the disk", user=5, at=time.time())
        async with asyncio.timeout(20):
            while len(here.telegram.texts(7)) < 3:
                await asyncio.sleep(0.01)
        _, refused, done = here.telegram.texts(7)
        assert refused.startswith(STRANGER)
        assert done.startswith("Paused")
        assert here.telegram.texts(666) == []
        assert await switches(here) == [("all", True, "rea", "the disk")]
