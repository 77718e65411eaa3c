"""Buttons under messages of Telegram, and what comes back of them, over real HTTP against the stand-in."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from notifiers.clock import SECOND
from notifiers.message import Button, Message, Ok, Reason, Rows, Told
from notifiers.press import Press
from notifiers.secret import Secret
from notifiers.telegram import TelegramConfig, TelegramSender
from notifiers.telegram_bot import NotDone, TelegramBot, read_update
from notifiers.telegram_keyboard import markup
from tests.standins.telegram import TelegramStandin

TOKEN = "123456:AAsecret-_x"
CHAT = -100500
ROWS: Rows = ((Button("Approve", "approve:1"), Button("Reject", "reject:1")), (Button("Why?", "why:1"),))
STORY = Message("[CRIT broken] host web-1 down", buttons=ROWS)


@pytest.fixture
async def standin() -> AsyncIterator[TelegramStandin]:
    async with TelegramStandin(TOKEN) as running:
        running.enforce_rates = False
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as shared:
        yield shared


@pytest.fixture
def sender(standin: TelegramStandin, session: aiohttp.ClientSession) -> TelegramSender:
    return TelegramSender("ops", configured(standin, buttons="poll"), session)


@pytest.fixture
def bot(standin: TelegramStandin, session: aiohttp.ClientSession) -> TelegramBot:
    return TelegramBot(Secret(TOKEN), standin.url, session)


def configured(standin: TelegramStandin, **settings: Any) -> TelegramConfig:
    return TelegramConfig(token=Secret(TOKEN), chat_id=CHAT, api_url=standin.url, timeout=SECOND, **settings)


def shown(standin: TelegramStandin) -> list[list[str]]:
    (message,) = standin.messages.values()
    return [[one["text"] for one in row] for row in message.buttons]


async def told(sender: TelegramSender, message: Message = STORY) -> tuple[Told, tuple[Reason, ...]]:
    answer = await sender.send(message, trace_id="")
    assert isinstance(answer, Ok)
    return answer.reference, answer.without


async def test_buttons_follow_the_story(sender: TelegramSender, standin: TelegramStandin) -> None:
    """They stand under the message, an edit replaces them, and one without any takes them away."""
    reference, _ = await told(sender)
    assert shown(standin) == [["Approve", "Reject"], ["Why?"]]
    later = msgspec.structs.replace(STORY, buttons=ROWS[1:])
    assert isinstance(await sender.edit(reference, later, trace_id=""), Ok)
    assert shown(standin) == [["Why?"]]
    assert isinstance(await sender.edit(reference, msgspec.structs.replace(STORY, buttons=()), trace_id=""), Ok)
    assert shown(standin) == []


async def test_where_no_press_is_heard_there_are_no_buttons(
    standin: TelegramStandin, session: aiohttp.ClientSession
) -> None:
    """A button that does nothing is worse than none."""
    reference, _ = await told(silent := TelegramSender("ops", configured(standin), session))
    await silent.edit(reference, msgspec.structs.replace(STORY, title="healed"), trace_id="")
    assert shown(standin) == []


async def test_buttons_never_cost_the_message(sender: TelegramSender, standin: TelegramStandin) -> None:
    """What Telegram would refuse is left out; where it refuses the buttons all the same, the message goes without them."""
    bad = msgspec.structs.replace(
        STORY, buttons=((Button("long", "x" * 65), Button("", "a\u00e9")), (Button("x", ""),))
    )
    await told(sender, bad)
    assert shown(standin) == [["?"]]
    standin.messages.clear()
    many = msgspec.structs.replace(STORY, buttons=tuple((Button(f"{one}", f"{one}"),) for one in range(101)))
    reference, without = await told(sender, many)
    assert (without, shown(standin)) == ((Reason.BAD_BUTTONS,), [])
    edited = await sender.edit(reference, msgspec.structs.replace(many, title="healed"), trace_id="")
    assert isinstance(edited, Ok)
    assert (edited.without, standin.texts()) == ((Reason.BAD_BUTTONS,), ["healed"])


async def test_a_press_is_heard_and_answered_once(
    sender: TelegramSender, bot: TelegramBot, standin: TelegramStandin
) -> None:
    """It comes with who, where and what; until the next question it comes again, and a second answer is too late."""
    await told(sender)
    polling = asyncio.ensure_future(bot.presses(0))
    while not standin.presses.asked:
        await asyncio.sleep(0.01)
    id = standin.press(CHAT, 1, "Approve", user=42)
    heard = await polling
    assert heard.presses == (Press(id, "42", "user 42", str(CHAT), "", "1", "approve:1"),)
    assert await bot.presses(0, poll=0) == heard
    assert (await bot.presses(heard.after, poll=0)).presses == ()
    await bot.answer(heard.presses[0], "x" * 300, alert=True)
    assert standin.presses.answers[id] == {"text": "x" * 200, "alert": True}
    with pytest.raises(NotDone, match="query is too old"):
        await bot.answer(heard.presses[0], "again", alert=False)


async def test_other_buttons_under_the_same_message(
    sender: TelegramSender, bot: TelegramBot, standin: TelegramStandin
) -> None:
    """The text stays; to show the same once more is no failure."""
    await told(sender)
    standin.press(CHAT, 1, "Why?", user=42)
    (press,) = (await bot.presses(0, poll=0)).presses
    for _ in range(2):
        await bot.show(press, ((Button("switch/sw-3", "blame:1"),),))
    assert (shown(standin), standin.texts()) == ([["switch/sw-3"]], [STORY.title])


async def test_one_asks_at_a_time(bot: TelegramBot, standin: TelegramStandin) -> None:
    """Whoever asked before is told that somebody else does, and so is who asks although a webhook is set."""
    first = asyncio.ensure_future(bot.presses(0))
    while not standin.presses.asked:
        await asyncio.sleep(0.01)
    await bot.presses(0, poll=0)
    with pytest.raises(NotDone, match="only one bot instance") as lost:
        await first
    assert lost.value.code == 409
    await bot.send_presses_to("http://127.0.0.1:1/hook", Secret("s" * 20))
    with pytest.raises(NotDone, match="webhook is active"):
        await bot.presses(0, poll=0)


async def test_no_secret_in_what_went_wrong(standin: TelegramStandin, session: aiohttp.ClientSession) -> None:
    """Neither the token nor the secret of a webhook stands in an error."""
    for url in (standin.url, "http://127.0.0.1:9"):
        wrong = TelegramBot(Secret("999:other-token"), url, session)
        with pytest.raises(NotDone) as refused:
            await wrong.send_presses_to("https://healer.example", Secret("a-secret-of-16-or-more"))
        assert not {"other-token", "a-secret"} & set(str(refused.value).replace(":", " ").split())


UPDATE = {
    "update_id": 7,
    "callback_query": {
        "id": "4",
        "from": {"id": 42, "username": "ann", "first_name": "Ann"},
        "data": "ack:1",
        "message": {"message_id": 3, "date": 0, "chat": {"id": CHAT, "type": "channel", "username": "night"}},
    },
}


def test_an_update_is_a_press() -> None:
    """Also under a message that Telegram shows no more, and in a chat with a name."""
    assert read_update(json.dumps(UPDATE).encode()) == Press("4", "42", "ann", str(CHAT), "@night", "3", "ack:1")


async def test_a_command_is_heard_and_answered_below_it(bot: TelegramBot, standin: TelegramStandin) -> None:
    """What people write among themselves is none; a command has who wrote it, where, and when."""
    await bot.presses(0, poll=0)
    standin.write(CHAT, "is anybody there?", user=42, at=1_700_000_000)
    standin.write(CHAT, "/pause it is odd", user=42, at=1_700_000_003.7)
    heard = await bot.presses(0, poll=SECOND)
    (word,) = heard.words
    assert (word.user, word.chat, word.at, word.text) == ("42", str(CHAT), 1_700_000_003 * SECOND, "/pause it is odd")
    assert not heard.presses
    await bot.reply(word, "Paused")
    assert standin.texts(CHAT) == ["Paused"]
    assert standin.requests[-1].body["reply_parameters"]["message_id"] == int(word.message_id)
    assert (await bot.presses(heard.after, poll=0)).words == ()


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 7, "message": {"text": "/pause"}},
        {"update_id": 7, "message": {"message_id": 1, "chat": {"id": CHAT}, "date": 1, "text": "/pause"}},
        {"update_id": 7, "message": {"message_id": 1, "chat": {"id": CHAT}, "from": {"id": 4}, "text": "hello"}},
        {"update_id": 7, "callback_query": {"id": "4", "from": {"id": 42}, "inline_message_id": "x", "data": "ack:1"}},
        {"update_id": 7, "callback_query": {"id": 4}},
        {"update_id": 7, "callback_query": "?"},
    ],
)
def test_what_is_no_press_is_left_alone(update: dict[str, Any]) -> None:
    """Other updates, presses under nothing of healer's, and shapes that nobody knows."""
    assert read_update(json.dumps(update).encode()) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"update_id": "x"}', b"\xff", b"[" * 100_000])
def test_what_is_no_update(body: bytes) -> None:
    """It is refused as such."""
    with pytest.raises(ValueError, match="no update"):
        read_update(body)


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([[{"text": "x", "callback_data": "x" * 65}]], "BUTTON_DATA_INVALID"),
        ([[{"text": "x", "callback_data": ""}]], "BUTTON_DATA_INVALID"),
        ([[{"text": "", "callback_data": "x"}]], "text must be non-empty"),
        ([[{"text": "x"}]], "text buttons are unallowed"),
        ([[{"text": "x", "callback_data": "x", "url": "https://x.example"}]], "text buttons are unallowed"),
        ([[{"text": "x", "callback_data": "x"}] * 101], "markup is too long"),
    ],
)
async def test_the_standin_refuses_what_telegram_refuses(standin: TelegramStandin, rows: Any, why: str) -> None:
    """Data of 1 to 64 bytes, a text, one thing that a button does, a hundred of them."""
    body = {"chat_id": CHAT, "text": "x", "reply_markup": {"inline_keyboard": rows}}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{standin.url}/bot{TOKEN}/sendMessage", json=body) as response,
    ):
        assert (response.status, why in (await response.json())["description"]) == (400, True)


def test_no_rows_take_the_buttons_away() -> None:
    """Also where all were left out."""
    assert markup(()) == markup(((Button("x", ""),),)) == {"inline_keyboard": []}
