"""A stand-in for an application's bot of Feishu: its token, cards in chats, what stands below them, presses, and words.

Sources: open.feishu.cn, tenant_access_token, im/v1 message create, patch and reply, image create, rate limits, card callbacks and
`im.message.receive_v1`.
"""

import base64
import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from notifiers import feishu_callback as callback
from notifiers.callback import encrypted
from notifiers.secret import Secret
from tests.standins.provider import PNG, Fault, Provider, read_form, reset
from tests.standins.robots import Sliding

DEADLINE_S = 3.0
"""For the answer to a press, which is not delivered again."""
TOKEN_S = 7200
AGAIN_S = 1800
"""A token that lasts for longer is given again; else there is another one, and both are good."""
UUID_S = 3600
CHANGEABLE_S = 14 * 86400
CARD_BYTES = 30 * 1024
MOST_ELEMENTS = 200
"""Of a card of JSON 2.0, those in others among them."""
PROPERTIES = {
    "div": {"text"},
    "hr": set[str](),
    "button": {"type", "text", "behaviors"},
    "column_set": {"flex_mode", "columns"},
    "column": {"width", "elements"},
}
"""Of elements of JSON 2.0, as far as healer uses them."""
KEYS = callback.Keys(Secret("encrypt-key"), Secret("verif-token"))


@dataclass
class Card:
    """A card as people in its chat have it."""

    id: str
    chat: str
    text: str
    buttons: dict[str, Any]
    """What stands in each one's value, by its text."""
    colour: str
    at: float
    newer: bool = False
    """Whether it is written in JSON 2.0."""


class FeishuAppStandin(Provider):
    """One application, in these chats and known to these people."""

    def __init__(
        self, app_id: str, secret: str, recipients: tuple[str, ...], *, clock: Callable[[], float], slow: float = 30.0
    ) -> None:
        super().__init__(clock=clock, slow=slow)
        self.app_id = app_id
        self.secret = secret
        self.recipients = set(recipients)
        self.cards: dict[str, Card] = {}
        self.posted: list[str] = []
        """What each card said when it was new."""
        self.replies: list[tuple[str, str]] = []
        """What the application said below a message, by that message's id."""
        self.pictures: list[tuple[str, bytes]] = []
        """... and what it showed there."""
        self.written: dict[str, str] = {}
        """Messages of people: by id, their chat."""
        self.given = 0
        """How often a token was asked for."""
        self.image_bytes = 10 * 1024 * 1024
        """The most that an image may have."""
        self.token_lost = False
        """Whether the answer to who asks for a token is lost."""
        self.stale_code = 99991663
        self.limit_status = 429
        """Of what is too fast: 400 at some of the older interfaces."""
        self._tokens: dict[str, float] = {}
        self._uuids: dict[str, tuple[str, float]] = {}
        self._seconds: dict[str, Sliding] = defaultdict(lambda: Sliding(5, 1))
        self._images: dict[str, bytes] = {}
        self._presses = 0

    @property
    def texts(self) -> list[str]:
        return [card.text for card in self.cards.values()]

    @texts.setter
    def texts(self, _: list[str]) -> None:
        """They follow from the cards."""

    def forget_tokens(self) -> None:
        """From now on no token is good that was given before."""
        self._tokens.clear()

    def change_secret(self) -> None:
        """Somebody made another secret; the old one, and what it opened, are good no more."""
        self.secret = "another"
        self.forget_tokens()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/open-apis/auth/v3/tenant_access_token/internal":
            # Faults are for messages.
            if self.token_lost:
                return reset(request)
            return web.json_response(self._token(await request.json()))
        return await super()._handle(request)

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        status, code, said, data = self._judge(request, body, fault)
        headers = {"x-ogw-ratelimit-limit": "5", "x-ogw-ratelimit-reset": "7"} if code == 99991400 else {}
        return web.json_response({"code": code, "msg": said, "data": data}, status=status, headers=headers)

    def _token(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.given += 1
        if asked.get("app_id") != self.app_id:
            return {"code": 10003, "msg": "invalid param"}
        if asked.get("app_secret") != self.secret:
            return {"code": 10014, "msg": "app secret invalid"}
        now = self.clock()
        lasting = [token for token, until in self._tokens.items() if until >= now + AGAIN_S]
        token = lasting[0] if lasting else f"t-feishu{self.given}{'y' * 300}"
        self._tokens.setdefault(token, now + TOKEN_S)
        return {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": int(self._tokens[token] - now)}

    def _judge(self, request: web.Request, body: bytes, fault: Fault) -> tuple[int, int, str, dict[str, Any]]:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            return 400, 99991661, "Missing access token for authorization", {}
        if self._tokens.get(token, -math.inf) <= self.clock():
            return 400, self.stale_code, "Invalid access token for authorization", {}
        if fault is Fault.TOO_MANY:
            return self.limit_status, 99991400, "request trigger frequency limit", {}
        if request.path == "/open-apis/im/v1/images":
            return self._take_in(request, body)
        if request.content_type != "application/json":
            return 400, 9499, "Bad Request", {}
        asked: dict[str, Any] = json.loads(body.decode("utf-8"))
        place = request.path.removeprefix("/open-apis/im/v1/messages")
        if request.method == "POST" and not place:
            return self._send(asked, request.query.get("receive_id_type", ""))
        if request.method == "POST" and place.endswith("/reply"):
            return self._reply(asked, place.removeprefix("/").removesuffix("/reply"))
        if request.method == "PATCH" and place.startswith("/"):
            return self._change(asked, place.removeprefix("/"))
        return 404, 99991404, "not found", {}

    def _send(self, asked: dict[str, Any], kind: str) -> tuple[int, int, str, dict[str, Any]]:
        to, now, uuid = asked.get("receive_id", ""), self.clock(), asked.get("uuid", "")
        if kind != {"oc": "chat_id", "ou": "open_id"}.get(to[:2]) or len(uuid) > 50:
            return 400, 230001, "Your request contains an invalid request parameter", {}
        if to not in self.recipients:
            return 400, 230002, "Bot/User can NOT be out of the chat.", {}
        if self.overrun(not self._seconds[to].take(now)):
            return self.limit_status, 99991400, "request trigger frequency limit", {}
        known, until = self._uuids.get(uuid, ("", -math.inf))
        if uuid and until > now:
            return 200, 0, "success", {"message_id": known, "chat_id": self.cards[known].chat}
        card = _card(asked)
        if isinstance(card, str):
            return 400, 230099, card, {}
        id, chat = f"om_{len(self.cards) + 1}", to if to.startswith("oc_") else f"oc_with_{to}"
        self.cards[id] = Card(id, chat, *card, now, _is_newer(asked))
        self.posted.append(self.cards[id].text)
        self._uuids[uuid] = id, now + UUID_S
        return 200, 0, "success", {"message_id": id, "chat_id": chat, "msg_type": "interactive"}

    def _change(self, asked: dict[str, Any], id: str) -> tuple[int, int, str, dict[str, Any]]:
        known, now = self.cards.get(id), self.clock()
        if known is None:
            return 400, 230011, "The message has been recalled.", {}
        if now > known.at + CHANGEABLE_S:
            return 400, 230031, "The message has been sent for more than 14 days.", {}
        if self.overrun(not self._seconds[id].take(now)):
            return self.limit_status, 99991400, "request trigger frequency limit", {}
        card = _card(asked)
        if isinstance(card, str):
            return 400, 230099, card, {}
        if _is_newer(asked) is not known.newer:
            # Whether a card may change its version is not said anywhere: the stricter answer.
            return 400, 230099, "the card is of another version", {}
        known.text, known.buttons, known.colour = card
        return 200, 0, "success", {}

    def _reply(self, asked: dict[str, Any], id: str) -> tuple[int, int, str, dict[str, Any]]:
        """A text of pieces, or an image that this application uploaded."""
        chat = self.cards[id].chat if id in self.cards else self.written.get(id)
        if chat is None:
            return 400, 230011, "The message has been recalled.", {}
        if self.overrun(not self._seconds[chat].take(self.clock())):
            return self.limit_status, 99991400, "request trigger frequency limit", {}
        content = json.loads(asked["content"])
        match asked["msg_type"]:
            case "post":
                rows = content["zh_cn"]["content"]
                assert all(set(piece) == {"tag", "text"} for row in rows for piece in row), "labels are data"
                self.replies.append((id, "\n".join("".join(piece["text"] for piece in row) for row in rows)))
            case "image":
                if content.get("image_key") not in self._images:
                    return 400, 230055, "The type of file upload does not match the type of message being sent.", {}
                self.pictures.append((id, self._images[content["image_key"]]))
            case _:
                return 400, 230001, "Your request contains an invalid request parameter", {}
        return 200, 0, "success", {"message_id": f"om_reply{len(self.replies) + len(self.pictures)}", "chat_id": chat}

    def _take_in(self, request: web.Request, body: bytes) -> tuple[int, int, str, dict[str, Any]]:
        """An image of at most 10 MB; its key is good for this application's messages."""
        kind, fields = read_form(request.headers["Content-Type"], body)
        if kind != "multipart/form-data" or fields.get("image_type") != b"message" or "image" not in fields:
            return 400, 234001, "Invalid request param.", {}
        image = fields["image"]
        if not image:
            return 400, 234010, "File's size can't be 0.", {}
        if len(image) > self.image_bytes:
            return 400, 234006, "The file size exceed the max value.", {}
        if not image.startswith((PNG, b"\xff\xd8")):
            return 400, 234011, "Can't recognize the image format.", {}
        key = f"img_v3_{self.app_id}_{len(self._images)}"
        self._images[key] = image
        return 200, 0, "success", {"image_key": key}

    # --- presses, and what people write

    async def press(self, url: str, id: str, button: str, user: str, value: Any = None) -> tuple[int, dict[str, Any]]:
        """Somebody presses: status and body of the answer, which changes the card where it brings one."""
        card = self.cards[id]
        self._presses += 1
        event = {
            "operator": {"tenant_key": "t", "user_id": "u", "open_id": user, "union_id": "on_1"},
            "token": f"c-{self._presses}",
            "action": {"value": card.buttons[button] if value is None else value, "tag": "button"},
            "host": "im_message",
            "context": {"open_message_id": id, "open_chat_id": card.chat},
        }
        header = {"event_id": f"event{self._presses}", "event_type": "card.action.trigger", "token": "verif-token"}
        said = {"schema": "2.0", "header": header | {"app_id": self.app_id}, "event": event}
        status, answer = await self.deliver(url, *self.sealed(said))
        if "card" in answer:
            assert answer["card"]["type"] == "raw"
            found = _read(answer["card"]["data"])
            assert not isinstance(found, str), found
            card.text, card.buttons, card.colour = found
        return status, answer

    async def write(self, url: str, chat: str, user: str, text: str, *, times: int = 1, **said: Any) -> list[int]:
        """Somebody writes: the status of each delivery of it. In a group they call the bot by its name first."""
        id = f"om_written{len(self.written) + 1}"
        self.written[id] = chat
        group = chat not in self.recipients or chat.startswith("oc_")
        message = {
            "message_id": id,
            "create_time": str(int(self.clock() * 1000)),
            "chat_id": chat,
            "chat_type": "group" if group else "p2p",
            "message_type": "text",
            "content": json.dumps({"text": f"@_user_1 {text}" if group else text}),
            "mentions": [{"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "healer"}] if group else [],
        }
        sender = {"sender_id": {"open_id": user, "union_id": "on_1"}, "sender_type": said.pop("sender_type", "user")}
        header = {"event_id": id, "event_type": "im.message.receive_v1", "token": "verif-token", "app_id": self.app_id}
        event = {"schema": "2.0", "header": header, "event": {"sender": sender, "message": message | said}}
        return [(await self.deliver(url, *self.sealed(event)))[0] for _ in range(times)]

    def sealed(self, said: dict[str, Any]) -> tuple[dict[str, str], bytes]:
        """Headers and body of a callback."""
        iv, key = bytes(range(16)), KEYS.encrypt_key.reveal()
        blob = iv + encrypted(hashlib.sha256(key.encode()).digest(), iv, json.dumps(said).encode(), 16)
        body = json.dumps({"encrypt": base64.b64encode(blob).decode()}).encode()
        stamp = str(int(self.clock()))
        headers = {"X-Lark-Request-Timestamp": stamp, "X-Lark-Request-Nonce": f"n{self._presses}"}
        signed = callback.signature(stamp, f"n{self._presses}", key, body)
        return headers | {"X-Lark-Signature": signed, "Content-Type": "application/json"}, body

    @staticmethod
    async def deliver(url: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """Send a callback, once, and wait no longer than people do."""
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        async with (
            aiohttp.ClientSession() as session,
            session.post(url, headers=headers, data=body, timeout=timeout) as response,
        ):
            return response.status, await response.json(content_type=None) if response.status == 200 else {}


def _is_newer(asked: dict[str, Any]) -> bool:
    return bool(json.loads(asked["content"]).get("schema") == "2.0")


def _card(asked: dict[str, Any]) -> tuple[str, dict[str, Any], str] | str:
    """What a card shows, or what is wrong with it."""
    content = asked.get("content")
    if asked.get("msg_type", "interactive") != "interactive" or not isinstance(content, str):
        return "content is not in JSON format"
    if len(content.encode()) > CARD_BYTES:
        return "the card is too large"
    return _read(json.loads(content))


def _read(card: dict[str, Any]) -> tuple[str, dict[str, Any], str] | str:
    """By the version that it says. 1.0 ignores what it does not know, 2.0 refuses it."""
    if not card.get("config", {}).get("update_multi"):
        return "a card that cannot be changed"
    newer = card.get("schema") == "2.0"
    elements = card.get("body", {}).get("elements") if newer else card.get("elements")
    if not elements:
        return "a card without elements"
    known = {"schema", "config", "header", "body", "card_link"}
    if newer and (strange := card.keys() - known):
        return f"unknown property {min(strange)}"
    shown = _Shown()
    wrong = shown.add(elements, newer)
    if not wrong and newer and shown.elements > MOST_ELEMENTS:
        wrong = "too many elements"
    rows = [card["header"]["title"]["content"], *shown.rows]
    return wrong or ("\n".join(rows), shown.buttons, card["header"]["template"])


class _Shown:
    """What the elements of a card show."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.buttons: dict[str, Any] = {}
        self.elements = 0

    def add(self, elements: list[dict[str, Any]], newer: bool) -> str:
        """What is wrong with these, or nothing."""
        for element in elements:
            self.elements += 1
            tag, wrong = element["tag"], ""
            if newer and (strange := element.keys() - PROPERTIES.get(tag, set()) - {"tag"}):
                return f"unknown property {min(strange)} of {tag}"
            if tag == "div":
                assert element["text"]["tag"] == "plain_text", "labels are data"
                self.rows.append(element["text"]["content"])
            elif tag == "action" and not newer:
                wrong = self.add(element["actions"], newer)
            elif tag in ("column_set", "column") and newer:
                wrong = self.add(element["columns" if tag == "column_set" else "elements"], newer)
            elif tag == "button":
                called = [one["value"] for one in element.get("behaviors", ()) if one["type"] == "callback"]
                self.buttons[element["text"]["content"]] = called[0] if newer else element["value"]
            elif tag != "hr":
                return f"there is no element {tag}"
            if wrong:
                return wrong
        return ""
