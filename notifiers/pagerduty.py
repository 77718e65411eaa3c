"""PagerDuty: events of version 2 to one integration of a service, held together by the incident's trace id.

Source: PagerDuty/developer-docs, "Events API v2". An event that is repeated is another entry of the same alert, so that
nobody is paged twice for one story; one that is over resolves it. 202 means taken, not that somebody was paged.
"""

import hashlib
import re
from typing import Annotated, Any, Literal

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, is_web_link, plain_text, utf8_bytes
from notifiers.exchange import Reply, Request, exchange, seconds, strange, wait
from notifiers.message import Answer, Message, Ok, Permanent, RateLimited, Reason, Told, Transient, hidden
from notifiers.robot import WHY_CHARACTERS
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unit

MINUTE: Micros = 60 * SECOND
TEXT_BYTES = 100_000
"""Of a story; an event may have 512 KB."""
SUMMARY_CHARACTERS = 1024
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_KEY = re.compile(r"healer-[0-9a-f]{32}")


class PagerdutyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service's integration. A refused value names its key as the second argument of the ValueError."""

    routing_key: Secret
    """The integration key of "Events API v2"."""
    severity: Literal["critical", "error", "warning", "info"] = "critical"
    """What PagerDuty's own urgency rules see. Which incidents come here at all is said by `routes`."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://events.pagerduty.com"
    """PagerDuty; https://events.eu.pagerduty.com for accounts in Europe."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[!-~]+", self.routing_key.reveal()):
            raise ValueError("an integration key is 32 letters and digits", "routing_key")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://events.pagerduty.com", "api_url")


class PagerdutySender:
    """`Sender` for one integration. The session is shared and stays the caller's."""

    type = "pagerduty"
    can_edit = True

    def __init__(self, name: str, config: PagerdutyConfig, session: aiohttp.ClientSession) -> None:
        self.name = name
        self.limits = Limits(TEXT_BYTES, Unit.BYTES, (Rate(f"pagerduty:{name}", 100, MINUTE),))
        self._config = config
        self._session = session

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        """Trigger; a story that is over before it was told resolves what nobody knows, which PagerDuty drops."""
        named = trace_id if _TRACE_ID.fullmatch(trace_id) else _digest(message)
        return await self._post(message, Told(f"healer-{named}", self.name), trace_id)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        if not _KEY.fullmatch(reference.message_id):
            return Permanent(why="not a key that this channel gave", reason=Reason.MESSAGE_GONE)
        return await self._post(message, reference, trace_id)

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""

    async def _post(self, message: Message, reference: Told, trace_id: str) -> Answer:
        config = self._config
        event = _event(message, config.severity) | {
            "routing_key": config.routing_key.reveal(),
            "dedup_key": reference.message_id,
        }
        url = f"{config.api_url.rstrip('/')}/v2/enqueue"
        request = Request(url, config.api_url, "v2/enqueue", msgspec.json.encode(event))
        reply = await exchange(self._session, request, timeout=config.timeout, trace_id=trace_id)
        if not isinstance(reply, Reply):
            return reply
        return hidden(interpret(reply, reference), config.routing_key)


def _digest(message: Message) -> str:
    """A key for what belongs to no incident."""
    return hashlib.blake2b(plain_text(message).encode(errors="replace"), digest_size=16).hexdigest()


def _event(message: Message, severity: str) -> dict[str, Any]:
    shown = fit(message, TEXT_BYTES, utf8_bytes, links=False)
    event: dict[str, Any] = {
        "event_action": "resolve" if message.ended else "trigger",
        "payload": {
            "summary": shown.title[:SUMMARY_CHARACTERS] or "-",
            "source": "healer",
            "severity": severity,
            "custom_details": {"story": plain_text(msgspec.structs.replace(shown, title="")).lstrip("\n")},
        },
        "client": "healer",
    }
    if is_web_link(message.more_url):
        event |= {"client_url": message.more_url, "links": [{"href": message.more_url, "text": "all of it"}]}
    return event


class _Said(msgspec.Struct):
    status: str
    message: str = ""
    errors: list[str] = []


_said = msgspec.json.Decoder(_Said)


def interpret(reply: Reply, reference: Told) -> Answer:
    """What one answer means. A 429 is obeyed by the minute, as PagerDuty asks."""
    try:
        said = _said.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return strange(reply, "PagerDuty")
    why = f"HTTP {reply.status}: {'; '.join([said.message or said.status, *said.errors])}"[:WHY_CHARACTERS]
    if 200 <= reply.status < 300:
        return Ok(reference)
    if reply.status == 429:
        return RateLimited(max(wait(seconds(reply.retry_after)), MINUTE), why=why)
    if reply.status >= 500:
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    if any("routing key" in each.lower() or "routing_key" in each for each in said.errors):
        return Permanent(why=why, reason=Reason.UNAUTHORIZED, disable=True)
    return Permanent(why=why, reason=Reason.BAD_MESSAGE)
