"""Cards of a Feishu application: sent once, changed as the story goes on, and its token, over real HTTP against the stand-in."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec
import pytest

from notifiers.clock import SECOND
from notifiers.feishu_app import FeishuAppConfig, FeishuAppSender
from notifiers.feishu_app_calls import FeishuApplication
from notifiers.feishu_card import CARD_BYTES, Version, card
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
    Tone,
    Transient,
    line,
)
from notifiers.secret import Secret
from notifiers.tokens import MemoryTokenCache, Tokens
from tests.contracts.notifiers.test_wecom_app import Time
from tests.standins.feishu_app import KEYS, FeishuAppStandin
from tests.standins.provider import Fault

APP, SECRET = "cli_9f5343c580712544", "feishu-app-secret"
STORY = Message(
    "[CRIT broken] host web-1 down",
    (line("since 10:02"), line("cause: switch-3")),
    tone=Tone.BROKEN,
    buttons=(
        (Button("Acknowledge", "ack:7f3a"), Button("Why?", "why:7f3a")),
        (Button("Silence 1 h", "silence:7f3a:1h"),),
    ),
)
OVER = msgspec.structs.replace(STORY, title="[CRIT healed] host web-1 down", tone=Tone.GOOD, buttons=())


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def standin(time: Time) -> AsyncIterator[FeishuAppStandin]:
    async with FeishuAppStandin(APP, SECRET, ("oc_1", "ou_1"), clock=time, slow=1.0) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as shared:
        yield shared


def configured(url: str, **more: Any) -> FeishuAppConfig:
    keys = {"encrypt_key": KEYS.encrypt_key, "verification_token": KEYS.verification_token}
    given: dict[str, Any] = {"to": "oc_1", "buttons": "webhook", "timeout": SECOND // 5} | keys | more
    return FeishuAppConfig(app_id=APP, secret=Secret(SECRET), api_url=url, **given)


@pytest.fixture
def sender(standin: FeishuAppStandin, session: aiohttp.ClientSession, time: Time) -> FeishuAppSender:
    return made(standin, session, time)


def made(standin: FeishuAppStandin, session: aiohttp.ClientSession, time: Time, **more: Any) -> FeishuAppSender:
    tokens = Tokens(MemoryTokenCache(), time.wall)
    return FeishuAppSender("ops", configured(standin.url, **more), session, tokens, time.wall)


async def told(sender: FeishuAppSender, message: Message = STORY) -> Told:
    answer = await sender.send(message, trace_id="")
    assert isinstance(answer, Ok)
    return answer.reference


@pytest.mark.parametrize("version", [1, 2])
async def test_a_card_follows_the_story(
    version: int, standin: FeishuAppStandin, session: aiohttp.ClientSession, time: Time
) -> None:
    """One card, in its colour, with the buttons that there are now; changed as often as there is news. In both versions."""
    sender = made(standin, session, time, card_version=version)
    reference = Told.unpack((await told(sender)).pack())
    (shown,) = standin.cards.values()
    assert shown.text == "[CRIT broken] host web-1 down\nsince 10:02\ncause: switch-3"
    assert shown.buttons == {
        "Acknowledge": {"d": "ack:7f3a"},
        "Why?": {"d": "why:7f3a"},
        "Silence 1 h": {"d": "silence:7f3a:1h"},
    }
    assert shown.colour == "red"
    for message in (msgspec.structs.replace(STORY, title="healing"), OVER):
        time.now += 1
        assert await sender.edit(reference, message, trace_id="") == Ok(reference)
    assert (shown.text.partition("\n")[0], shown.buttons, shown.colour) == (OVER.title, {}, "green")


async def test_a_person_is_written_to_as_well(
    standin: FeishuAppStandin, session: aiohttp.ClientSession, time: Time
) -> None:
    """By their open id; without callbacks there are no buttons."""
    reference = await told(made(standin, session, time, to="ou_1", buttons="none"))
    assert (reference.chat, standin.cards[reference.message_id].buttons) == ("oc_with_ou_1", {})


async def test_an_ambiguous_send_is_there_once(sender: FeishuAppSender, standin: FeishuAppStandin) -> None:
    """What was sent without an answer has the same uuid when it is sent again; another message has another."""
    standin.faults.append(Fault.RESET_AFTER)
    assert isinstance(await sender.send(STORY, trace_id=""), Ambiguous)
    await told(sender)
    assert len(standin.cards) == 1
    await told(sender)
    assert len(standin.cards) == 2


async def test_a_card_of_the_other_version_is_sent_anew(
    standin: FeishuAppStandin, session: aiohttp.ClientSession, time: Time
) -> None:
    """Who changes the version in the configuration loses no story that is under way."""
    reference = await told(made(standin, session, time, card_version=1))
    time.now += 1
    answer = await made(standin, session, time, card_version=2).edit(reference, OVER, trace_id="")
    assert isinstance(answer, Permanent)
    assert answer.send_anew


async def test_another_process_repeats_nothing(
    standin: FeishuAppStandin, session: aiohttp.ClientSession, time: Time
) -> None:
    """What somebody sent who died before it was written down is there once; another telling of the same words is there, too."""
    told_first, again = (msgspec.structs.replace(STORY, key=key) for key in ("i1/ops///", "i1/ops/reminder//7"))
    for message in (told_first, told_first, again):
        time.now += 1
        await told(made(standin, session, time), message)
    assert len(standin.cards) == 2


@pytest.mark.parametrize(
    ("after", "gone", "reason"), [(15 * 86400, False, Reason.NOT_EDITABLE), (0, True, Reason.MESSAGE_GONE)]
)
async def test_what_cannot_be_changed_is_sent_anew(
    after: int, gone: bool, reason: Reason, sender: FeishuAppSender, standin: FeishuAppStandin, time: Time
) -> None:
    """A card of more than 14 days, or one that was taken back."""
    reference = await told(sender)
    time.now += after
    if gone:
        standin.cards.clear()
    answer = await sender.edit(reference, OVER, trace_id="")
    assert isinstance(answer, Permanent)
    assert (answer.reason, answer.send_anew) == (reason, True)


@pytest.mark.parametrize("status", [429, 400])
async def test_too_fast_says_for_how_long(status: int, sender: FeishuAppSender, standin: FeishuAppStandin) -> None:
    """Whatever the status, the code decides; a header of Feishu's own has the seconds."""
    standin.limit_status = status
    standin.faults.append(Fault.TOO_MANY)
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, RateLimited)
    assert answer.retry_after == 7 * SECOND


async def test_the_rates_are_kept(sender: FeishuAppSender, standin: FeishuAppStandin, time: Time) -> None:
    """A hundred in a row: five a second, none refused."""
    limiter = MemoryLimiter(time)
    for number in range(100):
        wait = await limiter.reserve(sender.limits.rates, patience=3600 * SECOND)
        time.now += wait / SECOND
        await told(sender, msgspec.structs.replace(STORY, title=f"{number}"))
    assert 19 < time.now - 1_700_000_000 < 23


@pytest.mark.parametrize("code", [99991661, 99991663, 99991664, 99991668, 99991671])
async def test_a_token_that_is_known_no_more_is_fetched_once(
    code: int, sender: FeishuAppSender, standin: FeishuAppStandin
) -> None:
    """And the card sent again, once."""
    await told(sender)
    standin.stale_code = code
    standin.forget_tokens()
    await told(sender, OVER)
    assert (standin.given, len(standin.cards)) == (2, 2)


async def test_a_token_is_used_until_shortly_before_its_end(
    sender: FeishuAppSender, standin: FeishuAppStandin, time: Time
) -> None:
    """Within the time in which Feishu keeps two of them good, so that nobody is left with a dead one."""
    await told(sender)
    time.now += 7200 - 301
    await told(sender, OVER)
    assert standin.given == 1
    time.now += 60
    await told(sender)
    assert standin.given == 2


@pytest.mark.parametrize(
    ("what", "reason", "disable"),
    [
        ("secret", Reason.UNAUTHORIZED, True),
        ("chat", Reason.FORBIDDEN, True),
    ],
)
async def test_a_wrong_target_is_for_good(
    what: str, reason: Reason, disable: bool, sender: FeishuAppSender, standin: FeishuAppStandin
) -> None:
    """A secret that is wrong, a chat without the bot."""
    if what == "secret":
        standin.change_secret()
    else:
        standin.recipients.clear()
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, Permanent)
    assert (answer.reason, answer.disable) == (reason, disable)


async def test_without_an_answer_about_the_token_nothing_was_sent(
    sender: FeishuAppSender, standin: FeishuAppStandin
) -> None:
    """So it is tried again, and nobody fears that it may be there twice."""
    standin.token_lost = True
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, Transient)


async def test_neither_secret_nor_token_gets_out(
    sender: FeishuAppSender, standin: FeishuAppStandin, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in an answer, not in a log line."""
    caplog.set_level("DEBUG")
    await told(sender)
    standin.faults += [Fault.RESET_BEFORE, Fault.PORTAL, Fault.NOT_JSON, Fault.SERVER_ERROR]
    answers: list[Answer] = [await sender.send(STORY, trace_id="") for _ in range(4)]
    await standin.stop()
    answers.append(await sender.send(STORY, trace_id=""))
    said = repr(answers) + caplog.text
    assert not [one for one in (SECRET, "t-feishu") if one in said]


@pytest.mark.parametrize("text", ['"' * 30_000, "\\" * 30_000, "🔥" * 30_000, "x" * 60_000])
@pytest.mark.parametrize("version", [1, 2])
def test_no_card_is_larger_than_feishu_takes(version: Version, text: str) -> None:
    """Whatever its text takes when it is written as JSON, and however many buttons there are."""
    rows = tuple(tuple(Button(text[:40], text[:60]) for _ in range(4)) for _ in range(9))
    made = card(Message("title", tuple(line(text[:1000]) for _ in range(60)), buttons=rows), version, buttons=True)
    assert len(msgspec.json.encode(made)) <= CARD_BYTES


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"fallback": {}}, "unknown property fallback"),
        ({"config": {}}, "cannot be changed"),
        ({"body": {"elements": []}}, "without elements"),
        ({"body": {"elements": [{"tag": "action", "actions": []}]}}, "of action"),
        ({"body": {"elements": [{"tag": "hr"}] * 201}}, "too many elements"),
    ],
)
async def test_what_feishu_refuses_is_a_bad_message(
    wrong: dict[str, Any], why: str, standin: FeishuAppStandin, session: aiohttp.ClientSession, time: Time
) -> None:
    """A card of version 2 is taken as it should be or not at all, and the answer says that it will never be."""
    application = FeishuApplication(
        configured(standin.url).door, session, Tokens(MemoryTokenCache(), time.wall), time.wall
    )
    answer = await application.send("oc_1", card(STORY, 2, buttons=True) | wrong, "u", "")
    assert isinstance(answer, Permanent)
    assert (answer.reason, why in answer.why, answer.disable) == (Reason.BAD_MESSAGE, True, False)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ({"to": "somebody"}, "to"),
        ({"encrypt_key": None}, "buttons"),
        ({"verification_token": Secret("")}, "buttons"),
        ({"timeout": 1}, "timeout"),
    ],
)
def test_a_wrong_configuration_names_its_key(more: dict[str, Any], key: str) -> None:
    """Without the secrets of callbacks there are no buttons."""
    with pytest.raises(ValueError, match=r".+") as wrong:
        configured("http://x", **more)
    assert wrong.value.args[1] == key
