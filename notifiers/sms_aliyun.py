"""SMS by Aliyun (阿里云短信): SendSms of dysmsapi 2017-05-25, signed by ACS3-HMAC-SHA256.

Source: help.aliyun.com, document 2593177 (V3 signatures) and the SDK's own canonicalisation. The parameters travel in the
query, the body is empty, and what is sent has to equal what was signed byte for byte.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.exchange import Reply, Request, exchange, strange
from notifiers.message import Answer, Message, Ok, Permanent, RateLimited, Reason, Told, Transient, hidden
from notifiers.robot import WHY_CHARACTERS, Wall, not_editable
from notifiers.secret import Secret
from notifiers.sms import HOUR, Telephone, limits, title_of

_ALGORITHM = "ACS3-HMAC-SHA256"
_EMPTY = hashlib.sha256(b"").hexdigest()

_WINDOWS = (("分钟级", 60 * SECOND), ("小时级", HOUR), ("天级", 6 * HOUR))
_QUOTA = ("isv.DAY_LIMIT_CONTROL", "isv.MONTH_LIMIT_CONTROL")
_BUSY = ("isp.", "Throttling", "ServiceUnavailable", "InternalError")
_BAD_TARGET = (
    "isv.MOBILE_NUMBER_ILLEGAL",
    "isv.MOBILE_COUNT_OVER_LIMIT",
    "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
    "isv.BLACK_KEY_CONTROL_LIMIT",
)
_BAD_MESSAGE = (
    "isv.TEMPLATE_MISSING_PARAMETERS",
    "isv.INVALID_PARAMETERS",
    "isv.INVALID_JSON_PARAM",
    "isv.PARAM_LENGTH_LIMIT",
    "isv.PARAM_NOT_SUPPORT_URL",
)


class AliyunSmsConfig(Telephone, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account, an approved signature and template, and one telephone."""

    access_key_id: str
    access_key_secret: Secret
    sign_name: str
    """The approved signature, without brackets."""
    template_code: str
    """The approved template, such as SMS_123456789."""
    title_param: str = "title"
    """The template's variable for line 1."""
    code_param: str = "code"
    """The template's variable for the incident's code; empty: it has none."""
    size: Annotated[int, msgspec.Meta(ge=4, le=70)] = 35
    """Characters that the provider takes in one variable."""
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://dysmsapi.aliyuncs.com"


class AliyunSmsSender:
    """`Sender` for one telephone. The session is shared and stays the caller's."""

    type = "sms_aliyun"
    can_edit = False

    def __init__(self, name: str, config: AliyunSmsConfig, session: aiohttp.ClientSession, wall: Wall) -> None:
        self.name = name
        self.limits = limits("aliyun", config, config.size)
        self._config = config
        self._session = session
        self._wall = wall
        self._sent = 0

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        config, now = self._config, self._wall()
        self._sent += 1
        nonce = hashlib.blake2b(f"{self.name} {now} {self._sent}".encode(), digest_size=16).hexdigest()
        variables = {config.title_param: title_of(message, config.size)}
        if config.code_param:
            variables[config.code_param] = message.code[: config.size] or "-"
        query = canonical_query(
            {
                "PhoneNumbers": config.number.removeprefix("+86"),
                "SignName": config.sign_name,
                "TemplateCode": config.template_code,
                "TemplateParam": msgspec.json.encode(variables).decode(),
            }
        )
        host = urlsplit(config.api_url).netloc
        headers = signed_headers(config.access_key_id, config.access_key_secret, host, query, now, nonce)
        url = f"{config.api_url.rstrip('/')}/?{query}"
        request = Request(url, config.api_url, "SendSms", b"", headers)
        reply = await exchange(self._session, request, timeout=config.timeout, trace_id=trace_id)
        if not isinstance(reply, Reply):
            return reply
        return hidden(interpret(reply, self.name), config.access_key_secret)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        return not_editable("SMS")

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Keys sorted, percent-encoded by RFC 3986."""
    return "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in sorted(parameters.items()))


def signed_headers(key_id: str, secret: Secret, host: str, query: str, now: Micros, nonce: str) -> dict[str, str]:
    """The headers of a SendSms without a body, its signature among them."""
    headers = {
        "host": host,
        "x-acs-action": "SendSms",
        "x-acs-content-sha256": _EMPTY,
        "x-acs-date": datetime.fromtimestamp(now // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": "2017-05-25",
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"POST\n/\n{query}\n{lines}\n{names}\n{_EMPTY}"
    to_sign = f"{_ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(secret.reveal().encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    authorization = f"{_ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}"
    return {**headers, "Authorization": authorization}


def _encoded(text: str) -> str:
    return quote(text, safe="~")


class _Said(msgspec.Struct):
    Code: str
    Message: str = ""
    BizId: str = ""


_said = msgspec.json.Decoder(_Said)


def interpret(reply: Reply, name: str) -> Answer:
    """What one answer to SendSms of Aliyun means, for the channel `name`."""
    try:
        said = _said.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return strange(reply, "Aliyun")
    code, why = said.Code, f"{said.Code} {said.Message}"[:WHY_CHARACTERS]
    if code == "OK":
        return Ok(Told(said.BizId or "accepted", name))
    if code == "isv.BUSINESS_LIMIT_CONTROL":
        wait = next((wait for word, wait in _WINDOWS if word in said.Message), HOUR)
        return RateLimited(wait, why=why)
    if code in _QUOTA:
        return RateLimited(6 * HOUR, why=why)
    if code.startswith(_BUSY):
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    if code in _BAD_TARGET:
        return Permanent(why=why, reason=Reason.CHAT_NOT_FOUND, disable=True)
    if code in _BAD_MESSAGE:
        return Permanent(why=why, reason=Reason.BAD_MESSAGE)
    # What is left is the account's: keys, balance, signature, template.
    return Permanent(why=why, reason=Reason.UNAUTHORIZED, disable=True)
