"""What an application of Feishu or Lark asks of it: its token, to send a card, to change one, to answer below one. One try each.

Used by `feishu_app` for its messages, and by healer's bootstrap for the cards whose buttons were pressed and commands. Source:
open.feishu.cn, "tenant_access_token", im/v1 message create, patch and reply, image create, and their error codes.
"""

from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from notifiers.application import unsent, with_token
from notifiers.clock import SECOND, Micros
from notifiers.exchange import JSON, Reply, Request, exchange
from notifiers.message import Ambiguous, Answer, Ok, Permanent, Reason, Told, Transient, hidden
from notifiers.multipart import Form, form
from notifiers.robot import Codes, Wall, code_of, interpret
from notifiers.secret import Secret
from notifiers.tokens import Token, Tokens

MINUTE: Micros = 60 * SECOND
CODES = Codes(
    provider="Feishu",
    throttled={99991400: 5 * SECOND, 230020: 5 * SECOND, 11232: MINUTE},
    busy=(),
    target={
        10003: Reason.UNAUTHORIZED,
        10014: Reason.UNAUTHORIZED,
        99991672: Reason.FORBIDDEN,
        230002: Reason.FORBIDDEN,
        230006: Reason.FORBIDDEN,
        230013: Reason.FORBIDDEN,
        234007: Reason.FORBIDDEN,
    },
    message=(230001, 230025, 230099, 234001, 234006, 234010, 234011),
    stale=(99991661, 99991663, 99991664, 99991668, 99991671),
)
NOTHING = Told("")
Content = dict[str, Any]
"""What a message holds, by its `msg_type`."""
GONE = {230011: Reason.MESSAGE_GONE, 230031: Reason.NOT_EDITABLE, 230110: Reason.MESSAGE_GONE}
"""A card that was taken back or deleted, or is older than 14 days: only a new one can tell it."""


class _Given(msgspec.Struct):
    tenant_access_token: str = ""
    expire: int = 0


class _Made(msgspec.Struct):
    message_id: str = ""
    chat_id: str = ""
    image_key: str = ""


class _Sent(msgspec.Struct):
    data: _Made = msgspec.field(default_factory=_Made)


_given = msgspec.json.Decoder(_Given)
_sent = msgspec.json.Decoder(_Sent)


class Door(msgspec.Struct, frozen=True):
    """How an application is reached."""

    app_id: str
    secret: Secret
    api_url: str
    timeout: Micros

    @property
    def key(self) -> str:
        """Which application, without what opens it."""
        return f"feishu:{self.app_id}"


class FeishuApplication:
    """One application. The session stays the caller's."""

    def __init__(self, door: Door, session: aiohttp.ClientSession, tokens: Tokens, wall: Wall) -> None:
        self.door = door
        self._session = session
        self._tokens = tokens
        self._wall = wall

    async def send(self, to: str, card: Content, uuid: str, trace_id: str) -> Answer:
        """A new card; with a `uuid` that was used within an hour there is none, and the answer is that of the first."""
        kind = "chat_id" if to.startswith("oc_") else "open_id"
        body = {"receive_id": to, "msg_type": "interactive", "content": _text(card), "uuid": uuid}
        return _told(*await self._made("POST", f"messages?receive_id_type={kind}", _json(body), trace_id))

    async def change(self, message_id: str, card: Content, trace_id: str) -> Answer:
        """Make the card of a message look so. `Permanent.send_anew` says when only a new message can."""
        answer, _ = await self._made("PATCH", _place(message_id), _json({"content": _text(card)}), trace_id)
        if isinstance(answer, Permanent) and answer.reason is Reason.BAD_MESSAGE:
            # As a new card it may be taken: the old one may be of another version.
            answer = Permanent(answer.why, Reason.NOT_EDITABLE)
        return Ok(Told(message_id)) if isinstance(answer, Ok) else answer

    async def reply(self, message_id: str, kind: str, content: Content, trace_id: str) -> Answer:
        """A message of this `msg_type` below another one."""
        body = {"msg_type": kind, "content": _text(content)}
        return _told(*await self._made("POST", f"{_place(message_id)}/reply", _json(body), trace_id))

    async def upload(self, picture: bytes, trace_id: str) -> str | Answer:
        """The key by which a PNG of at most 10 MB can be shown, by this application alone."""
        answer, made = await self._made("POST", "images", form({"image_type": "message"}, "image", picture), trace_id)
        if isinstance(answer, Ok):
            return made.image_key or _unread()
        return answer

    async def _made(self, method: str, place: str, body: Form, trace_id: str) -> tuple[Answer, _Made]:
        """The answer, and what there is from now on."""
        door, (data, kind) = self.door, body
        what = place.partition("?")[0].partition("/")[0]

        async def attempt(token: Token) -> Reply | Transient | Ambiguous:
            headers = {"Content-Type": kind, "Authorization": f"Bearer {token.value.reveal()}"}
            request = Request(f"{self._base}/open-apis/im/v1/{place}", door.api_url, what, data, headers, method)
            return await exchange(self._session, request, timeout=door.timeout, trace_id=trace_id)

        reply = await with_token(self._tokens, door.key, self._fetch, attempt, CODES)
        return self._interpret(reply), _made(reply)

    def _interpret(self, reply: Reply | Answer) -> Answer:
        if not isinstance(reply, Reply):
            return reply
        answer, reason = interpret(reply, CODES, NOTHING), GONE.get(code_of(reply) or 0)
        if isinstance(answer, Permanent) and reason is not None:
            answer = Permanent(answer.why, reason)
        return hidden(answer, self.door.secret)

    @property
    def _base(self) -> str:
        return self.door.api_url.rstrip("/")

    async def _fetch(self) -> Token | Answer:
        door = self.door
        url = f"{self._base}/open-apis/auth/v3/tenant_access_token/internal"
        body = {"app_id": door.app_id, "app_secret": door.secret.reveal()}
        request = Request(url, door.api_url, "tenant_access_token", msgspec.json.encode(body))
        reply = await exchange(self._session, request, timeout=door.timeout, trace_id="")
        answer = unsent(self._interpret(reply))
        if not isinstance(reply, Reply) or not isinstance(answer, Ok):
            return answer
        given = _given.decode(reply.body)
        if not given.tenant_access_token:
            return Transient("no token came", Reason.STRANGE_ANSWER)
        return Token(Secret(given.tenant_access_token), self._wall() + given.expire * SECOND)


def _made(reply: Reply | Answer) -> _Made:
    try:
        return _sent.decode(reply.body).data if isinstance(reply, Reply) else _Made()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Made()


def _told(answer: Answer, made: _Made) -> Answer:
    if not isinstance(answer, Ok):
        return answer
    return Ok(Told(made.message_id, made.chat_id)) if made.message_id else _unread()


def _unread() -> Ambiguous:
    return Ambiguous(why="a success without what it made", reason=Reason.STRANGE_ANSWER)


def _place(message_id: str) -> str:
    return f"messages/{quote(message_id, safe='')}"


def _json(body: Content) -> Form:
    return msgspec.json.encode(body), JSON["Content-Type"]


def _text(content: Content) -> str:
    """In a request a card, as all content, is a string."""
    return msgspec.json.encode(content).decode()
