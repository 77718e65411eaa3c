"""Cards of a WeCom application, the code that changes one once, and its token, over real HTTP against the stand-in."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from notifiers.clock import SECOND
from notifiers.limiter import MemoryLimiter
from notifiers.message import (
    Ambiguous,
    Answer,
    Button,
    Message,
    Ok,
    Permanent,
    RateLimited,
    Reason,
    Told,
    Transient,
    line,
)
from notifiers.secret import Secret
from notifiers.tokens import MemoryTokenCache, Tokens
from notifiers.wecom_app import WecomAppConfig, WecomAppSender, rates
from tests.standins.provider import Fault
from tests.standins.wecom_app import WecomAppStandin

CORP, SECRET, AGENT = "ww0123456789abcdef", "wecom-app-secret", 1000002
STORY = Message(
    "[CRIT broken] host web-1 down",
    (line("since 10:02"), line("cause: switch-3")),
    more_url="https://healer.example/incidents/7",
    code="7f3a",
    buttons=((Button("Acknowledge", "ack:7f3a"), Button("Why?", "why:7f3a")),),
)
OVER = msgspec.structs.replace(STORY, title="[CRIT healed] host web-1 down", buttons=(), ended=True)


class Time:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def wall(self) -> int:
        return int(self.now * SECOND)

    def monotonic(self) -> int:
        return self.wall()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def standin(time: Time) -> AsyncIterator[WecomAppStandin]:
    async with WecomAppStandin(CORP, SECRET, AGENT, ("ann", "bob"), clock=time, slow=1.0) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as shared:
        yield shared


def configured(url: str, **more: Any) -> WecomAppConfig:
    keys = {"token": Secret("wecomtoken"), "aes_key": Secret("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")}
    given: dict[str, Any] = {"users": ("ann", "bob"), "buttons": "webhook", "timeout": SECOND // 5} | keys | more
    return WecomAppConfig(corp_id=CORP, agent_id=AGENT, secret=Secret(SECRET), api_url=url, **given)


@pytest.fixture
def sender(standin: WecomAppStandin, session: aiohttp.ClientSession, time: Time) -> WecomAppSender:
    return made(standin, session, time)


def made(standin: WecomAppStandin, session: aiohttp.ClientSession, time: Time, **more: Any) -> WecomAppSender:
    tokens = Tokens(MemoryTokenCache(), time.wall)
    return WecomAppSender("ops", configured(standin.url, **more), session, tokens, time.wall)


async def told(sender: WecomAppSender, message: Message = STORY) -> Told:
    answer = await sender.send(message, trace_id="")
    assert isinstance(answer, Ok)
    return answer.reference


async def test_a_card_shows_the_story_and_its_buttons(sender: WecomAppSender, standin: WecomAppStandin) -> None:
    """All of it, as data; a story without buttons is a text."""
    await told(sender)
    await told(sender, OVER)
    card, text = standin.shown
    assert card.text == "[CRIT broken] host web-1 down\nsince 10:02\ncause: switch-3"
    assert card.buttons == (("Acknowledge", "ack:7f3a"), ("Why?", "why:7f3a"))
    assert (text.text.partition("\n")[0], text.task) == (OVER.title, "")
    assert card.users == ("ann", "bob")


async def test_six_buttons_are_the_most(sender: WecomAppSender, standin: WecomAppStandin) -> None:
    """The first of them; one that WeCom would refuse costs neither the others nor the message."""
    rows = ((Button("x", "k" * 1025), Button("", "a")), *((Button(f"{one}", f"b:{one}"),) for one in range(9)))
    await told(sender, msgspec.structs.replace(STORY, buttons=rows))
    assert [text for text, _ in standin.shown[0].buttons] == ["?", "0", "1", "2", "3", "4"]


async def test_a_card_changes_once(sender: WecomAppSender, standin: WecomAppStandin) -> None:
    """By the code that came with it; after that only a new message can tell the story."""
    reference = Told.unpack((await told(sender)).pack())
    assert await sender.edit(reference, OVER, trace_id="") == Ok(reference)
    assert (standin.texts[0].partition("\n")[0], standin.shown[0].buttons) == (OVER.title, ())
    again = await sender.edit(reference, STORY, trace_id="")
    assert isinstance(again, Permanent)
    assert (again.send_anew, again.reason) == (True, Reason.NOT_EDITABLE)


@pytest.mark.parametrize(
    ("message", "after", "more"),
    [
        (STORY, 72 * 3600, {}),
        (OVER, 0, {}),
        (STORY, 0, {"buttons": "none"}),
    ],
)
async def test_what_cannot_be_changed_is_sent_anew(
    message: Message,
    after: int,
    more: dict[str, Any],
    session: aiohttp.ClientSession,
    standin: WecomAppStandin,
    time: Time,
) -> None:
    """After 72 hours, a text, or where no presses are heard: WeCom is not even asked."""
    sender = made(standin, session, time, **more)
    reference = await told(sender, message)
    time.now += after
    asked = len(standin.requests)
    answer = await sender.edit(reference, OVER, trace_id="")
    assert isinstance(answer, Permanent)
    assert (answer.send_anew, len(standin.requests)) == (True, asked)


async def test_a_card_without_an_address_has_to_have_buttons(sender: WecomAppSender) -> None:
    """One without either is no card."""
    reference = await told(sender)
    answer = await sender.edit(reference, msgspec.structs.replace(OVER, more_url=""), trace_id="")
    assert isinstance(answer, Permanent)
    assert answer.send_anew


async def test_one_flight_brings_the_token_for_all(
    sender: WecomAppSender, standin: WecomAppStandin, time: Time
) -> None:
    """However many want it at once; it is asked for again shortly before it ends, and not earlier."""
    await asyncio.gather(*(told(sender, msgspec.structs.replace(STORY, title=f"{one}")) for one in range(5)))
    assert standin.given == 1
    time.now += 7200 - 301
    await told(sender)
    assert standin.given == 1
    time.now += 60
    await told(sender, OVER)
    assert standin.given == 2


@pytest.mark.parametrize("code", [40014, 42001, 41001])
async def test_a_token_that_is_known_no_more_is_fetched_once(
    code: int, sender: WecomAppSender, standin: WecomAppStandin
) -> None:
    """And the message sent again, once, with the same task; readers see it once, and nobody hears of a failure."""
    await told(sender)
    standin.stale_code = code
    standin.forget_tokens()
    await told(sender, OVER)
    assert (standin.given, len(standin.shown)) == (2, 2)


async def test_a_fresh_token_that_is_refused_is_temporary(sender: WecomAppSender, standin: WecomAppStandin) -> None:
    """Not asked for in a circle, and no reason to bury the message."""

    def always(request: Any) -> dict[str, Any]:
        standin.given += 1
        del request
        return {"errcode": 0, "errmsg": "ok", "access_token": "of-nobody", "expires_in": 7200}

    standin._token = always  # type: ignore[method-assign] # the provider forgets what it gives
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, Transient)
    assert (answer.reason, standin.given) == (Reason.UNAUTHORIZED, 2)


@pytest.mark.parametrize(
    ("code", "kind"), [(45009, RateLimited), (-1, Transient), (40001, Permanent), (40013, Permanent)]
)
async def test_why_there_is_no_token(
    code: int, kind: type[Answer], sender: WecomAppSender, standin: WecomAppStandin
) -> None:
    """Too often: a minute's rest; busy: later; a wrong secret: for good. No message left, in any case."""
    standin.token_faults.append(code)
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, kind)
    if isinstance(answer, RateLimited):
        assert answer.retry_after == 60 * SECOND
    assert standin.shown == []


async def test_an_ambiguous_send_is_there_once(sender: WecomAppSender, standin: WecomAppStandin) -> None:
    """What was sent without an answer has the same task when it is sent again; another message has another."""
    standin.faults.append(Fault.RESET_AFTER)
    assert isinstance(await sender.send(STORY, trace_id=""), Ambiguous)
    await told(sender)
    assert len(standin.shown) == 1
    await told(sender)
    assert len(standin.shown) == 2


async def test_who_is_not_known_keeps_nobody_from_hearing(
    sender: WecomAppSender, standin: WecomAppStandin, caplog: pytest.LogCaptureFixture
) -> None:
    """The others have it, and the log names whom WeCom did not reach; with nobody left it is for good."""
    standin.members.discard("bob")
    await told(sender)
    assert "does not reach bob" in caplog.text
    standin.members.clear()
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, Permanent)
    assert (answer.reason, answer.disable) == (Reason.CHAT_NOT_FOUND, True)


async def test_no_member_gets_more_than_wecom_delivers(
    sender: WecomAppSender, standin: WecomAppStandin, time: Time
) -> None:
    """WeCom drops the excess without a word, so the channel's own rates stay below it for each member."""
    limiter = MemoryLimiter(time)
    for number in range(100):
        wait = await limiter.reserve(sender.limits.rates, patience=3600 * SECOND)
        time.now += wait / SECOND
        await told(sender, msgspec.structs.replace(STORY, title=f"{number}"))
    assert standin.dropped == 0
    assert time.now - 1_700_000_000 < 100 * 60 / 25


def test_rates_are_the_members() -> None:
    """Two channels of one application to the same member share a rate; so do all that name more than members."""
    own = {rate.key for rate in rates(configured("http://x", users=("Ann",)))}
    both = {rate.key for rate in rates(configured("http://x", users=("ann",), parties=(1,)))}
    assert own < both
    assert both - own == {rate.key for rate in rates(configured("http://x", users=("@all",)))}


async def test_neither_secret_nor_token_gets_out(
    sender: WecomAppSender, standin: WecomAppStandin, caplog: pytest.LogCaptureFixture
) -> None:
    """Not where WeCom repeats the token, not where a request fails whose address holds it."""
    caplog.set_level("DEBUG")
    await told(sender)
    answers: list[Answer] = []
    standin.stale_code = 40008
    standin.forget_tokens()
    answers.append(await sender.send(STORY, trace_id=""))
    standin.faults += [Fault.RESET_BEFORE, Fault.PORTAL, Fault.NOT_JSON]
    answers += [await sender.send(STORY, trace_id="") for _ in range(3)]
    await standin.stop()
    answers.append(await sender.send(STORY, trace_id=""))
    said = repr(answers) + caplog.text
    assert not [one for one in (SECRET, "wecom-token") if one in said]


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"users": ()}, "users"),
        ({"users": ("@all", "ann")}, "users"),
        ({"users": ("a|b",)}, "users"),
        ({"users": tuple(map(str, range(101)))}, "users"),
        ({"token": None}, "buttons"),
        ({"aes_key": Secret("short")}, "aes_key"),
        ({"aes_key": None}, "aes_key"),
        ({"timeout": 1}, "timeout"),
    ],
)
def test_a_wrong_configuration_names_its_key(more: dict[str, Any], key: str) -> None:
    """Without the secrets of callbacks there are no buttons."""
    with pytest.raises(ValueError, match=r".+") as wrong:
        configured("http://x", **more)
    assert wrong.value.args[1] == key
