"""Telegram over real HTTP against the stand-in: what only the Bot API has."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest

from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.clock import SECOND, Clock, Micros
from notifiers.limiter import MemoryLimiter
from notifiers.message import (
    Ambiguous,
    Message,
    Ok,
    OkNoop,
    Permanent,
    RateLimited,
    Reason,
    Span,
    Told,
    Transient,
    line,
)
from notifiers.retry import TELEGRAM
from notifiers.secret import Secret
from notifiers.telegram import TelegramConfig, TelegramSender
from tests.standins.provider import Fault
from tests.standins.telegram import TelegramStandin

TOKEN = "123456:AAsecret-_x"
CHAT = -100500
STORY = Message("[CRIT broken] rack r17 down, cn-1", (line("cause: ", Span("switch-3", url="https://x.example/3")),))
HEALED = msgspec.structs.replace(STORY, title="[CRIT healed] rack r17 down, cn-1")


@pytest.fixture
async def standin() -> AsyncIterator[TelegramStandin]:
    async with TelegramStandin(TOKEN, slow=5.0) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as shared:
        yield shared


def configured(url: str, **settings: object) -> TelegramConfig:
    given = {"token": Secret(TOKEN), "chat_id": CHAT, "api_url": url, "timeout": SECOND // 5} | settings
    return TelegramConfig(**given)  # type: ignore[arg-type]  # each test sets what it is about


@pytest.fixture
def sender(standin: TelegramStandin, session: aiohttp.ClientSession) -> TelegramSender:
    return TelegramSender("ops", configured(standin.url), session)


async def send(sender: TelegramSender, message: Message = STORY) -> Told:
    answer = await sender.send(message, trace_id="")
    assert isinstance(answer, Ok)
    return answer.reference


async def test_one_message_is_edited_through_its_life(sender: TelegramSender, standin: TelegramStandin) -> None:
    """One sendMessage, and then only edits of it."""
    reference = await send(sender)
    for state in ("healing", "healed"):
        title = f"[CRIT {state}] rack r17 down, cn-1"
        answer = await sender.edit(reference, msgspec.structs.replace(STORY, title=title), trace_id="")
        assert answer == Ok(reference)
    assert standin.texts(CHAT) == ["[CRIT healed] rack r17 down, cn-1\ncause: switch-3"]
    assert (standin.count("sendMessage"), standin.count("editMessageText")) == (1, 2)


async def test_markup_arrives_as_markup(sender: TelegramSender, standin: TelegramStandin) -> None:
    """The title is strong, a link is a link, and no preview pushes the story away."""
    reference = await send(sender)
    entities = standin.messages[CHAT, int(reference.message_id)].entities
    assert entities == ['a href="https://x.example/3"@41+8', "b @0+33"]
    assert standin.requests[0].body["link_preview_options"] == {"is_disabled": True}


async def test_equal_edit_is_no_change(sender: TelegramSender) -> None:
    """ "message is not modified" is a success that names the message."""
    reference = await send(sender)
    assert await sender.edit(reference, STORY, trace_id="") == OkNoop(reference)


async def test_deleted_message_is_to_be_sent_anew(sender: TelegramSender, standin: TelegramStandin) -> None:
    """Somebody deleted the message: the caller learns that a new one is needed, and that the chat is not to blame."""
    reference = await send(sender)
    standin.delete(CHAT, int(reference.message_id))
    answer = await sender.edit(reference, HEALED, trace_id="")
    assert isinstance(answer, Permanent)
    assert (answer.reason, answer.send_anew, answer.disable) == (Reason.MESSAGE_GONE, True, False)


async def test_refused_markup_goes_out_plain_once(sender: TelegramSender, standin: TelegramStandin) -> None:
    """Telegram does not like the markup: people read the story without it, addresses written out."""
    standin.faults.append(Fault.BAD_MARKUP)
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, Ok)
    assert answer.without == (Reason.BAD_MARKUP,)
    assert standin.texts() == ["[CRIT broken] rack r17 down, cn-1\ncause: switch-3: https://x.example/3"]
    standin.faults.append(Fault.BAD_MARKUP)
    edited = await sender.edit(answer.reference, HEALED, trace_id="")
    assert isinstance(edited, Ok)
    assert edited.without == (Reason.BAD_MARKUP,)
    assert len(standin.requests) == 4


async def test_plain_text_keeps_the_limit_too(sender: TelegramSender, standin: TelegramStandin) -> None:
    """Without markup addresses count, and the story is cut anew."""
    standin.faults.append(Fault.BAD_MARKUP)
    links = tuple(line(Span("graph", url=f"https://x.example/{number:0100}")) for number in range(100))
    await send(sender, Message("t", links, more_url="https://healer.example/7"))
    (seen,) = standin.texts()
    assert 4000 < len(seen) <= 4096
    assert seen.endswith("…\nread all of it: https://healer.example/7")


async def test_vanished_topic_goes_to_the_chat(standin: TelegramStandin, session: aiohttp.ClientSession) -> None:
    """A topic that somebody closed does not keep a chat from hearing; the caller learns that it is gone."""
    standin.threads[CHAT] = {8}
    there = TelegramSender("ops", configured(standin.url, thread_id=8), session)
    assert await there.send(STORY, trace_id="") == Ok(Told("1", str(CHAT)))
    gone = TelegramSender("ops", configured(standin.url, thread_id=9), session)
    assert await gone.send(STORY, trace_id="") == Ok(Told("2", str(CHAT)), without=(Reason.THREAD_NOT_FOUND,))
    assert [request.body.get("message_thread_id") for request in standin.requests] == [8, 9, None]


async def test_topic_and_markup_may_both_be_refused(standin: TelegramStandin, session: aiohttp.ClientSession) -> None:
    """Each is left out once, so three requests at most."""
    standin.threads[CHAT] = set()
    standin.faults.append(Fault.BAD_MARKUP)
    sender = TelegramSender("ops", configured(standin.url, thread_id=9), session)
    answer = await sender.send(STORY, trace_id="")
    assert answer == Ok(Told("1", str(CHAT)), without=(Reason.BAD_MARKUP, Reason.THREAD_NOT_FOUND))
    assert len(standin.requests) == 3


async def test_upgraded_group_gets_its_messages(
    sender: TelegramSender, standin: TelegramStandin, caplog: pytest.LogCaptureFixture
) -> None:
    """A group that became a supergroup has a new id: the next send reaches it; its old messages are to be sent anew. The
    operator is told, because the next start begins with the old id."""
    reference = await send(sender)
    standin.migrated[CHAT] = -1001234567890123
    edited = await sender.edit(reference, HEALED, trace_id="")
    assert isinstance(edited, Permanent)
    assert edited.send_anew
    assert await send(sender) == Told("2", "-1001234567890123")
    assert "put chat_id: -1001234567890123 into the configuration" in caplog.text


async def test_moved_chat_costs_one_try(standin: TelegramStandin, session: aiohttp.ClientSession) -> None:
    """A send that learns of the new id is made again at once, with that id."""
    standin.migrated[CHAT] = -1009
    answer = await channel(TelegramSender("ops", configured(standin.url), session)).send(STORY, trace_id="")
    assert answer == Ok(Told("1", "-1009"))
    assert [request.chat_id for request in standin.requests] == [str(CHAT), "-1009"]


async def test_throttle_says_for_how_long(sender: TelegramSender, standin: TelegramStandin) -> None:
    """The stand-in's own limit is met by name and number."""
    for _ in range(3):
        await send(sender)
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, RateLimited)
    assert answer.retry_after == SECOND
    assert len(standin.texts()) == 3


@pytest.mark.parametrize(
    ("fault", "stored"), [(Fault.RESET_BEFORE, 0), (Fault.RESET_AFTER, 1), (Fault.SLOW, 1), (Fault.BROKEN_OFF, 1)]
)
async def test_lost_answer_is_ambiguous(
    sender: TelegramSender, standin: TelegramStandin, fault: Fault, stored: int
) -> None:
    """Once the request was on its way nobody can say whether the message was stored: both happen."""
    standin.faults.append(fault)
    assert isinstance(await sender.send(STORY, trace_id=""), Ambiguous)
    assert len(standin.texts()) == stored


async def test_nobody_listens(session: aiohttp.ClientSession) -> None:
    """A refused connection is temporary and certainly sent nothing; the answer names the host, not the token."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        answer = await TelegramSender("ops", configured(url), session).send(STORY, trace_id="")
    assert isinstance(answer, Transient)
    assert answer.reason is Reason.CONNECT
    assert url in answer.why
    assert "AAsecret" not in answer.why


async def test_connection_that_never_stands_is_temporary(session: aiohttp.ClientSession) -> None:
    """A host that takes no connection, not even to refuse it, got no message: that is certain, so it is not ambiguous."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [await _half_open(address) for _ in range(4)]
        answer = await TelegramSender("ops", configured(f"http://127.0.0.1:{address[1]}"), session).send(
            STORY, trace_id=""
        )
        for one in waiting:
            one.close()
    assert isinstance(answer, Transient)
    assert answer.reason is Reason.CONNECT


async def _half_open(address: tuple[str, int]) -> socket.socket:
    """A connection that fills the backlog of a listener that never accepts."""
    one = socket.socket()
    one.setblocking(False)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(one, address), 0.05)
    return one


async def test_server_that_repeats_the_token_does_not_leak_it(session: aiohttp.ClientSession) -> None:
    """A server that quotes the URL in its refusal gives nothing away."""

    async def quote(request: aiohttp.web.BaseRequest) -> aiohttp.web.Response:
        answer = {"ok": False, "error_code": 400, "description": f"Bad Request: POST {request.path}"}
        return aiohttp.web.json_response(answer, status=400)

    server = aiohttp.web.ServerRunner(aiohttp.web.Server(quote, access_log=None))
    await server.setup()
    site = aiohttp.web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{server.addresses[0][1]}"
    answer = await TelegramSender("ops", configured(url), session).send(STORY, trace_id="")
    await server.cleanup()
    assert answer == Permanent("400 Bad Request: POST /bot***/sendMessage", Reason.REJECTED)


async def test_closed_session_is_temporary(sender: TelegramSender, session: aiohttp.ClientSession) -> None:
    """A message caught by the end of the service was not sent, and the row stays."""
    await session.close()
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, Transient)


async def test_close_leaves_the_shared_session_open(sender: TelegramSender, session: aiohttp.ClientSession) -> None:
    """One channel that ends does not take the others' connections with it."""
    await sender.close()
    assert not session.closed


@pytest.mark.parametrize(("configured_silent", "message_silent"), [(False, False), (True, False), (False, True)])
async def test_silence(
    standin: TelegramStandin, session: aiohttp.ClientSession, configured_silent: bool, message_silent: bool
) -> None:
    """Without a sound if the channel or the message asks for it."""
    sender = TelegramSender("ops", configured(standin.url, silent=configured_silent), session)
    await send(sender, msgspec.structs.replace(STORY, silent=message_silent))
    assert standin.requests[0].body["disable_notification"] is (configured_silent or message_silent)


async def test_public_name_of_a_chat(standin: TelegramStandin, session: aiohttp.ClientSession) -> None:
    """A chat configured by its name is edited by the number that Telegram gave it."""
    sender = TelegramSender("ops", configured(standin.url, chat_id="@ops_cn"), session)
    reference = await send(sender)
    assert reference.chat.startswith("-")
    assert isinstance(await sender.edit(reference, HEALED, trace_id=""), Ok)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"token": Secret("12:a b")}, "token"),
        ({"token": Secret("")}, "token"),
        ({"token": Secret("12:a/../b")}, "token"),
        ({"chat_id": "ops"}, "chat_id"),
        ({"api_url": "ftp://x"}, "api_url"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 3600 * SECOND}, "timeout"),
    ],
)
def test_wrong_settings_are_refused_by_key(settings: dict[str, object], key: str) -> None:
    """A setting that cannot work is refused when it is read, by its key, without showing the token."""
    with pytest.raises(ValueError, match=r".+") as refused:
        configured("https://api.telegram.org", **settings)
    assert refused.value.args[1] == key
    assert "12:a" not in str(refused.value)


class LoopClock:
    def monotonic(self) -> Micros:
        return round(asyncio.get_running_loop().time() * SECOND)


class Half:
    def uniform(self, low: float, high: float) -> float:
        return (low + high) / 2


def channel(sender: TelegramSender) -> Channel:
    clock: Clock = LoopClock()
    return Channel(
        sender,
        breaker=Breaker("ops", clock),
        limiter=MemoryLimiter(clock),
        backoff=TELEGRAM,
        random=Half(),
        sleep=asyncio.sleep,
    )


async def test_channel_keeps_telegrams_rates(standin: TelegramStandin, session: aiohttp.ClientSession) -> None:
    """Through its limit a channel never meets a 429: what comes too fast waits a moment."""
    told = channel(TelegramSender("ops", configured(standin.url), session))
    for number in range(4):
        assert isinstance(await told.send(Message(f"story {number}"), trace_id=""), Ok)
    assert [request.outcome for request in standin.requests] == ["ok"] * 4


async def test_channel_survives_a_short_fault_without_a_duplicate(
    standin: TelegramStandin, session: aiohttp.ClientSession
) -> None:
    """A proxy that fails once is tried again; people read the story once."""
    standin.faults.append(Fault.BAD_GATEWAY)
    told = channel(TelegramSender("ops", configured(standin.url), session))
    assert isinstance(await told.send(STORY, trace_id=""), Ok)
    assert len(standin.texts()) == 1


async def test_debug_logs_of_the_client_hold_no_token(
    standin: TelegramStandin, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """With every logger at its loudest, good and bad attempts leave no token in the log."""
    caplog.set_level(logging.DEBUG)
    told = channel(TelegramSender("ops", configured(standin.url), session))
    standin.faults.extend([Fault.OK, Fault.RESET_BEFORE])
    await told.send(STORY, trace_id="")
    await told.send(STORY, trace_id="")
    assert "AAsecret" not in caplog.text
