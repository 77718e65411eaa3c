"""SMS by Tencent Cloud (腾讯云短信): SendSms of 2021-01-11, signed by TC3-HMAC-SHA256.

Source: cloud.tencent.com, documents 382/55981 and 382/38780. A whole call can be refused, and each telephone in it; both
arrive with HTTP 200.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.exchange import Reply, Request, exchange, strange
from notifiers.message import Answer, Message, Ok, Permanent, RateLimited, Reason, Told, Transient, hidden
from notifiers.robot import WHY_CHARACTERS, Wall, not_editable
from notifiers.secret import Secret
from notifiers.sms import HOUR, Telephone, limits, title_of

_ALGORITHM = "TC3-HMAC-SHA256"
_CONTENT = "application/json"

_THROTTLED = (
    ("LimitExceeded.PhoneNumberThirtySecondLimit", 30 * SECOND),
    ("LimitExceeded.PhoneNumberOneHourLimit", HOUR),
    ("LimitExceeded.PhoneNumber", 6 * HOUR),
    ("LimitExceeded.DeliveryFrequencyLimit", 60 * SECOND),
    ("LimitExceeded", 6 * HOUR),
    ("RequestLimitExceeded", 5 * SECOND),
)
_BAD_TARGET = ("FailedOperation.PhoneNumberInBlacklist", "InvalidParameterValue.IncorrectPhoneNumber")
_BAD_MESSAGE = ("FailedOperation.ContainSensitiveWord", "InvalidParameterValue.TemplateParameter")


class TencentSmsConfig(Telephone, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account, an application with an approved signature and template, and one telephone."""

    secret_id: str
    secret_key: Secret
    app_id: str
    """SmsSdkAppId."""
    sign_name: str
    """The approved signature."""
    template_id: str
    """The approved template; its variables are line 1 and the incident's code, in this order."""
    variables: Annotated[int, msgspec.Meta(ge=1, le=2)] = 2
    """How many variables the template has: 1 is line 1 alone."""
    most_per_day: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 2
    """Messages to this telephone at most in a day; the provider's own default is as low as this."""
    size: Annotated[int, msgspec.Meta(ge=4, le=70)] = 35
    """Characters in one variable."""
    region: str = "ap-guangzhou"
    api_url: Annotated[str, msgspec.Meta(extra={"written": "url"})] = "https://sms.tencentcloudapi.com"


class TencentSmsSender:
    """`Sender` for one telephone. The session is shared and stays the caller's."""

    type = "sms_tencent"
    can_edit = False

    def __init__(self, name: str, config: TencentSmsConfig, session: aiohttp.ClientSession, wall: Wall) -> None:
        self.name = name
        self.limits = limits("tencent", config, config.size)
        self._config = config
        self._session = session
        self._wall = wall

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        config = self._config
        variables = [title_of(message, config.size), message.code[: config.size] or "-"][: config.variables]
        body = msgspec.json.encode(
            {
                "PhoneNumberSet": [config.number],
                "SmsSdkAppId": config.app_id,
                "TemplateId": config.template_id,
                "SignName": config.sign_name,
                "TemplateParamSet": variables,
                "SessionContext": trace_id[:64],
            }
        )
        now_s = self._wall() // SECOND
        host = urlsplit(config.api_url).netloc
        headers = {
            "Content-Type": _CONTENT,
            "Authorization": authorization(config.secret_id, config.secret_key, host, body, now_s),
            "X-TC-Action": "SendSms",
            "X-TC-Version": "2021-01-11",
            "X-TC-Timestamp": str(now_s),
            "X-TC-Region": config.region,
        }
        request = Request(f"{config.api_url.rstrip('/')}/", config.api_url, "SendSms", body, headers)
        reply = await exchange(self._session, request, timeout=config.timeout, trace_id=trace_id)
        if not isinstance(reply, Reply):
            return reply
        return hidden(interpret(reply, self.name), config.secret_key)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        return not_editable("SMS")

    async def close(self) -> None:
        """The session belongs to whoever handed it in."""


def authorization(secret_id: str, secret_key: Secret, host: str, body: bytes, now_s: Micros) -> str:
    """The header for a body sent at `now_s` seconds since 1970."""
    day = datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d")
    scope = f"{day}/sms/tc3_request"
    names = "content-type;host"
    lines = f"content-type:{_CONTENT}\nhost:{host}\n"
    request = "\n".join(("POST", "/", "", lines, names, hashlib.sha256(body).hexdigest()))
    to_sign = f"{_ALGORITHM}\n{now_s}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"TC3{secret_key.reveal()}".encode()
    for part in (day, "sms", "tc3_request"):
        key = _hmac(key, part)
    return f"{_ALGORITHM} Credential={secret_id}/{scope}, SignedHeaders={names}, Signature={_hmac(key, to_sign).hex()}"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


class _Problem(msgspec.Struct):
    Code: str
    Message: str = ""


class _Status(_Problem):
    SerialNo: str = ""


class _Response(msgspec.Struct):
    Error: _Problem | None = None
    SendStatusSet: list[_Status] = []


class _Said(msgspec.Struct):
    Response: _Response


_said = msgspec.json.Decoder(_Said)


def interpret(reply: Reply, name: str) -> Answer:
    """What one answer to SendSms of Tencent Cloud means, for the channel `name`."""
    try:
        response = _said.decode(reply.body).Response
    except (msgspec.DecodeError, UnicodeDecodeError):
        return strange(reply, "Tencent Cloud")
    statuses = response.SendStatusSet
    problem = response.Error or (statuses[0] if statuses else None)
    if problem is None:
        return strange(reply, "Tencent Cloud")
    if problem.Code == "Ok":
        return Ok(Told((statuses[0].SerialNo if statuses else "") or "accepted", name))
    code, why = problem.Code, f"{problem.Code} {problem.Message}"[:WHY_CHARACTERS]
    for word, wait in _THROTTLED:
        if code.startswith(word):
            return RateLimited(wait, why=why)
    if code.startswith("InternalError"):
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    if code in _BAD_TARGET:
        return Permanent(why=why, reason=Reason.CHAT_NOT_FOUND, disable=True)
    if code.startswith(_BAD_MESSAGE):
        return Permanent(why=why, reason=Reason.BAD_MESSAGE)
    # What is left is the account's: keys, balance, signature, template.
    return Permanent(why=why, reason=Reason.UNAUTHORIZED, disable=True)
