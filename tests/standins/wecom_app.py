"""A stand-in for an application of WeCom: its token, messages to members, cards that change once by a code, presses, and words.

Sources: developer.work.weixin.qq.com, documents 91039 (gettoken), 90236 (message/send), 94945 (update_template_card) and 91144
(callbacks). Every answer is an HTTP 200 with an `errcode`.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from notifiers import wecom_callback as callback
from notifiers.secret import Secret
from tests.standins.provider import PNG, Fault, Provider, read_form
from tests.standins.robots import Sliding

DEADLINE_S = 5.0
"""For a callback's answer; after that it is sent again."""
TIMES = 3
CODE_S = 72 * 3600
CARDS = {
    "button_interaction": {"main_title", "button_list"},
    "text_notice": {"main_title", "card_action"},
}
"""Kinds of cards, and what each of them must have."""
_LINK = re.compile(r"</?a\b[^>]*>", re.IGNORECASE)
_TASK = re.compile(r"[0-9A-Za-z_@-]{1,128}")


@dataclass
class Shown:
    """A message as its readers have it."""

    text: str
    task: str = ""
    buttons: tuple[tuple[str, str], ...] = ()
    """Text and key of each."""
    users: tuple[str, ...] = ()


class WecomAppStandin(Provider):
    """One application of one company, whose members are `members`."""

    def __init__(
        self,
        corp_id: str,
        secret: str,
        agent_id: int,
        members: tuple[str, ...],
        *,
        clock: Callable[[], float],
        slow: float = 30.0,
    ) -> None:
        super().__init__(clock=clock, slow=slow)
        self.corp_id = corp_id
        self.secret = secret
        self.agent_id = agent_id
        self.members = set(members)
        self.shown: list[Shown] = []
        self.pictures: list[bytes] = []
        self.image_bytes = 10 * 1024 * 1024
        """The most that an image may have."""
        self.given = 0
        """How often a token was asked for."""
        self.token_faults: list[int] = []
        """Error codes that the next requests for a token are answered with."""
        self.stale_code = 40014
        self.dropped = 0
        """Messages that a member did not get, because they were too many."""
        self.seen_by: dict[str, list[str]] = defaultdict(list)
        self._tokens: dict[str, float] = {}
        self._tasks: set[str] = set()
        self._media: dict[str, bytes] = {}
        self._codes: dict[str, tuple[int, float]] = {}
        self._minutes: dict[str, Sliding] = defaultdict(lambda: Sliding(30, 60))
        self._presses = 0

    @property
    def texts(self) -> list[str]:
        return [one.text for one in self.shown]

    @texts.setter
    def texts(self, _: list[str]) -> None:
        """They follow from what is shown."""

    def forget_tokens(self) -> None:
        """From now on no token is good that was given before."""
        self._tokens.clear()

    def change_secret(self) -> None:
        """Somebody made another secret; the old one, and what it opened, are good no more."""
        self.secret = "another"
        self.forget_tokens()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/cgi-bin/gettoken":
            # Faults are for messages: what becomes of a token is asked for by `token_faults`.
            return web.json_response(self._token(request))
        return await super()._handle(request)

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        code, said, more = self._judge(request, body, fault)
        hint = "" if code == 0 else f", hint: [1700000000], from ip: 192.0.2.1, more info at ?e={code}"
        return web.json_response({"errcode": code, "errmsg": said + hint} | more)

    def _token(self, request: web.Request) -> dict[str, Any]:
        self.given += 1
        if self.token_faults:
            return {"errcode": self.token_faults.pop(0), "errmsg": "scripted"}
        if request.method != "GET" or request.query.get("corpid") != self.corp_id:
            return {"errcode": 40013, "errmsg": "invalid corpid"}
        if request.query.get("corpsecret") != self.secret:
            return {"errcode": 40001, "errmsg": "invalid credential"}
        now = self.clock()
        good = [token for token, until in self._tokens.items() if until > now]
        token = good[0] if good else f"wecom-token/{self.given}+{'x' * 512}"
        self._tokens.setdefault(token, now + 7200)
        return {"errcode": 0, "errmsg": "ok", "access_token": token, "expires_in": int(self._tokens[token] - now)}

    def _judge(self, request: web.Request, body: bytes, fault: Fault) -> tuple[int, str, dict[str, Any]]:
        token = request.query.get("access_token", "")
        if not token:
            return 41001, "access_token missing", {}
        if self._tokens.get(token, -math.inf) <= self.clock():
            return self.stale_code, f"invalid access_token {token}", {}
        if fault is Fault.TOO_MANY:
            return 45009, "api freq out of limit", {}
        if request.path == "/cgi-bin/media/upload":
            return self._keep(request, body)
        if b"\\u" in body:
            return 40033, "illegal request characters", {}
        message: dict[str, Any] = json.loads(body.decode("utf-8"))
        if message.get("agentid") != self.agent_id:
            return 40056, "invalid agentid", {}
        match request.path:
            case "/cgi-bin/message/send":
                return self._send(message)
            case "/cgi-bin/message/update_template_card":
                return self._update(message)
        return 40008, "invalid message type", {}

    def _send(self, message: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
        named = [user for user in message.get("touser", "").split("|") if user]
        users = sorted(self.members) if named == ["@all"] else named
        known = [user for user in users if user in self.members]
        if not known:
            return 81013, "user & party & tag all invalid", {}
        text, task, buttons = "", "", tuple[tuple[str, str], ...]()
        if message.get("msgtype") == "text":
            text = message["text"]["content"]
            if not text:
                return 44004, "empty content", {}
            # A text may have links: people see what they are called.
            text = _LINK.sub("", text.encode()[:2048].decode(errors="ignore"))
        elif message.get("msgtype") == "image":
            if (picture := self._media.get(message["image"].get("media_id", ""))) is None:
                return 40007, "invalid media_id", {}
            if any(self._reach(user) for user in known):
                self.pictures.append(picture)
            return 0, "ok", {"invaliduser": ""}
        elif message.get("msgtype") == "template_card":
            card = message["template_card"]
            if (wrong := _wrong(card)) or card["card_type"] != "button_interaction":
                return 40058, wrong or "no card_type of an application's", {}
            task, (text, buttons) = str(card.get("task_id", "")), _read(card)
            if not _TASK.fullmatch(task) or task in self._tasks:
                return 42014, "taskid has existed or empty or exceed max len", {}
            self._tasks.add(task)
        else:
            return 40008, "invalid message type", {}
        self._deliver(Shown(text, task, buttons, tuple(known)))
        strangers = "|".join(user.lower() for user in users if user not in self.members)
        said = {"invaliduser": strangers, "invalidparty": "", "invalidtag": "", "unlicenseduser": ""}
        code = {"response_code": self._code(len(self.shown) - 1)} if task else {}
        return 0, "ok", said | {"msgid": f"msg/{len(self.shown)}"} | code

    def _keep(self, request: web.Request, body: bytes) -> tuple[int, str, dict[str, Any]]:
        """An image, for three days."""
        kind, fields = read_form(request.headers["Content-Type"], body)
        if kind != "multipart/form-data" or request.query.get("type") != "image" or "media" not in fields:
            return 40004, "invalid media type", {}
        if not 5 < len(fields["media"]) <= self.image_bytes:
            return 40006, "invalid media size", {}
        if not fields["media"].startswith((PNG, b"\xff\xd8")):
            return 40009, "invalid image", {}
        id = f"media{len(self._media) + 1}"
        self._media[id] = fields["media"]
        return 0, "ok", {"type": "image", "media_id": id, "created_at": str(int(self.clock()))}

    def _deliver(self, shown: Shown) -> None:
        reached = [user for user in shown.users if self._reach(user)]
        for user in reached:
            self.seen_by[user].append(shown.text)
        shown.users = tuple(reached)
        self.shown.append(shown)

    def _reach(self, user: str) -> bool:
        """Whether a member gets it: the excess is silently dropped, the answer stays the same."""
        over = self.overrun(not self._minutes[user].take(self.clock()))
        self.dropped += over
        return not over

    def _code(self, number: int) -> str:
        code = f"RC/{len(self._codes) + 1}+{number}"
        self._codes[code] = number, self.clock() + CODE_S
        return code

    def _update(self, message: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
        number, until = self._codes.pop(message.get("response_code", ""), (-1, -math.inf))
        if number < 0 or self.clock() > until:
            return 40096, "invalid response_code", {}
        card = message["template_card"]
        if (wrong := _wrong(card)) or not (message.get("userids") or message.get("atall")):
            return 40058, wrong or "nobody named", {}
        text, buttons = _read(card)
        shown = self.shown[number]
        for user in message["userids"] or shown.users:
            self.seen_by[user].append(text)
        if message.get("atall") or set(message["userids"]) >= set(shown.users):
            shown.text, shown.buttons = text, buttons
        return 0, "ok", {"invaliduser": []}

    # --- presses, and what people write

    async def press(
        self, url: str, keys: callback.Keys, number: int, button: str, user: str, key: str | None = None
    ) -> list[int]:
        """Somebody presses the button with this text, or one with this `key` that is not there: the status of each delivery."""
        shown = self.shown[number]
        meant = key if key is not None else dict(shown.buttons)[button]
        self._presses += 1
        xml = (
            f"<xml><ToUserName>{self.corp_id}</ToUserName><FromUserName>{user}</FromUserName>"
            f"<CreateTime>{int(self.clock())}</CreateTime><MsgType>event</MsgType><Event>template_card_event</Event>"
            f"<EventKey>{meant}</EventKey><TaskId>{shown.task}</TaskId><CardType>button_interaction</CardType>"
            f"<ResponseCode>{self._code(number)}</ResponseCode><AgentID>{self.agent_id}</AgentID></xml>"
        )
        query, body = self.sealed(keys, xml, f"n{self._presses}")
        return await self.deliver(url, query, body)

    async def write(self, url: str, keys: callback.Keys, user: str, text: str, **said: Any) -> list[int]:
        """Somebody writes to the application: the status of each delivery."""
        self._presses += 1
        fields = {
            "ToUserName": self.corp_id,
            "FromUserName": user,
            "CreateTime": int(self.clock()),
            "MsgType": "text",
            "Content": f"<![CDATA[{text}]]>",
            "MsgId": 7_000_000_000_000_000 + self._presses,
            "AgentID": self.agent_id,
        }
        xml = "".join(f"<{name}>{value}</{name}>" for name, value in (fields | said).items())
        query, body = self.sealed(keys, f"<xml>{xml}</xml>", f"n{self._presses}")
        return await self.deliver(url, query, body)

    def sealed(self, keys: callback.Keys, xml: str, nonce: str) -> tuple[dict[str, str], str]:
        """Query and body of a callback."""
        sealed = callback.sealed(keys, b"0123456789abcdef", xml)
        stamp = str(int(self.clock()))
        signed = callback.signature(keys.token.reveal(), stamp, nonce, sealed)
        body = f"<xml><ToUserName>{self.corp_id}</ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
        return {"msg_signature": signed, "timestamp": stamp, "nonce": nonce}, body

    @staticmethod
    async def deliver(url: str, query: dict[str, str], body: str) -> list[int]:
        """Send a callback until it is answered in time, three times at most."""
        statuses: list[int] = []
        async with aiohttp.ClientSession() as session:
            for _ in range(TIMES):
                timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
                try:
                    async with session.post(url, params=query, data=body.encode(), timeout=timeout) as response:
                        statuses.append(response.status)
                        answer = await response.text()
                        assert response.status != 200 or not answer, "an answer has to be encrypted, or empty"
                        return statuses
                except TimeoutError:
                    statuses.append(0)
        return statuses


def keys(corp_id: str) -> callback.Keys:
    """Those of an application whose page says so."""
    return callback.Keys(Secret("wecomtoken"), Secret("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"), corp_id)


def _wrong(card: dict[str, Any]) -> str:
    needed = CARDS.get(card.get("card_type", ""))
    if needed is None or not needed <= card.keys():
        return "the card lacks something"
    if card["card_type"] == "text_notice" and card["card_action"] != {"type": 1, "url": card["card_action"].get("url")}:
        return "the card leads nowhere"
    buttons = card.get("button_list", ())
    if not card["main_title"].get("title") or len(buttons) > 6:
        return "no title, or too many buttons"
    return "a button" if any(set(one) != {"text", "style", "key"} or not one["text"] for one in buttons) else ""


def _read(card: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    title, body = card["main_title"]["title"], card.get("sub_title_text", "")
    shown = f"{title}\n{body}" if body else title
    assert len(shown.encode()) <= 2048, "WeCom cuts what is longer"
    return shown, tuple((one["text"], one["key"]) for one in card.get("button_list", ()))
