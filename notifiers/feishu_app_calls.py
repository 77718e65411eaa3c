"""What an application of Feishu or Lark asks of it: its token, to send a card, to change one. One try each.

Used by `feishu_app` for its messages, and by healer's bootstrap for the cards whose buttons were pressed. Source: open.feishu.cn,
"tenant_access_token", im/v1 message create and patch, and their error codes.
"""

from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from notifiers.application import unsent, with_token
from notifiers.clock import SECOND, Micros
from notifiers.exchange import JSON, Reply, Request, exchange
from notifiers.message import Ambiguous, Answer, Ok, Permanent, Reason, Told, Transient, hidden
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
    },
    message=(230001, 230025, 230099),
    stale=(99991661, 99991663, 99991664, 99991668, 99991671),
)
_GONE = {230011: Reason.MESSAGE_GONE, 230031: Reason.NOT_EDITABLE, 230110: Reason.MESSAGE_GONE}
"""A card that was taken back or deleted, or is older than 14 days: only a new one can tell it."""


class _Given(msgspec.Struct):
    tenant_access_token: str = ""
    expire: int = 0


class _Message(msgspec.Struct):
    message_id: str = ""
    chat_id: str = ""


class _Sent(msgspec.Struct):
    data: _Message = msgspec.field(default_factory=_Message)


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

    async def send(self, to: str, card: dict[str, Any], uuid: str, trace_id: str) -> Answer:
        """A new card; with a `uuid` that was used within an hour there is none, and the answer is that of the first."""
        kind = "chat_id" if to.startswith("oc_") else "open_id"
        body = {"receive_id": to, "msg_type": "interactive", "content": _text(card), "uuid": uuid}
        reply = await self._call("POST", f"messages?receive_id_type={kind}", "messages", body, trace_id)
        answer = self._interpret(reply, Told(""))
        if not isinstance(answer, Ok) or not isinstance(reply, Reply):
            return answer
        told = _sent(reply)
        return Ok(Told(told.message_id, told.chat_id)) if told.message_id else _unread()

    async def change(self, message_id: str, card: dict[str, Any], trace_id: str) -> Answer:
        """Make the card of a message look so. `Permanent.send_anew` says when only a new message can."""
        place = f"messages/{quote(message_id, safe='')}"
        reply = await self._call("PATCH", place, "messages", {"content": _text(card)}, trace_id)
        return self._interpret(reply, Told(message_id))

    def _interpret(self, reply: Reply | Answer, reference: Told) -> Answer:
        if not isinstance(reply, Reply):
            return reply
        answer, reason = interpret(reply, CODES, reference), _GONE.get(code_of(reply) or 0)
        if isinstance(answer, Permanent) and reason is not None:
            answer = Permanent(answer.why, reason)
        return hidden(answer, self.door.secret)

    async def _call(self, method: str, place: str, what: str, body: dict[str, Any], trace_id: str) -> Reply | Answer:
        door = self.door

        async def attempt(token: Token) -> Reply | Transient | Ambiguous:
            headers = {**JSON, "Authorization": f"Bearer {token.value.reveal()}"}
            url = f"{self._base}/open-apis/im/v1/{place}"
            request = Request(url, door.api_url, what, msgspec.json.encode(body), headers, method)
            return await exchange(self._session, request, timeout=door.timeout, trace_id=trace_id)

        return await with_token(self._tokens, door.key, self._fetch, attempt, CODES)

    @property
    def _base(self) -> str:
        return self.door.api_url.rstrip("/")

    async def _fetch(self) -> Token | Answer:
        door = self.door
        url = f"{self._base}/open-apis/auth/v3/tenant_access_token/internal"
        body = {"app_id": door.app_id, "app_secret": door.secret.reveal()}
        request = Request(url, door.api_url, "tenant_access_token", msgspec.json.encode(body))
        reply = await exchange(self._session, request, timeout=door.timeout, trace_id="")
        answer = unsent(self._interpret(reply, Told("")))
        if not isinstance(reply, Reply) or not isinstance(answer, Ok):
            return answer
        given = msgspec.json.decode(reply.body, type=_Given)
        if not given.tenant_access_token:
            return Transient("no token came", Reason.STRANGE_ANSWER)
        return Token(Secret(given.tenant_access_token), self._wall() + given.expire * SECOND)


def _sent(reply: Reply) -> _Message:
    try:
        return msgspec.json.decode(reply.body, type=_Sent).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Message()


def _unread() -> Ambiguous:
    return Ambiguous(why="a success without a message", reason=Reason.STRANGE_ANSWER)


def _text(card: dict[str, Any]) -> str:
    """In a request the card is a string."""
    return msgspec.json.encode(card).decode()
