"""SMS by Twilio: one message to one telephone, by the resource Messages of 2010-04-01.

Source: twilio.com/docs/messaging/api and its list of error codes. There is no key that makes a repeated call harmless, so
a message whose answer was lost may come twice. What waits at Twilio longer than `valid_for` is thrown away there.
"""

import base64
from typing import Annotated
from urllib.parse import urlencode

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import clean
from notifiers.exchange import Reply, Request, exchange, seconds, strange, wait
from notifiers.message import Answer, Message, Ok, Permanent, RateLimited, Reason, Told, Transient, hidden
from notifiers.robot import WHY_CHARACTERS, not_editable
from notifiers.secret import Secret
from notifiers.sms import HOUR, Telephone, limits, title_of

_FORM = "application/x-www-form-urlencoded"
_QUEUE_FULL = 21611
_BAD_TARGET = (21211, 21214, 21606, 21608, 21610, 21612, 21614)
_BAD_MESSAGE = (21602, 21605, 21617)
_ACCOUNT = (20003, 20404, 21212, 21603, 21660, 21703)
_BUSY = 20429
_SIZE = 70
"""UTF-16 units: what fits into one short message, whatever the script."""


class TwilioSmsConfig(Telephone, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account, whom messages come from, and one telephone."""

    account_sid: str
    """The account, AC and 32 digits."""
    key_sid: str = ""
    """An API key (SK...) to sign in with; empty: the account itself, and `secret` is its auth token."""
    secret: Secret
    """The API key's secret, or the account's auth token."""
    sender: str
    """A number (+15005550006), an alphanumeric sender, or a messaging service (MG...)."""
    valid_for: Annotated[Micros, msgspec.Meta(ge=SECOND, le=10 * HOUR, extra={"written": "duration"})] = HOUR
    """Old news wakes nobody: what is not delivered by then is dropped. Microseconds inside, written 1h."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://api.twilio.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.account_sid.startswith("AC") and self.account_sid.isalnum()):
            raise ValueError("expected an account such as AC0123456789abcdef0123456789abcdef", "account_sid")
        if not self.api_url.startswith(("http://", "https://")):
            raise ValueError("expected a URL such as https://api.twilio.com", "api_url")


class TwilioSmsSender:
    """`Sender` for one telephone. The session is shared and stays the caller's."""

    type = "sms_twilio"
    can_edit = False

    def __init__(self, name: str, config: TwilioSmsConfig, session: aiohttp.ClientSession) -> None:
        self.name = name
        self.limits = limits("twilio", config, _SIZE)
        self._config = config
        self._session = session

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        config = self._config
        code = f" ({clean(message.code)[:16]})" if message.code else ""
        whom = "MessagingServiceSid" if config.sender.startswith("MG") else "From"
        form = {
            "To": config.number,
            whom: config.sender,
            "Body": title_of(message, _SIZE - len(code)) + code,
            "ValidityPeriod": str(config.valid_for // SECOND),
        }
        url = f"{config.api_url.rstrip('/')}/2010-04-01/Accounts/{config.account_sid}/Messages.json"
        headers = {"Content-Type": _FORM, "Authorization": _basic(config.key_sid or config.account_sid, config.secret)}
        request = Request(url, config.api_url, "Messages", urlencode(form).encode(), headers)
        reply = await exchange(self._session, request, timeout=config.timeout, trace_id=trace_id)
        if not isinstance(reply, Reply):
            return reply
        return hidden(interpret(reply, self.name), config.secret)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        return not_editable("SMS")

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""


def _basic(user: str, secret: Secret) -> str:
    return "Basic " + base64.b64encode(f"{user}:{secret.reveal()}".encode()).decode()


class _Said(msgspec.Struct):
    """What was queued has a `sid`, what was refused a `code`; a message that failed at once has `error_code`."""

    sid: str = ""
    code: int | None = None
    message: str | None = None
    error_code: int | None = None
    error_message: str | None = None


_said = msgspec.json.Decoder(_Said)


def interpret(reply: Reply, name: str) -> Answer:
    """What one answer means, for the channel `name`."""
    try:
        said = _said.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return strange(reply, "Twilio")
    code = said.code or said.error_code
    if code is None:
        return Ok(Told(said.sid, name)) if said.sid and reply.status < 300 else strange(reply, "Twilio")
    why = f"{code} {said.message or said.error_message or ''}"[:WHY_CHARACTERS]
    if code == _QUEUE_FULL:
        return RateLimited(HOUR, why=why)
    if reply.status == 429 or code == _BUSY:
        return RateLimited(wait(seconds(reply.retry_after)), why=why)
    if reply.status >= 500:
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    if code in _BAD_TARGET:
        return Permanent(why=why, reason=Reason.CHAT_NOT_FOUND, disable=True)
    if code in _ACCOUNT or reply.status in (401, 403, 404):
        return Permanent(why=why, reason=Reason.UNAUTHORIZED, disable=True)
    return Permanent(why=why, reason=Reason.BAD_MESSAGE if code in _BAD_MESSAGE else Reason.REJECTED)
