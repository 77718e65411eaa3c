"""Feishu (飞书) and Lark: cards of an application's bot to a chat or a person, changed as the story goes on, with buttons.

Called by the channel that healer's bootstrap builds. Source: open.feishu.cn, im/v1. A card can be changed for 14 days, by the
application that sent it, 5 times a second; a group takes 5 messages a second of all bots in it.
"""

import re
from typing import Annotated, Literal

import aiohttp
import msgspec

from notifiers.application import MessageKeys
from notifiers.clock import SECOND, Micros
from notifiers.feishu_app_calls import MINUTE, Door, FeishuApplication
from notifiers.feishu_callback import Keys
from notifiers.feishu_card import TEXT_BYTES, card
from notifiers.message import Answer, Message, Ok, Permanent, Reason, Told
from notifiers.robot import Wall
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit
from notifiers.tokens import Tokens

_APP = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TO = re.compile(r"o[cu]_[A-Za-z0-9_-]{1,128}")
_MESSAGE = re.compile(r"om_[A-Za-z0-9_=-]{1,128}")


class FeishuAppConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An application, and the one chat or person it writes to. A refused value names its key as the second argument of the
    ValueError."""

    app_id: str
    """The application's App ID; it begins with cli_."""
    secret: Secret
    """Its App Secret."""
    to: str
    """A chat's id (`oc_...`), or a person's open id at this application (`ou_...`)."""
    buttons: Literal["none", "webhook"] = "none"
    """`webhook`: buttons under each card, whose presses Feishu sends to `server.base_url`; `none`: no buttons."""
    encrypt_key: Secret | None = None
    """For `webhook`: the Encrypt Key of the application's page of events and callbacks."""
    verification_token: Secret | None = None
    """For `webhook`: the Verification Token of the same page."""
    card_version: Literal[1, 2] = 1
    """Which JSON cards are written in: 1, which every client shows, or 2, for which Feishu has to be 7.20 or later."""
    pictures: bool = False
    """Show the affected part of the topology below each new message. Needs the extra `pictures`."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://open.feishu.cn"
    """Feishu; https://open.larksuite.com for Lark."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if not _APP.fullmatch(self.app_id):
            raise ValueError("expected an App ID such as cli_9f5343c580712544", "app_id")
        if not _TO.fullmatch(self.to):
            raise ValueError("expected a chat (oc_...) or a person (ou_...)", "to")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://open.feishu.cn", "api_url")
        if not SECOND // 10 <= self.timeout <= 120 * SECOND:
            raise ValueError("expected between 100ms and 120s", "timeout")
        for key in ("encrypt_key", "verification_token"):
            secret: Secret | None = getattr(self, key)
            if self.buttons == "webhook" and (secret is None or not secret.reveal()):
                raise ValueError(f"webhook needs the {key}: without it anybody could press buttons", "buttons")

    @property
    def door(self) -> Door:
        return Door(self.app_id, self.secret, self.api_url, self.timeout)

    @property
    def keys(self) -> Keys:
        """By which presses are known to be Feishu's."""
        return Keys(self.encrypt_key or Secret(""), self.verification_token or Secret(""))


class FeishuAppSender:
    """`Sender` for one chat or person. The session is shared and stays the caller's."""

    type = "feishu_app"
    can_edit = True

    def __init__(
        self, name: str, config: FeishuAppConfig, session: aiohttp.ClientSession, tokens: Tokens, wall: Wall
    ) -> None:
        self.name = name
        self.limits = Limits(TEXT_BYTES, Unit.BYTES, rates(config.door, config.to))
        self._config = config
        self._application = FeishuApplication(config.door, session, tokens, wall)
        self._keys = MessageKeys(f"{config.door.key}:{name}", wall)

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        """Send once; one whose answer was lost is not there twice when it is sent again within the hour."""
        content = self._card(message)
        uuid = self._keys.of(content, message.key)
        answer = await self._application.send(self._config.to, content, uuid, trace_id)
        self._keys.settle(content, uuid, answer)
        return answer

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        """Make `reference` say `message`. `Permanent.send_anew` says when only a new message can."""
        if not _MESSAGE.fullmatch(reference.message_id):
            return Permanent(why="this is no message of Feishu", reason=Reason.MESSAGE_GONE)
        answer = await self._application.change(reference.message_id, self._card(message), trace_id)
        return Ok(reference) if isinstance(answer, Ok) else answer

    @property
    def takes_pictures(self) -> bool:
        return self._config.pictures

    async def show(self, reference: Told, picture: bytes, *, trace_id: str) -> Answer:
        """An image as an answer to the card. It is uploaded first; what became of one whose answer was lost is nobody's loss."""
        if not _MESSAGE.fullmatch(reference.message_id):
            return Permanent(why="this is no message of Feishu", reason=Reason.MESSAGE_GONE)
        key = await self._application.upload(picture, trace_id)
        if not isinstance(key, str):
            return key
        return await self._application.reply(reference.message_id, "image", {"image_key": key}, trace_id)

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""

    def _card(self, message: Message) -> dict[str, object]:
        return card(message, self._config.card_version, buttons=self._config.buttons == "webhook")


def rates(door: Door, to: str) -> tuple[Rate, ...]:
    """5 a second to one recipient, of the application 50 a second and 1000 a minute. A sixth of a second is kept back: a token
    may be fetched between what is reserved and what is sent, and then the first of five arrives with the next."""
    margin = SECOND // 6
    return (
        Rate(f"{door.key}:{to}", 5, SECOND + margin),
        Rate(door.key, 50, SECOND + margin, shared=True),
        Rate(f"{door.key}:minute", 950, MINUTE, shared=True),
    )
