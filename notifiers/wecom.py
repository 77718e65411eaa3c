"""WeCom (企业微信): the robot of a chat group, by its webhook. Plain text, so that nothing in a label is markup.

Source: developer.work.weixin.qq.com, documents 99110 (message push) and 90455 (error codes). A robot's message cannot be
edited. 20 messages a minute; 2048 bytes of text.
"""

import base64
import hashlib
from typing import Annotated, Any

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, plain_text, utf8_bytes
from notifiers.exchange import Request
from notifiers.message import Answer, Message, Reason, Told
from notifiers.robot import Codes, Wall, not_editable, post
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit

TEXT_BYTES = 2048
MINUTE: Micros = 60 * SECOND

CODES = Codes(
    provider="WeCom",
    throttled={45009: MINUTE, 45033: MINUTE},
    busy=(-1, 6000),
    target={93000: Reason.NOT_FOUND, 40001: Reason.UNAUTHORIZED, 48002: Reason.FORBIDDEN, 60020: Reason.FORBIDDEN},
    message=(40008, 40033, 40035, 40058, 44004, 45002),
    as_said={93000: ("exceed max length", 45002)},
)


class WecomConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group's robot. A refused value names its key as the second argument of the ValueError."""

    key: Secret
    """What stands behind `key=` in the robot's webhook address."""
    mentions: tuple[str, ...] = ()
    """User ids to call by name, `@all` for everybody."""
    pictures: bool = False
    """Show the affected part of the topology below each new message. Needs the extra `pictures`."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://qyapi.weixin.qq.com"
    """WeCom, or a gateway of one's own."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if not self.key.reveal().replace("-", "").isalnum() or not self.key.reveal().isascii():
            raise ValueError(
                "a robot's key looks like 693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa, without the address", "key"
            )
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://qyapi.weixin.qq.com", "api_url")


class WecomSender:
    """`Sender` for one group. The session is shared and stays the caller's."""

    type = "wecom"
    can_edit = False

    def __init__(self, name: str, config: WecomConfig, session: aiohttp.ClientSession, wall: Wall) -> None:
        self.name = name
        # Told apart by what does not open the door: the channel's own name.
        self.limits = Limits(TEXT_BYTES, Unit.BYTES, (Rate(f"wecom:{name}", 19, MINUTE),))
        self._config = config
        self._session = session
        self._wall = wall

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        text = {"content": plain_text(fit(message, TEXT_BYTES, utf8_bytes, links=False))}
        body = {
            "msgtype": "text",
            "text": text | ({"mentioned_list": self._config.mentions} if self._config.mentions else {}),
        }
        return await self._post(body, trace_id)

    @property
    def takes_pictures(self) -> bool:
        return self._config.pictures

    async def show(self, reference: Told, picture: bytes, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        """A robot can answer nothing: the picture stands below what was sent last."""
        digest = hashlib.md5(picture, usedforsecurity=False).hexdigest()
        image = {"base64": base64.b64encode(picture).decode(), "md5": digest}
        return await self._post({"msgtype": "image", "image": image}, trace_id)

    async def _post(self, body: dict[str, Any], trace_id: str) -> Answer:
        url = f"{self._config.api_url.rstrip('/')}/cgi-bin/webhook/send?key={self._config.key.reveal()}"
        # msgspec writes UTF-8 as it is: WeCom refuses \uXXXX (40033).
        request = Request(url, self._config.api_url, "webhook/send", msgspec.json.encode(body))
        reference = Told(message_id=str(self._wall()), chat=self.name)
        timeout, secrets = self._config.timeout, (self._config.key,)
        return await post(self._session, request, CODES, reference, timeout=timeout, trace_id=trace_id, secrets=secrets)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        return not_editable("a WeCom robot")

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""
