"""What a press of a button does, who may press, and what they are answered; and the webhook by which Telegram brings presses."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from healer.accounts.settings import Grant, User
from healer.alerts.silences import Silence, SilenceMatcher
from healer.bootstrap.bots import Bots
from healer.bootstrap.ways import Ways
from healer.convergence.outcome import AlertView, Candidate, People
from healer.convergence.people import Said
from healer.journey.ports import Planned
from healer.journey.records import Hushed, decode
from healer.notification.buttons import Wish, mark
from healer.notification.wording import PLAIN, Speech, tell
from healer.remediation.model import Asked
from healer.seams import Supervisor, SystemClock
from healer.settings import parse_settings
from healer.times import DAY, HOUR, MINUTE, SECOND
from healer.web.auth import Access
from healer.web.pressing import ANSWER, Pressed, Pressing, Reply
from healer.web.settings import Auth
from healer.web.spoken import Commands
from notifiers.limiter import MemoryLimiter
from notifiers.message import Message
from notifiers.secret import Secret
from notifiers.telegram import TelegramConfig, TelegramSender
from tests.integration.web.stand import NOW, Memories, Stand, alert_view, incident, standing
from tests.integration.web.test_reading import PLAN
from tests.standins.telegram import TelegramStandin
from tests.standins.telegram_presses import HEADER

TIDY = tuple(msgspec.structs.replace(step, destructive=False) for step in PLAN.steps)
DESTROYS = msgspec.structs.replace(PLAN, hash="ab" * 16, incident="inc1", approve=(Asked("sre", 1, 10 * MINUTE),))
ASKING = msgspec.structs.replace(DESTROYS, hash="h1", steps=TIDY)
TWO = msgspec.structs.replace(ASKING, approve=(Asked("sre", 2, 10 * MINUTE),))
AUTH = Auth(
    users={
        "ann": User(role="operator", teams=("sre",), chat=("telegram:1",)),
        "bob": User(role="operator", teams=("sre",), chat=("telegram:2",)),
        "web": User(role="operator", teams=("web",), chat=("telegram:3",)),
        "eve": User(role="viewer", teams=("sre",), chat=("telegram:4",)),
        "rea": User(role="responder", chat=("telegram:5",)),
        "part": User(teams=("sre",), chat=("telegram:6",), grants=(Grant(role="operator", nodes=('team="web"',)),)),
    }
)
LABELS = {"alertname": "SwitchDown"}
OTHER = Candidate("rack/r1", b"", 1, ("it is above all of them",))
FOUND = incident("inc1", candidates=(Candidate("sw-1", b"", 2, ("it was first",)), OTHER))


class Ears(Memories):
    """An engine's memory that knows which keys were heard."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()

    def heard(self, key: str) -> bool:
        return key in self.keys

    def near(self, node: str) -> list[str] | None:
        return None

    def alert(self, labels: bytes) -> AlertView:
        return alert_view(0, labels=labels, status="root", code="root", by=b"")

    def identify(self, position: int) -> str:
        return f"silence-{position}"

    def own_silence(self, id: str) -> Silence | None:
        return None

    def all_silences(self) -> list[Silence]:
        return []


class Chat:
    """People in a chat, before a healer whose store is real."""

    def __init__(self, stand: Stand, ears: Ears) -> None:
        self.stand = stand
        self.ears = ears
        self.presses = 0
        self.pressing = Pressing(stand.service, Access(AUTH), lambda _: tell(FOUND, ()))

    async def press(self, who: int, wish: str, speech: Speech = PLAIN) -> Reply:
        self.presses += 1
        return await self.pressing.press(Pressed(f"telegram:8:{self.presses}", f"telegram:{who}", wish), speech)

    async def said(self) -> list[Any]:
        return [decode(row.data) for row in await self.stand.rows()]

    async def state(self) -> str:
        found = await self.stand.store.remediation("rem1")
        assert found is not None
        return found.state


@contextlib.asynccontextmanager
async def people(plan: Any = ASKING, **changes: Any) -> AsyncIterator[Chat]:
    ears = Ears()
    async with standing(auth=AUTH, view=ears, **changes) as (stand, _):
        planned = Planned("rem1", plan, "awaiting_approval", NOW + 10 * MINUTE)
        await stand.decide(incidents=(FOUND,), planned=(planned,))
        yield Chat(stand, ears)


async def test_a_word_is_the_apis_word() -> None:
    """Who is on it, and who the cause is, are in the journal under the account's name, each with the key of its press."""
    async with people() as here:
        assert await here.press(1, "ack:inc1") == Reply("You are on it")
        assert await here.press(5, f"blame:inc1:{mark('rack/r1')}") == Reply("Noted: the cause is rack/r1")
        assert await here.said() == [
            Said("ack", "inc1", "ann", key="telegram:8:1", how="direct"),
            Said("blame", "inc1", "rea", key="telegram:8:2", node="rack/r1", how="direct"),
        ]


@pytest.mark.parametrize(
    ("which", "ends_at", "until"), [("1h", NOW + HOUR, ""), ("4h", NOW + 4 * HOUR, ""), ("over", NOW + 7 * DAY, "inc1")]
)
async def test_a_silence_is_of_the_root_alone(which: str, ends_at: int, until: str) -> None:
    """It matches all labels of the root, in the name of whoever pressed; heard before it is not said again."""
    async with people() as here:
        answered = await here.press(5, f"silence:inc1:{which}")
        assert answered.text.startswith("Silenced until")
        (record,) = await here.said()
        assert isinstance(record, Hushed)
        assert (record.about, record.key, record.silence.incident) == ("inc1", "telegram:8:1", until)
        assert record.silence.matchers == tuple(SilenceMatcher(*one) for one in LABELS.items())
        assert (record.silence.created_by, record.silence.ends_at) == ("rea", ends_at)
        here.ears.keys.add("telegram:8:2")
        assert (await here.press(5, f"silence:inc1:{which}")).text == "This was heard before"
        assert len(await here.said()) == 1


@pytest.mark.parametrize(
    ("who", "wish", "why"),
    [
        (9, "ack:inc1", "telegram:9 has to stand under server.auth.users"),
        (9, "why:inc1", "telegram:9"),
        (4, "ack:inc1", "eve is a viewer: this takes a responder"),
        (4, "silence:inc1:1h", "eve is a viewer: this takes a responder"),
        (6, "silence:inc1:1h", "part may respond on a part alone"),
        (6, "ack:inc1", "part has no right to respond for sw-1"),
        (4, "approve:rem1", "eve is a viewer: this takes an operator"),
        (5, "approve:rem1", "rea is a responder: this takes an operator"),
        (3, "approve:rem1", "sre is asked, and web is not one of them"),
        (6, "approve:rem1", "part has no right to operate"),
        (4, "reject:rem1", "eve is a viewer: this takes an operator"),
        (1, "approve:none", "there is no remediation none"),
        (1, "ack:none", "none of healer's"),
        (1, f"blame:inc1:{'0' * 16}", "none of healer's"),
        (1, "sure:rem1:" + "0" * 16, "none of healer's"),
        (1, "format:c", "none of healer's"),
        (1, "", "none of healer's"),
    ],
)
async def test_what_is_refused(who: int, wish: str, why: str) -> None:
    """Strangers, those without the right, and what is on no button: told plainly, nothing said, nothing run."""
    async with people() as here:
        answered = await here.press(who, wish)
        assert (answered.loud, why in answered.text) == (True, True), answered.text
        assert (await here.said(), await here.state()) == ([], "awaiting_approval")


async def test_refused_answers_to_a_plan_are_audited() -> None:
    """As over HTTP."""
    async with people() as here:
        await here.press(3, "approve:rem1")
        kinds = [entry.kind for entry in await here.stand.store.newest(5)]
    assert "answer refused" in kinds


async def test_yes_and_no_count_once() -> None:
    """Whoever comes second is told that nobody is asked any more."""
    async with people() as here:
        assert await here.press(1, "approve:rem1") == Reply("Approved: restart_service on web-1")
        assert await here.state() == "planned"
        late = await here.press(2, "reject:rem1")
        assert (late.loud, "nobody is asked" in late.text) == (True, True)
        assert await here.state() == "planned"
    async with people() as here:
        assert await here.press(2, "reject:rem1") == Reply("Not run: restart_service on web-1")
        assert await here.state() == "rejected"


async def test_two_people_are_two_people() -> None:
    """One of them twice is one."""
    async with people(TWO) as here:
        assert "1 of 2" in (await here.press(1, "approve:rem1")).text
        assert "another person is needed" in (await here.press(1, "approve:rem1")).text
        assert (await here.press(2, "approve:rem1")).text.startswith("Approved")


async def test_what_destroys_is_agreed_to_twice_by_its_name() -> None:
    """The second button names the target; pressed first, or too late, it does nothing."""
    async with people(DESTROYS) as here:
        sure = str(Wish("sure", "rem1", mark("web-1")))
        assert "too early" in (await here.press(1, sure)).text
        asked = await here.press(1, "approve:rem1")
        assert asked.loud
        assert "web-1" in asked.text
        assert asked.rows is not None
        assert [(one.text, one.data) for one in asked.rows[0]] == [("Yes, on web-1", sure)]
        here.stand.clock.instant += 61 * SECOND
        assert "too late" in (await here.press(1, sure)).text
        assert await here.state() == "awaiting_approval"
        await here.press(1, "approve:rem1")
        assert "too early" in (await here.press(2, sure)).text
        assert (await here.press(1, sure)).text.startswith("Approved")
        assert await here.state() == "planned"


async def test_the_other_candidates_and_back() -> None:
    """Not the cause: then which? The way back brings the buttons that were there."""
    async with people() as here:
        others = await here.press(4, "others:inc1")
        assert others.rows is not None
        assert [[one.text for one in row] for row in others.rows] == [["rack/r1"], ["Back"]]
        back = await here.press(4, "back:inc1")
        assert back.rows is not None
        assert "Acknowledge" in [one.text for row in back.rows for one in row]


async def test_why_is_told_to_whoever_asks() -> None:
    """In what fits."""
    async with people() as here:
        told = await here.press(4, "why:inc1")
    assert told == Reply("it was first; root: root; second sentence", loud=True)


async def test_too_late_is_said() -> None:
    """Of an incident that is over nothing is said any more."""
    async with people() as here:
        over = msgspec.structs.replace(FOUND, status="resolved", people=People(), revision=2)
        await here.stand.decide(incidents=(over,))
        answered = await here.press(1, "silence:inc1:over")
        assert (answered.loud, answered.text) == (True, "Too late: the incident is resolved")
        assert (await here.press(1, "ack:inc1", Speech("zh"))).text == "太晚了：该事件状态为 resolved"


async def test_a_store_that_cannot_is_said_so() -> None:
    """And the press may be repeated."""
    async with people() as here:
        here.stand.disk.full = True
        answered = await here.press(1, "ack:inc1")
        assert (answered.loud, "press again" in answered.text) == (True, True)
        assert (await here.press(1, "ack:inc1", Speech("zh"))).loud
        here.stand.disk.full = False
        assert len(answered.text) <= ANSWER


# --- by webhook

SECRET = "a-secret-of-16-or-more"
CONFIG = """
server: {{base_url: "{url}"}}
channels: {{duty: {{type: telegram, token: {{env: T}}, chat_id: 7, api_url: "{api}", {more}}}}}
"""


class Hooked:
    """The webhook, with the stand-in that calls it."""

    def __init__(self, stand: Stand, ears: Ears, client: aiohttp.ClientSession, telegram: TelegramStandin) -> None:
        self.stand = stand
        self.ears = ears
        self.client = client
        self.telegram = telegram

    async def post(self, body: bytes, secret: str | None) -> int:
        headers = {HEADER: secret} if secret is not None else {}
        async with self.client.post("/api/v1/webhooks/telegram", data=body, headers=headers) as response:
            return response.status

    async def pressed(self, text: str, data: str) -> dict[str, Any]:
        id = self.telegram.press(7, 1, text, user=1, data=data)
        async with asyncio.timeout(20):
            while id not in self.telegram.presses.answers:
                await asyncio.sleep(0.01)
        return self.telegram.presses.answers[id]


@contextlib.asynccontextmanager
async def hooked(more: str, *, leads: Callable[[], bool] = lambda: True, answer_s: float = 5) -> AsyncIterator[Hooked]:
    spawn, clock = Supervisor(), SystemClock()
    async with TelegramStandin("8:T") as telegram, aiohttp.ClientSession() as session:
        bots, ears = (
            Bots(Ways(session, contextlib.AsyncExitStack()), spawn, MemoryLimiter(clock), leads, answer_s),
            Ears(),
        )
        async with standing(auth=AUTH, view=ears, hook=bots) as (stand, client):
            await stand.decide(incidents=(FOUND,))
            bots.pressing = Pressing(stand.service, Access(AUTH), lambda _: tell(FOUND, ()))
            bots.commands = Commands(stand.service, Access(AUTH))
            config = CONFIG.format(url=stand.url, api=telegram.url, more=more)
            bots.use(parse_settings(config, {"T": "8:T", "S": SECRET}))
            told = TelegramConfig(token=Secret("8:T"), chat_id=7, api_url=telegram.url)
            await TelegramSender("duty", told, session).send(Message("[CRIT broken] sw-1 down"), trace_id="")
            try:
                yield Hooked(stand, ears, client, telegram)
            finally:
                assert not await spawn.stop(5)


async def test_telegram_sends_presses_with_the_secret_that_it_was_told() -> None:
    """healer names address and secret itself; a press is done and answered, delivered twice it counts once."""
    async with hooked("buttons: webhook, secret_token: {env: S}") as here:
        async with asyncio.timeout(20):
            while not here.telegram.presses.hook:
                await asyncio.sleep(0.01)
        assert await here.pressed("Acknowledge", "ack:inc1") == {"text": "You are on it", "alert": False}
        (word,) = [decode(row.data) for row in await here.stand.rows()]
        assert isinstance(word, Said)
        assert (word.by, word.key.startswith("telegram:8:4")) == ("ann", True)
        here.ears.keys.add(word.key)
        here.telegram.presses.again(here.telegram.presses.sent[0])
        async with asyncio.timeout(20):
            while len(here.telegram.presses.delivered) < 2:
                await asyncio.sleep(0.01)
        assert len(await here.stand.rows()) == 1
        assert await here.pressed("Not the cause", "others:inc1")
        async with asyncio.timeout(20):
            while [[one["text"]] for row in here.telegram.messages[7, 1].buttons for one in row] != [
                ["rack/r1"],
                ["Back"],
            ]:
                await asyncio.sleep(0.01)
        assert set(here.telegram.presses.delivered) <= {200}


async def test_whoever_pressed_is_answered_in_time() -> None:
    """Where the store takes longer they are told to look at the message, and what they pressed is done all the same."""
    async with hooked("buttons: poll", answer_s=0.05) as here:
        here.stand.disk.wait = asyncio.Event()
        assert (await here.pressed("Acknowledge", "ack:inc1"))["text"].startswith("healer is at it")
        here.stand.disk.wait.set()
        async with asyncio.timeout(20):
            while not await here.stand.rows():
                await asyncio.sleep(0.01)


async def test_of_several_healers_one_asks() -> None:
    """Whoever does not lead leaves the bot to whoever does, and names no address to it."""
    for more in ("buttons: poll", "buttons: webhook, secret_token: {env: S}"):
        looked = asyncio.Event()

        def follows(looked: asyncio.Event = looked) -> bool:
            looked.set()
            return False

        async with hooked(more, leads=follows) as here, asyncio.timeout(20):
            await looked.wait()
            assert (here.telegram.presses.asked, here.telegram.presses.hook) == (0, {})


@pytest.mark.parametrize(
    ("more", "secret", "status"),
    [
        ("buttons: webhook, secret_token: {env: S}", SECRET, 200),
        ("buttons: webhook, secret_token: {env: S}", SECRET + "x", 403),
        ("buttons: webhook, secret_token: {env: S}", "", 403),
        ("buttons: webhook, secret_token: {env: S}", None, 403),
        ("buttons: none, secret_token: {env: S}", SECRET, 403),
        ("buttons: none", "", 403),
        ("buttons: none", None, 403),
    ],
)
async def test_without_the_secret_nothing_is_taken(more: str, secret: str | None, status: int) -> None:
    """Wrong, missing, or none that could be right: refused before the body is read, whatever it is."""
    async with hooked(more) as here:
        assert await here.post(b'{"update_id": 1}', secret) == status
        assert await here.post(b"[", secret) == (400 if status == 200 else 403)
        if status == 200:
            assert await here.post(b" " * 300_000, secret) == 413
