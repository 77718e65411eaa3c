"""A stand-in for the Bot API that enforces its rules, keeps what people would see and records every request.

In a test: `async with TelegramStandin(token) as standin`, then `standin.url`. Beside a service under test that gets
killed: `python -m tests.standins.telegram --port 8081 --token 1:T --log requests.jsonl`, scripted over HTTP:
`POST /standin/faults` with `["slow", "bad_gateway"]`, `GET /standin/requests`, `GET /standin/messages`. A request is in the
log before its answer leaves. People press buttons by `press`, or `POST /standin/press`; `GET /standin/presses` shows their
answers.
"""

import argparse
import asyncio
import json
import math
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from tests.standins import telegram_html
from tests.standins.provider import NOT_STORED, PNG, Bucket, Fault, broken, reset
from tests.standins.telegram_presses import Presses, Refused, markup

TEXT_UNITS = 4096
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)


@dataclass
class Request:
    """One request as it came in and what was done with it."""

    time: float
    method: str
    chat_id: str
    text: str
    message_id: int
    outcome: str
    stored: bool
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Message:
    text: str
    entities: list[str]
    edits: int = 0
    buttons: list[list[dict[str, str]]] = field(default_factory=list)


class TelegramStandin:
    """One bot. `chats` limits which chats exist (None: all do); `threads` likewise which topics a chat has."""

    def __init__(
        self,
        token: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        log: Path | None = None,
        slow: float = 30.0,
    ) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self.messages: dict[tuple[int, int], Message] = {}
        self.photos: list[tuple[int, bytes]] = []
        """Each with the message that it answers."""
        self.faults: deque[Fault] = deque()
        self.chats: set[int] | None = None
        self.threads: dict[int, set[int]] = {}
        self.blocked: set[int] = set()
        self.migrated: dict[int, int] = {}
        self.enforce_rates = True
        self.overruns = 0
        """Requests that were more than a rate allows."""
        self.token = token
        self.presses = Presses(clock)
        self._clock = clock
        self._wall = wall
        self._log = log
        self._slow = slow
        self._buckets: dict[str, Bucket] = {}
        self._names: dict[str, int] = {}
        self._next_id = 1
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def app(self) -> web.Application:
        """What answers, wherever it is reached."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/bot{token}/{method}", self._handle)
        app.router.add_post("/standin/faults", self._script)
        app.router.add_get("/standin/requests", self._show_requests)
        app.router.add_get("/standin/messages", self._show_messages)
        app.router.add_post("/standin/press", self._pressed)
        app.router.add_get("/standin/presses", self._show_presses)
        return app

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.url = f"http://{host}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self._stopping.set()
        await self.presses.stop()
        if self._runner:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def texts(self, chat: int | None = None) -> list[str]:
        """What people see now, oldest first."""
        return [message.text for (where, _), message in self.messages.items() if chat in (None, where)]

    def count(self, method: str) -> int:
        """How many requests of this method were stored."""
        return sum(request.method == method and request.stored for request in self.requests)

    def delete(self, chat: int, message_id: int) -> None:
        """Somebody deleted the message."""
        del self.messages[chat, message_id]

    def press(self, chat: int, message_id: int, text: str, *, user: int, data: str | None = None) -> str:
        """Somebody presses the button with this text (or sends `data`, which clients may, on whatever button): the press's id."""
        message = self.messages[chat, message_id]
        if data is None:
            (data,) = [one["callback_data"] for row in message.buttons for one in row if one["text"] == text]
        return self.presses.press(_shown(chat, message_id, message.text), data, user)

    def write(self, chat: int, text: str, *, user: int, at: float) -> None:
        """Somebody writes in a chat, at an instant that Telegram knows in whole seconds."""
        message_id, self._next_id = self._next_id, self._next_id + 1
        self.presses.write(_shown(chat, message_id, text) | {"date": int(at)}, user)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"].lower()
        if method in self.presses.METHODS:
            return await self._about_presses(request, method)
        fault = self.faults.popleft() if self.faults else Fault.OK
        if fault is Fault.RESET_BEFORE:
            self._record(request, {}, "reset_before", stored=False, message_id=0)
            return reset(request)
        body = await _body(request)
        if fault in _NOT_STORED:
            self._record(request, body, fault.value, stored=False, message_id=0)
            return _NOT_STORED[fault]()
        try:
            result = self._do(request, body, fault)
        except Refused as refused:
            self._record(request, body, f"{refused.code} {refused.description}", stored=False, message_id=0)
            return _refusal(refused)
        self._record(request, body, fault.value, stored=True, message_id=result["message_id"])
        said = web.json_response({"ok": True, "result": result})
        return await broken(request, fault, said, self._slow, self._stopping)

    def _do(self, request: web.Request, body: dict[str, Any], fault: Fault) -> dict[str, Any]:
        if request.match_info["token"] != self.token:
            raise Refused(401, "Unauthorized")
        method = request.match_info["method"].lower()
        if method not in ("sendmessage", "editmessagetext", "editmessagereplymarkup", "sendphoto"):
            raise Refused(404, "Not Found")
        if fault is Fault.TOO_MANY:
            raise Refused(429, "Too Many Requests: retry after 7", retry_after=7)
        chat = self._chat(body)
        if fault is Fault.BAD_MARKUP and body.get("parse_mode"):
            raise Refused(400, "Bad Request: can't parse entities: Unsupported start tag at byte offset 0")
        self._take(chat)
        if method == "sendphoto":
            return self._photo(chat, body)
        buttons = markup(body)
        if method == "editmessagereplymarkup":
            message = self._there(chat, body)
            return self._edit(chat, body, Message(message.text, message.entities, buttons=buttons))
        text, entities = _text(body)
        if method == "sendmessage":
            return self._send(chat, body, Message(text, entities, buttons=buttons))
        return self._edit(chat, body, Message(text, entities, buttons=buttons))

    async def _about_presses(self, request: web.Request, method: str) -> web.StreamResponse:
        body = await _body(request)
        try:
            if request.match_info["token"] != self.token:
                raise Refused(401, "Unauthorized")
            result = await self.presses.do(method, body)
        except Refused as refused:
            return _refusal(refused)
        return web.json_response({"ok": True, "result": result})

    def _chat(self, body: dict[str, Any]) -> int:
        raw = str(body.get("chat_id", ""))
        if not raw:
            raise Refused(400, "Bad Request: chat_id is empty")
        chat = self._names.setdefault(raw, -1001 - len(self._names)) if raw.startswith("@") else int(raw)
        if chat in self.migrated:
            description = "Bad Request: group chat was upgraded to a supergroup chat"
            raise Refused(400, description, migrate_to_chat_id=self.migrated[chat])
        if chat in self.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        if self.chats is not None and chat not in self.chats:
            raise Refused(400, "Bad Request: chat not found")
        return chat

    def _take(self, chat: int) -> None:
        """Take a token of every bucket, or refuse and take none."""
        if not self.enforce_rates:
            return
        now = self._clock()
        buckets = [
            self._buckets.setdefault("bot", Bucket(30, 30)),
            self._buckets.setdefault(f"chat {chat}", Bucket(3, 1)),
        ]
        if chat < 0:
            buckets.append(self._buckets.setdefault(f"group {chat}", Bucket(20, 20 / 60)))
        wait = math.ceil(max(bucket.wait(now) for bucket in buckets))
        if wait:
            self.overruns += 1
            raise Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        for bucket in buckets:
            bucket.left -= 1

    def _send(self, chat: int, body: dict[str, Any], message: Message) -> dict[str, Any]:
        thread = body.get("message_thread_id")
        if thread is not None and thread not in self.threads.get(chat, {thread}):
            raise Refused(400, "Bad Request: message thread not found")
        message_id, self._next_id = self._next_id, self._next_id + 1
        self.messages[chat, message_id] = message
        return _shown(chat, message_id, message.text)

    def _photo(self, chat: int, body: dict[str, Any]) -> dict[str, Any]:
        photo = body.get("photo")
        if not isinstance(photo, web.FileField) or not (picture := photo.file.read()):
            raise Refused(400, "Bad Request: there is no photo in the request")
        if len(picture) > 10_000_000 or not picture.startswith(PNG):
            raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
        answers = json.loads(body.get("reply_parameters", "{}"))
        self.photos.append((int(answers.get("message_id", 0)), picture))
        message_id, self._next_id = self._next_id, self._next_id + 1
        return _shown(chat, message_id, "")

    def _there(self, chat: int, body: dict[str, Any]) -> Message:
        message = self.messages.get((chat, int(body.get("message_id", 0))))
        if message is None:
            raise Refused(400, "Bad Request: message to edit not found")
        return message

    def _edit(self, chat: int, body: dict[str, Any], new: Message) -> dict[str, Any]:
        """Buttons that an edit does not name are gone after it."""
        message = self._there(chat, body)
        if (message.text, message.entities, message.buttons) == (new.text, new.entities, new.buttons):
            raise Refused(400, f"Bad Request: {NOT_MODIFIED}")
        message.text, message.entities, message.buttons = new.text, new.entities, new.buttons
        message.edits += 1
        return _shown(chat, int(body["message_id"]), new.text)

    def _record(
        self, request: web.Request, body: dict[str, Any], outcome: str, *, stored: bool, message_id: int
    ) -> None:
        kept = ("x-trace-id", "traceparent", "content-type", "user-agent")
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower() in kept}
        record = Request(
            time=self._wall(),
            method=request.match_info["method"],
            chat_id=str(body.get("chat_id", "")),
            text=str(body.get("text", "")),
            message_id=message_id or int(body.get("message_id", 0)),
            outcome=outcome,
            stored=stored,
            headers=headers,
            body={key: value for key, value in body.items() if not isinstance(value, web.FileField)},
        )
        self.requests.append(record)
        if self._log:
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(asdict(record), ensure_ascii=True) + "\n")
                stream.flush()
                os.fsync(stream.fileno())

    async def _script(self, request: web.Request) -> web.Response:
        self.faults.extend(Fault(name) for name in await request.json())
        return web.json_response({"waiting": len(self.faults)})

    async def _show_requests(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(record) for record in self.requests])

    async def _show_messages(self, request: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "chat_id": chat,
                    "message_id": message_id,
                    "text": message.text,
                    "edits": message.edits,
                    "buttons": [one["text"] for row in message.buttons for one in row],
                }
                for (chat, message_id), message in self.messages.items()
            ]
        )

    async def _pressed(self, request: web.Request) -> web.Response:
        said = await request.json()
        id = self.press(said["chat_id"], said["message_id"], said["text"], user=said["user"])
        return web.json_response({"id": id})

    async def _show_presses(self, request: web.Request) -> web.Response:
        return web.json_response(self.presses.answers)


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type == "application/json":
        body: dict[str, Any] = await request.json()
        return body
    return {**request.query, **await request.post()}


def _text(body: dict[str, Any]) -> tuple[str, list[str]]:
    """(text as people see it, entities), by the rules of the parse mode and of size."""
    text = str(body.get("text", ""))
    entities: list[str] = []
    match body.get("parse_mode", ""):
        case "":
            pass
        case "HTML":
            try:
                text, entities = telegram_html.parse(text)
            except telegram_html.BadMarkup as error:
                raise Refused(400, f"Bad Request: {error}") from error
        case other:
            raise Refused(400, f"Bad Request: unsupported parse_mode {other}")
    text = text.strip()
    if not text:
        raise Refused(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le")) // 2 > TEXT_UNITS:
        raise Refused(400, "Bad Request: message is too long")
    return text, entities


def _shown(chat: int, message_id: int, text: str) -> dict[str, Any]:
    kind = "supergroup" if chat < 0 else "private"
    return {"message_id": message_id, "date": 1700000000, "chat": {"id": chat, "type": kind}, "text": text}


def _refusal(refused: Refused) -> web.Response:
    answer: dict[str, Any] = {"ok": False, "error_code": refused.code, "description": refused.description}
    headers = {}
    if refused.parameters:
        answer["parameters"] = refused.parameters
    if "retry_after" in refused.parameters:
        headers["Retry-After"] = str(refused.parameters["retry_after"])
    return web.json_response(answer, status=refused.code, headers=headers)


_NOT_STORED: dict[Fault, Callable[[], web.Response]] = {
    **NOT_STORED,
    Fault.SERVER_ERROR: lambda: _refusal(Refused(500, "Internal Server Error")),
}


async def _serve(standin: TelegramStandin, port: int) -> None:
    await standin.start(port)
    print(standin.url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Telegram's Bot API that enforces its rules.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one; the URL is printed")
    parser.add_argument("--token", required=True)
    parser.add_argument("--log", type=Path, help="append every request to this file, one JSON object a line")
    parser.add_argument("--slow", type=float, default=30.0, help="seconds that a slow answer takes")
    parser.add_argument("--without-rates", action="store_true", help="answer no 429: for tests that count messages")
    given = parser.parse_args()
    standin = TelegramStandin(given.token, log=given.log, slow=given.slow)
    standin.enforce_rates = not given.without_rates
    try:
        asyncio.run(_serve(standin, given.port))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
