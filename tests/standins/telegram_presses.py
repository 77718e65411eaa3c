"""Buttons in the stand-in for the Bot API: what may stand on them, how presses and what people write go out, and what may be
answered to presses."""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any

import aiohttp

DATA_BYTES = 64
ANSWER_CHARACTERS = 200
MOST_BUTTONS = 100
PATIENCE_S = 30.0
"""Seconds in which a press may be answered."""
STALE = "Bad Request: query is too old and response timeout expired or query ID is invalid"
OTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
HOOKED = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
HEADER = "X-Telegram-Bot-Api-Secret-Token"


class Refused(Exception):
    """The Bot API says no."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


def markup(body: dict[str, Any]) -> list[list[dict[str, str]]]:
    """The buttons that a request names. Raises Refused."""
    said = body.get("reply_markup")
    if said is None:
        return []
    rows = json.loads(said) if isinstance(said, str) else said
    found: list[list[dict[str, str]]] = [row for row in rows["inline_keyboard"] if row]
    for button in (one for row in found for one in row):
        if not button.get("text"):
            raise Refused(400, "Bad Request: inline keyboard button text must be non-empty")
        if len(button.keys() & {"callback_data", "url"}) != 1:
            raise Refused(400, "Bad Request: text buttons are unallowed in the inline keyboard")
        if "callback_data" in button and not 1 <= len(button["callback_data"].encode()) <= DATA_BYTES:
            raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    if sum(map(len, found)) > MOST_BUTTONS:
        raise Refused(400, "Bad Request: reply markup is too long")
    return found


class Presses:
    """Presses on their way to the bot. `answers` has for each id what whoever pressed was told."""

    METHODS = ("getupdates", "answercallbackquery", "setwebhook", "deletewebhook")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.answers: dict[str, dict[str, Any]] = {}
        self.sent: list[dict[str, Any]] = []
        """Every press as an update, in order."""
        self.delivered: list[int] = []
        """The status of each delivery to the webhook."""
        self.asked = 0
        """How often somebody asked for presses."""
        self._clock = clock
        self._open: dict[str, float] = {}
        self._waiting: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._poller = 0
        self._next = 1
        self._wanted: list[str] = []
        """The kinds of updates that were asked for last; empty for all of them."""
        self.hook: dict[str, Any] = {}
        """Where presses go, and with which secret; empty while they are asked for."""
        self._sending: set[asyncio.Task[None]] = set()

    def press(self, message: dict[str, Any], data: str, user: int) -> str:
        """Somebody presses: the id of that."""
        number, self._next = self._next, self._next + 1
        id = f"{4_000_000_000_000_000 + number}"
        query = {
            "id": id,
            "from": {"id": user, "is_bot": False, "first_name": f"user {user}"},
            "chat_instance": "1",
            "data": data,
            "message": message,
        }
        self._open[id] = self._clock()
        self.sent.append({"update_id": 700 + number, "callback_query": query})
        self.again(self.sent[-1])
        return id

    def write(self, message: dict[str, Any], user: int) -> None:
        """Somebody writes a message where the bot is."""
        number, self._next = self._next, self._next + 1
        author = {"id": user, "is_bot": False, "first_name": f"user {user}"}
        self.sent.append({"update_id": 700 + number, "message": message | {"from": author}})
        self.again(self.sent[-1])

    def again(self, update: dict[str, Any]) -> None:
        """Deliver an update, perhaps one that was delivered before, if its kind is asked for."""
        if self._wanted and not update.keys() & set(self._wanted):
            return
        if self.hook:
            task = asyncio.get_running_loop().create_task(self._send(update, dict(self.hook)))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
            return
        self._waiting.append(update)
        self._news.set()

    async def stop(self) -> None:
        self._poller += 1
        self._news.set()
        for task in self._sending:
            task.cancel()

    async def do(self, method: str, body: dict[str, Any]) -> Any:
        """The result of a method. Raises Refused."""
        match method:
            case "getupdates":
                return await self._updates(body)
            case "answercallbackquery":
                return self._answer(body)
            case "setwebhook":
                return self._set_hook(body)
            case _:
                self.hook = {}
                return True

    async def _updates(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        if self.hook:
            raise Refused(409, HOOKED)
        self._poller += 1
        self.asked += 1
        self._news.set()
        mine = self._poller
        self._wanted = list(body.get("allowed_updates", self._wanted))
        offset, limit = int(body.get("offset", 0)), int(body.get("limit", 100))
        assert 1 <= limit <= 100, "the Bot API takes 1 to 100"
        self._waiting = [update for update in self._waiting if update["update_id"] >= offset]
        end = asyncio.get_running_loop().time() + int(body.get("timeout", 0))
        while not self._waiting and (left := end - asyncio.get_running_loop().time()) > 0:
            self._news.clear()
            try:
                async with asyncio.timeout(left):
                    await self._news.wait()
            except TimeoutError:
                break
            if self._poller != mine:
                raise Refused(409, OTHER)
        return self._waiting[:limit]

    def _answer(self, body: dict[str, Any]) -> bool:
        id, text = str(body.get("callback_query_id", "")), str(body.get("text", ""))
        since = self._open.pop(id, -math.inf)
        if self._clock() > since + PATIENCE_S:
            raise Refused(400, STALE)
        if len(text) > ANSWER_CHARACTERS:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        self.answers[id] = {"text": text, "alert": bool(body.get("show_alert", False))}
        return True

    def _set_hook(self, body: dict[str, Any]) -> bool:
        url = str(body.get("url", ""))
        # Telegram takes https alone; a stand-in on this machine has no certificate that anybody would believe.
        if url and not url.startswith(("https://", "http://127.0.0.1:")):
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self._wanted = list(body.get("allowed_updates", self._wanted))
        self.hook = {"url": url, "secret": body.get("secret_token")} if url else {}
        return True

    async def _send(self, update: dict[str, Any], hook: dict[str, Any]) -> None:
        headers = {HEADER: hook["secret"]} if hook["secret"] else {}
        async with (
            aiohttp.ClientSession() as session,
            session.post(hook["url"], json=update, headers=headers) as response,
        ):
            self.delivered.append(response.status)
