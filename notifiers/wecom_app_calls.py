"""What an application of WeCom asks of it: its token, to send a message, to change a card, to keep a picture. One try each.

Used by `wecom_app` for its messages, and by healer's bootstrap for the cards whose buttons were pressed and for commands. Source:
developer.work.weixin.qq.com, documents 91039, 90236, 94945, 90253 (temporary media) and 90455.
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
from notifiers.robot import Codes, Wall, interpret
from notifiers.secret import Secret
from notifiers.tokens import Token, Tokens

MINUTE: Micros = 60 * SECOND
ALREADY_SENT = 42014
"""There is a card with this task already."""
NOBODY = Told("")
EVERYBODY = "@all"
CODES = Codes(
    provider="WeCom",
    throttled={45009: MINUTE, 45033: MINUTE},
    busy=(-1, 6000),
    target={
        40001: Reason.UNAUTHORIZED,
        40013: Reason.UNAUTHORIZED,
        40056: Reason.UNAUTHORIZED,
        48002: Reason.FORBIDDEN,
        60020: Reason.FORBIDDEN,
        301002: Reason.FORBIDDEN,
        40003: Reason.CHAT_NOT_FOUND,
        40031: Reason.CHAT_NOT_FOUND,
        81013: Reason.CHAT_NOT_FOUND,
    },
    message=(40004, 40006, 40007, 40008, 40009, 40033, 40035, 40058, 44004, 45002),
    stale=(40014, 42001, 41001),
)


class _Given(msgspec.Struct):
    access_token: str = ""
    expires_in: int = 0


class _Kept(msgspec.Struct):
    media_id: str = ""


_given = msgspec.json.Decoder(_Given)
_kept = msgspec.json.Decoder(_Kept)


class Door(msgspec.Struct, frozen=True):
    """How an application is reached."""

    corp_id: str
    agent_id: int
    secret: Secret
    api_url: str
    timeout: Micros

    @property
    def key(self) -> str:
        """Which application, without what opens it."""
        return f"wecom:{self.corp_id}:{self.agent_id}"


class Whom(msgspec.Struct, frozen=True):
    """Members by their ids, departments and tags by their numbers. `("@all",)` is everybody who may see the application."""

    users: tuple[str, ...] = ()
    parties: tuple[int, ...] = ()
    tags: tuple[int, ...] = ()

    @property
    def of_message(self) -> dict[str, str]:
        """As a message names them."""
        named = {"touser": self.users, "toparty": self.parties, "totag": self.tags}
        return {key: "|".join(map(str, ids)) for key, ids in named.items() if ids}

    @property
    def of_card(self) -> dict[str, Any]:
        """As a changed card names them."""
        everybody = self.users == (EVERYBODY,)
        users = [] if everybody else list(self.users)
        return {"userids": users, "partyids": self.parties, "tagids": self.tags, "atall": int(everybody)}


class WecomApplication:
    """One application. The session stays the caller's."""

    def __init__(self, door: Door, session: aiohttp.ClientSession, tokens: Tokens, wall: Wall) -> None:
        self.door = door
        self._session = session
        self._tokens = tokens
        self._wall = wall

    async def send(self, content: dict[str, Any], whom: Whom, trace_id: str) -> Reply | Answer:
        """message/send: WeCom's answer, or why there is none."""
        body = {**whom.of_message, "agentid": self.door.agent_id, **content}
        return await self._call("message/send", _json(body), trace_id)

    async def upload(self, picture: bytes, trace_id: str) -> str | Answer:
        """The id by which a PNG of at most 10 MB can be sent, for three days."""
        reply = await self._call("media/upload", form({}, "media", picture), trace_id, "&type=image")
        answer = self.interpret(reply, NOBODY)
        if not isinstance(reply, Reply) or not isinstance(answer, Ok):
            return answer
        return _media_id(reply) or Ambiguous("a success without a media_id", Reason.STRANGE_ANSWER)

    async def update(self, code: str, whom: Whom, card: dict[str, Any], trace_id: str) -> Answer:
        """Make a card look so for these; a code does that once.

        Not editable, where WeCom takes the code no more: after 72 h, or a second time.
        """
        body = {**whom.of_card, "agentid": self.door.agent_id, "response_code": code, "template_card": card}
        reply = await self._call("message/update_template_card", _json(body), trace_id)
        answer = self.interpret(reply, NOBODY)
        if isinstance(answer, Permanent) and not answer.disable:
            return Permanent(answer.why, Reason.NOT_EDITABLE)
        return answer

    def interpret(self, reply: Reply | Answer, reference: Told) -> Answer:
        """What an answer means; `reference` is the message's, if it was taken."""
        answer = interpret(reply, CODES, reference) if isinstance(reply, Reply) else reply
        return hidden(answer, self.door.secret)

    async def _call(self, method: str, body: Form, trace_id: str, more: str = "") -> Reply | Answer:
        door, (data, kind) = self.door, body

        async def attempt(token: Token) -> Reply | Transient | Ambiguous:
            url = f"{self._base}/cgi-bin/{method}?access_token={quote(token.value.reveal(), safe='')}{more}"
            request = Request(url, door.api_url, method, data, {"Content-Type": kind})
            reply = await exchange(self._session, request, timeout=door.timeout, trace_id=trace_id)
            return _without(reply, token.value)

        return await with_token(self._tokens, door.key, self._fetch, attempt, CODES)

    @property
    def _base(self) -> str:
        return self.door.api_url.rstrip("/")

    async def _fetch(self) -> Token | Answer:
        door = self.door
        secret = quote(door.secret.reveal(), safe="")
        url = f"{self._base}/cgi-bin/gettoken?corpid={quote(door.corp_id, safe='')}&corpsecret={secret}"
        request = Request(url, door.api_url, "gettoken", b"", dict(JSON), method="GET")
        reply = await exchange(self._session, request, timeout=door.timeout, trace_id="")
        answer = unsent(self.interpret(reply, NOBODY))
        if not isinstance(reply, Reply) or not isinstance(answer, Ok):
            return answer
        given = _given.decode(reply.body)
        if not given.access_token:
            return Transient("gettoken brought no token", Reason.STRANGE_ANSWER)
        return Token(Secret(given.access_token), self._wall() + given.expires_in * SECOND)


def _media_id(reply: Reply) -> str:
    try:
        return _kept.decode(reply.body).media_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _json(body: dict[str, Any]) -> Form:
    # msgspec writes UTF-8 as it is: WeCom refuses \uXXXX (40033).
    return msgspec.json.encode(body), JSON["Content-Type"]


def _without(reply: Reply | Transient | Ambiguous, token: Secret) -> Reply | Transient | Ambiguous:
    """The answer, should it repeat the token, without it."""
    if not isinstance(reply, Reply):
        return reply
    return msgspec.structs.replace(reply, body=reply.body.replace(token.reveal().encode(), b"***"))
