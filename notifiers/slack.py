"""Slack: one message of a bot in a channel, and the same message edited as the story goes on.

Source: docs.slack.dev, chat.postMessage, chat.update and rate limits. The story is a `rich_text` block, whose pieces are data
and never markup; `text` is line 1, for lock screens. Every answer is an HTTP 200 with `ok` in it, but for a 429.
"""

from typing import Annotated, Any

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, utf16_units
from notifiers.exchange import JSON, Reply, Request, exchange, seconds, strange, wait
from notifiers.message import (
    Answer,
    Emphasis,
    Message,
    Ok,
    Permanent,
    RateLimited,
    Reason,
    Span,
    Told,
    Transient,
    hidden,
)
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit

TEXT_UNITS = 3000
WHY_CHARACTERS = 200

_BUSY = ("internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org")
_THROTTLED = ("ratelimited", "rate_limited")
_TARGET = {
    "channel_not_found": Reason.CHAT_NOT_FOUND,
    "not_in_channel": Reason.FORBIDDEN,
    "is_archived": Reason.FORBIDDEN,
    "restricted_action": Reason.FORBIDDEN,
    "missing_scope": Reason.FORBIDDEN,
    "invalid_auth": Reason.UNAUTHORIZED,
    "not_authed": Reason.UNAUTHORIZED,
    "account_inactive": Reason.UNAUTHORIZED,
    "token_revoked": Reason.UNAUTHORIZED,
    "token_expired": Reason.UNAUTHORIZED,
}
_GONE = {
    "message_not_found": Reason.MESSAGE_GONE,
    "cant_update_message": Reason.NOT_EDITABLE,
    "edit_window_closed": Reason.NOT_EDITABLE,
}
_BAD_MESSAGE = ("msg_too_long", "invalid_blocks", "no_text", "invalid_blocks_format", "msg_blocks_too_long")


class SlackConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bot and the one channel it writes to. A refused value names its key as the second argument of the ValueError."""

    token: Secret
    """The bot's token; it begins with xoxb-."""
    channel: str
    """The channel's id, such as C024BE91L: names are not enough to edit a message."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://slack.com"
    """Slack, or a gateway of one's own."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if not self.token.reveal().replace("-", "").isalnum() or not self.token.reveal().isascii():
            raise ValueError("a bot's token looks like xoxb-123-456-abc", "token")
        if not self.channel.isalnum():
            raise ValueError("expected the channel's id, such as C024BE91L", "channel")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://slack.com", "api_url")


class SlackSender:
    """`Sender` for one channel of a workspace. The session is shared and stays the caller's."""

    type = "slack"
    can_edit = True

    def __init__(self, name: str, config: SlackConfig, session: aiohttp.ClientSession) -> None:
        self.name = name
        rate = Rate(f"slack:{config.channel}", 1, SECOND + SECOND // 20)
        self.limits = Limits(TEXT_UNITS, Unit.UTF16, (rate,))
        self._config = config
        self._session = session

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        body = {"channel": self._config.channel, "unfurl_links": False, "unfurl_media": False}
        return await self._call("chat.postMessage", body | _shown(message), trace_id)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        """Make `reference` say `message`. `Permanent.send_anew` says when only a new message can."""
        if not reference.message_id.replace(".", "").isdecimal():
            return Permanent(why="this is no message of Slack", reason=Reason.MESSAGE_GONE)
        body = {"channel": reference.chat or self._config.channel, "ts": reference.message_id}
        return await self._call("chat.update", body | _shown(message), trace_id)

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""

    async def _call(self, method: str, body: dict[str, Any], trace_id: str) -> Answer:
        config = self._config
        headers = {**JSON, "Authorization": f"Bearer {config.token.reveal()}"}
        url = f"{config.api_url.rstrip('/')}/api/{method}"
        request = Request(url, config.api_url, method, msgspec.json.encode(body), headers)
        reply = await exchange(self._session, request, timeout=config.timeout, trace_id=trace_id)
        return hidden(interpret(reply), config.token) if isinstance(reply, Reply) else reply


class _Said(msgspec.Struct):
    ok: bool
    error: str = ""
    channel: str = ""
    ts: str = ""


_said = msgspec.json.Decoder(_Said)


def interpret(reply: Reply) -> Answer:
    """What one answer to chat.postMessage or chat.update means."""
    try:
        said = _said.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return strange(reply, "Slack")
    error, why = said.error, said.error[:WHY_CHARACTERS]
    if said.ok:
        return Ok(Told(said.ts, said.channel)) if said.ts else strange(reply, "Slack")
    if reply.status == 429 or error in _THROTTLED:
        return RateLimited(wait(seconds(reply.retry_after)), why=why)
    if error in _BUSY or reply.status >= 500:
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    if error in _GONE:
        return Permanent(why=why, reason=_GONE[error])
    if error in _TARGET:
        return Permanent(why=why, reason=_TARGET[error], disable=True)
    return Permanent(why=why, reason=Reason.BAD_MESSAGE if error in _BAD_MESSAGE else Reason.REJECTED)


def _shown(message: Message) -> dict[str, Any]:
    fitted = fit(message, TEXT_UNITS, utf16_units)
    pieces = [_piece(Span(fitted.title, Emphasis.STRONG))]
    for spans in fitted.lines:
        pieces.append({"type": "text", "text": "\n"})
        pieces += [_piece(span) for span in spans if span.text]
    block = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": pieces}]}
    return {"text": _escaped(fitted.title), "blocks": [block]}


def _piece(span: Span) -> dict[str, Any]:
    style = {Emphasis.PLAIN: {}, Emphasis.STRONG: {"bold": True}, Emphasis.CODE: {"code": True}}[span.emphasis]
    piece: dict[str, Any] = {"type": "text", "text": span.text or " "}
    if span.url:
        piece = {"type": "link", "text": span.text, "url": span.url}
    return piece | ({"style": style} if style else {})


def _escaped(text: str) -> str:
    """The three characters that mean something outside of blocks."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
