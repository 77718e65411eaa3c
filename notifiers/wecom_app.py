"""WeCom (企业微信): messages of a self-built application to people, as cards with buttons where presses are heard, else as text.

Called by the channel that healer's bootstrap builds. A text cannot be changed. A card can, by a code that came with it, once
and within 72 hours; each press brings another one. A member who gets more than 30 messages a minute or 1000 an hour from one
application does not get the rest, and WeCom does not say so: the rates here stay below.
"""

import logging
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from urllib.parse import quote, unquote

import aiohttp
import msgspec

from notifiers.application import MessageKeys
from notifiers.callback import NotGenuine
from notifiers.clock import SECOND, Micros
from notifiers.exchange import Reply
from notifiers.message import Answer, Message, Ok, Permanent, Reason, Told
from notifiers.robot import Wall, code_of
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit
from notifiers.tokens import Tokens
from notifiers.wecom_app_calls import ALREADY_SENT, EVERYBODY, MINUTE, Door, WecomApplication, Whom
from notifiers.wecom_callback import Keys
from notifiers.wecom_card import TEXT_BYTES, buttons_of, card, text

log = logging.getLogger(__name__)

CODE_LASTS: Micros = 71 * 3600 * SECOND
"""A card's code is good for 72 hours; the last of them is left to clocks that differ."""
MOST = 100
"""Users, departments or tags that one channel writes to."""

_ID = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


class WecomAppConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application, and whom it writes to. A refused value names its key as the second argument of the ValueError."""

    corp_id: str
    """The company's id; it begins with ww."""
    agent_id: int
    """The application's AgentId."""
    secret: Secret
    """The application's Secret."""
    users: tuple[str, ...] = ()
    """Whom it writes to: user ids, or `@all` alone for everybody who may see the application."""
    parties: tuple[int, ...] = ()
    """... and departments, by their numbers."""
    tags: tuple[int, ...] = ()
    """... and tags, by their numbers."""
    buttons: Literal["none", "webhook"] = "none"
    """`webhook`: cards with buttons, whose presses WeCom sends to `server.base_url`; `none`: plain text."""
    token: Secret | None = None
    """For `webhook`: the Token of the application's page "receive messages"."""
    aes_key: Secret | None = None
    """For `webhook`: the EncodingAESKey of the same page."""
    pictures: bool = False
    """Show the affected part of the topology below each new message. Needs the extra `pictures`."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://qyapi.weixin.qq.com"
    """WeCom, or a gateway of one's own."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.corp_id):
            raise ValueError("expected the company's id, such as ww1234567890abcdef", "corp_id")
        if not (self.users or self.parties or self.tags):
            raise ValueError("name whom it writes to: users, parties or tags", "users")
        for key in ("users", "parties", "tags"):
            if len(getattr(self, key)) > MOST:
                raise ValueError(f"expected at most {MOST}", key)
        if not all(map(_ID.fullmatch, self.users)):
            raise ValueError("expected ids of letters, digits, _ - . and @", "users")
        if EVERYBODY in self.users and len(self.users) + len(self.parties) + len(self.tags) > 1:
            raise ValueError("@all stands alone: it is everybody", "users")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://qyapi.weixin.qq.com", "api_url")
        if not SECOND // 10 <= self.timeout <= 120 * SECOND:
            raise ValueError("expected between 100ms and 120s", "timeout")
        if self.buttons == "webhook":
            self._check_keys()

    def _check_keys(self) -> None:
        if self.token is None or not self.token.reveal():
            raise ValueError("webhook needs a token: without one anybody could press buttons", "buttons")
        try:
            _ = self.keys.aes
        except NotGenuine:
            raise ValueError("webhook needs an aes_key: 43 letters and digits, as WeCom made it", "aes_key") from None

    @property
    def whom(self) -> Whom:
        return Whom(self.users, self.parties, self.tags)

    @property
    def door(self) -> Door:
        return Door(self.corp_id, self.agent_id, self.secret, self.api_url, self.timeout)

    @property
    def keys(self) -> Keys:
        """By which presses are known to be WeCom's."""
        return Keys(self.token or Secret(""), self.aes_key or Secret(""), self.corp_id)


class WecomAppSender:
    """`Sender` for the recipients of one channel. The session is shared and stays the caller's."""

    type = "wecom_app"
    can_edit = False

    def __init__(
        self, name: str, config: WecomAppConfig, session: aiohttp.ClientSession, tokens: Tokens, wall: Wall
    ) -> None:
        self.name = name
        self.limits = Limits(TEXT_BYTES, Unit.BYTES, rates(config), edits_once=config.buttons == "webhook")
        self._config = config
        self._application = WecomApplication(config.door, session, tokens, wall)
        self._keys = MessageKeys(f"{config.door.key}:{name}", wall)
        self._wall = wall

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        """Send once. Where WeCom names recipients that it does not know, the others have it all the same."""
        content = self._content(message)
        is_card = "template_card" in content
        doubtful, task = self._keys.is_doubtful(content), self._keys.of(content)
        named = {"template_card": content["template_card"] | {"task_id": task}} if is_card else {}
        at = self._wall()
        reply = await self._application.send(content | named, self._config.whom, trace_id)
        sent = _sent(reply)
        code = f"!{quote(sent.response_code, safe='')}!{at // SECOND}" if sent.response_code else ""
        # A press names the card by its task.
        reference = Told(f"{task if is_card else at}{code}", self.name)
        answer = self._application.interpret(reply, reference)
        if doubtful and isinstance(reply, Reply) and code_of(reply) == ALREADY_SENT:
            # The one of which there was no answer arrived.
            answer = Ok(Told(task, self.name))
        if isinstance(answer, Ok) and sent.strangers:
            log.warning("channel %s: WeCom does not reach %s", self.name, sent.strangers)
        if is_card:
            self._keys.settle(content, task, answer)
        return answer

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        """Make a card say `message`, once. `Permanent.send_anew` says when only a new message can."""
        _, code, at = (*reference.message_id.split("!"), "", "")[:3]
        changed = card(message)
        if self._config.buttons == "none" or not code or not at.isdecimal():
            return Permanent(why="a text of WeCom cannot be changed", reason=Reason.NOT_EDITABLE)
        if changed is None or self._wall() > int(at) * SECOND + CODE_LASTS:
            return Permanent(why="the card cannot be changed any more", reason=Reason.NOT_EDITABLE)
        answer = await self._application.update(unquote(code), self._config.whom, changed, trace_id)
        return Ok(reference) if isinstance(answer, Ok) else answer

    @property
    def takes_pictures(self) -> bool:
        return self._config.pictures

    async def show(self, reference: Told, picture: bytes, *, trace_id: str) -> Answer:
        """An application can answer nothing: the picture stands below what was sent last."""
        key = await self._application.upload(picture, trace_id)
        if not isinstance(key, str):
            return key
        image = {"msgtype": "image", "image": {"media_id": key}}
        return self._application.interpret(await self._application.send(image, self._config.whom, trace_id), reference)

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""

    def _content(self, message: Message) -> dict[str, Any]:
        if self._config.buttons == "webhook" and buttons_of(message):
            return {"msgtype": "template_card", "template_card": card(message)}
        return {"msgtype": "text", "text": {"content": text(message)}}


class _Sent(msgspec.Struct):
    response_code: str = ""
    invaliduser: str = ""
    invalidparty: str = ""
    invalidtag: str = ""
    unlicenseduser: str = ""

    @property
    def strangers(self) -> str:
        """Whom it did not reach."""
        unknown = (self.invaliduser, self.unlicenseduser, self.invalidparty, self.invalidtag)
        return ", ".join(filter(None, unknown))[:200]


_decoder = msgspec.json.Decoder(_Sent)


def _sent(reply: Reply | Answer) -> _Sent:
    try:
        return _decoder.decode(reply.body) if isinstance(reply, Reply) else _Sent()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Sent()


def rates(config: WecomAppConfig) -> tuple[Rate, ...]:
    """For each member 28 a minute and 950 an hour; where departments, tags or everybody are named, for these together."""
    whom = [user for user in config.users if user != EVERYBODY]
    if config.parties or config.tags or EVERYBODY in config.users:
        whom.append("others")
    return rates_of(config, whom)


def rates_of(config: WecomAppConfig, members: Iterable[str]) -> tuple[Rate, ...]:
    """... of these members."""
    keys = [f"{config.door.key}:{one.lower()}" for one in members]
    minute = [Rate(key, 28, MINUTE) for key in keys]
    return (*minute, *(Rate(f"{key}:hour", 950, 60 * MINUTE) for key in keys))
