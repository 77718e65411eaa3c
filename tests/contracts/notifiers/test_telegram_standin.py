"""The stand-in keeps the Bot API's rules: a test that leans on it leans on these."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.standins import telegram_html
from tests.standins.telegram import TelegramStandin

Call = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def standin(clock: Clock) -> AsyncIterator[TelegramStandin]:
    async with TelegramStandin("1:T", clock=clock) as running:
        yield running


@pytest.fixture
async def call(standin: TelegramStandin) -> AsyncIterator[Call]:
    async with aiohttp.ClientSession() as session:

        async def one(method: str, token: str = "1:T", **body: Any) -> tuple[int, dict[str, Any]]:
            async with session.post(f"{standin.url}/bot{token}/{method}", json=body) as response:
                return response.status, await response.json()

        yield one


async def test_wrong_token(call: Call) -> None:
    """A token that is not the bot's is unauthorized."""
    assert (await call("sendMessage", token="2:T", chat_id=5, text="x"))[0] == 401


async def test_unknown_method(call: Call) -> None:
    """A method that is not there is not found."""
    assert (await call("sendFax", chat_id=5, text="x"))[0] == 404


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": "<b></b> ", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "🔥" * 2049}, "message is too long"),
        ({"text": "<b>x", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "a < b", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "<script>x</script>", "parse_mode": "HTML"}, "can't parse entities"),
        ({"text": "<b><i>x</b></i>", "parse_mode": "HTML"}, "can't parse entities"),
    ],
)
async def test_bad_texts_are_refused(call: Call, body: dict[str, str], why: str) -> None:
    """Empty, too long and badly marked up texts are 400."""
    status, answer = await call("sendMessage", chat_id=5, **body)
    assert status == answer["error_code"] == 400
    assert why in answer["description"]


async def test_limit_counts_what_is_seen(call: Call) -> None:
    """4096 UTF-16 units after parsing are just right, however long the markup."""
    text = f'<a href="https://x.example/{"y" * 500}">{"&lt;" * 4096}</a>'
    assert (await call("sendMessage", chat_id=5, text=text, parse_mode="HTML"))[0] == 200


async def test_burst_then_one_a_second(call: Call, clock: Clock) -> None:
    """A chat takes a short burst, then one a second; the refusal says for how long, in body and header alike."""
    statuses = [(await call("sendMessage", chat_id=5, text=f"{number}"))[0] for number in range(4)]
    assert statuses == [200, 200, 200, 429]
    _, answer = await call("sendMessage", chat_id=5, text="x")
    assert answer["parameters"] == {"retry_after": 1}
    assert (await call("sendMessage", chat_id=6, text="x"))[0] == 200
    clock.now += 1
    assert (await call("sendMessage", chat_id=5, text="x"))[0] == 200


async def test_group_takes_twenty_a_minute(call: Call, clock: Clock) -> None:
    """A group is slower than a chat: after twenty, one in three seconds. Edits count like messages."""
    statuses = []
    for number in range(40):
        clock.now += 1
        statuses.append((await call("editMessageText", chat_id=-5, message_id=1, text=f"{number}"))[0])
    assert statuses[:20].count(429) == 0
    assert statuses.count(429) >= 6


async def test_bot_takes_thirty_a_second(call: Call) -> None:
    """All chats together have a limit too."""
    statuses = [(await call("sendMessage", chat_id=chat, text="x"))[0] for chat in range(1, 41)]
    assert statuses == [200] * 30 + [429] * 10


async def test_edits(call: Call, standin: TelegramStandin) -> None:
    """An edit needs its message and a difference, be it only in markup."""
    standin.enforce_rates = False
    _, sent = await call("sendMessage", chat_id=5, text="x")
    message = {"chat_id": 5, "message_id": sent["result"]["message_id"]}
    assert "not modified" in (await call("editMessageText", **message, text="x"))[1]["description"]
    assert (await call("editMessageText", **message, text="<b>x</b>", parse_mode="HTML"))[0] == 200
    _, answer = await call("editMessageText", chat_id=5, message_id=99, text="x")
    assert answer["description"] == "Bad Request: message to edit not found"


async def test_targets(call: Call, standin: TelegramStandin) -> None:
    """Unknown, blocked, moved chats and closed topics each have their refusal."""
    standin.chats, standin.blocked, standin.migrated, standin.threads = {5, 6}, {6}, {7: -1007}, {5: {1}}
    assert (await call("sendMessage", chat_id=8, text="x"))[1]["description"] == "Bad Request: chat not found"
    assert (await call("sendMessage", chat_id=6, text="x"))[0] == 403
    assert (await call("sendMessage", chat_id=7, text="x"))[1]["parameters"] == {"migrate_to_chat_id": -1007}
    assert "thread not found" in (await call("sendMessage", chat_id=5, message_thread_id=2, text="x"))[1]["description"]


def test_entities_are_decoded_once() -> None:
    """`&amp;lt;` is seen as `&lt;`, and unknown entities stay text."""
    assert telegram_html.parse("&amp;lt; &nbsp; &#60;&#x3c; & <u>x</u>")[0] == "&lt; &nbsp; << & x"


async def test_process_beside_a_service(tmp_path: Path) -> None:
    """Run as a program it is scripted over HTTP, and its log counts what was stored even if the client never heard."""
    log = tmp_path / "requests.jsonl"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.standins.telegram", "--token", "1:T", "--log", str(log)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout
    try:
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
        async with aiohttp.ClientSession() as session:
            await session.post(f"{url}/standin/faults", json=["reset_after"])
            with pytest.raises(aiohttp.ClientError):
                await session.post(f"{url}/bot1:T/sendMessage", json={"chat_id": 5, "text": "lost"})
            await session.post(
                f"{url}/bot1:T/sendMessage", json={"chat_id": 5, "text": "heard"}, headers={"X-Trace-ID": "abc"}
            )
            seen = await (await session.get(f"{url}/standin/messages")).json()
    finally:
        process.kill()
        await process.wait()
    assert [message["text"] for message in seen] == ["lost", "heard"]
    lines = [json.loads(row) for row in log.read_text().splitlines()]
    assert [(row["text"], row["outcome"], row["stored"]) for row in lines] == [
        ("lost", "reset_after", True),
        ("heard", "ok", True),
    ]
    assert lines[1]["headers"]["x-trace-id"] == "abc"
    assert "1:T" not in log.read_text()
