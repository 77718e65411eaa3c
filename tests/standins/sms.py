"""Stand-ins for the SMS of Aliyun, Tencent Cloud and Twilio: they check each signature by what arrived, keep count per
telephone, and refuse what the real ones refuse.

Sources: help.aliyun.com document 2593177; cloud.tencent.com documents 382/55981 and 382/38780; twilio.com/docs/api/errors.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from aiohttp import web

from tests.standins.provider import Fault, Provider
from tests.standins.robots import Sliding


class AliyunStandin(Provider):
    """One account. Its template reads `${title} (${code})`."""

    def __init__(self, key_id: str, secret: str, *, clock: Callable[[], float], slow: float = 30.0) -> None:
        super().__init__(clock=clock, slow=slow)
        self.key_id = key_id
        self.secret = secret
        self._nonces: set[str] = set()
        self._day: dict[str, Sliding] = {}

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        status, code, said = self._judge(request, body, fault)
        answer = {"Code": code, "Message": said, "RequestId": "00000000-0000-0000-0000-000000000000"}
        return web.json_response(answer | ({"BizId": "900619746936498440^0"} if code == "OK" else {}), status=status)

    def _judge(self, request: web.Request, body: bytes, fault: Fault) -> tuple[int, str, str]:
        if not self._is_signed(request, body):
            return 400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation."
        if request.headers["x-acs-signature-nonce"] in self._nonces:
            return 400, "SignatureNonceUsed", "Specified signature nonce was used already."
        self._nonces.add(request.headers["x-acs-signature-nonce"])
        number = request.query.get("PhoneNumbers", "")
        if not re.fullmatch(r"1[3-9][0-9]{9}", number):
            return 200, "isv.MOBILE_NUMBER_ILLEGAL", "invalid mobile number"
        variables: dict[str, str] = json.loads(request.query.get("TemplateParam", "{}"))
        if {"title", "code"} - set(variables):
            return 200, "isv.TEMPLATE_MISSING_PARAMETERS", "template variable is missing"
        if any(re.search(r"https?://|www\.", value) for value in variables.values()):
            return 200, "isv.PARAM_NOT_SUPPORT_URL", "variables do not support urls"
        if any(len(value) > 35 for value in variables.values()):
            return 200, "isv.PARAM_LENGTH_LIMIT", "parameter out of length limit"
        day = self._day.setdefault(number, Sliding(50, 86_400))
        if fault is Fault.TOO_MANY or self.overrun(not day.take(self.clock())):
            return 200, "isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50"
        self.texts.append(f"{variables['title']} ({variables['code']})")
        return 200, "OK", "OK"

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        headers = {name.lower(): value for name, value in request.headers.items()}
        found = re.fullmatch(
            r"ACS3-HMAC-SHA256 Credential=(.*?),SignedHeaders=(.*?),Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if found is None or found[1] != self.key_id:
            return False
        sent = datetime.strptime(headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        if abs(sent - self.clock()) > 15 * 60 or headers["x-acs-content-sha256"] != hashlib.sha256(body).hexdigest():
            return False
        path, _, query = request.raw_path.partition("?")
        lines = "".join(f"{name}:{headers[name].strip()}\n" for name in found[2].split(";"))
        canonical = f"{request.method}\n{path}\n{query}\n{lines}\n{found[2]}\n{headers['x-acs-content-sha256']}"
        to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        expected = hmac.new(self.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        keys = [unquote(pair.partition("=")[0]) for pair in query.split("&")]
        return expected == found[3] and keys == sorted(keys)


class TencentStandin(Provider):
    """One account. Its template reads `{1} ({2})`."""

    def __init__(self, secret_id: str, secret: str, *, clock: Callable[[], float], slow: float = 30.0) -> None:
        super().__init__(clock=clock, slow=slow)
        self.secret_id = secret_id
        self.secret = secret
        self._burst: dict[tuple[str, ...], Sliding] = {}

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        if not self._is_signed(request, body):
            error = {
                "Code": "AuthFailure.SignatureFailure",
                "Message": "The provided credentials could not be validated.",
            }
            return web.json_response({"Response": {"Error": error, "RequestId": "1"}})
        message: dict[str, Any] = json.loads(body)
        (number,) = message["PhoneNumberSet"]
        code, said = self._judge(number, message["TemplateParamSet"], fault)
        status = {"SerialNo": "5000:1", "PhoneNumber": number, "Fee": 1, "Code": code, "Message": said, "IsoCode": "CN"}
        return web.json_response({"Response": {"SendStatusSet": [status], "RequestId": "1"}})

    def _judge(self, number: str, variables: list[str], fault: Fault) -> tuple[str, str]:
        if not re.fullmatch(r"\+861[3-9][0-9]{9}", number):
            return "InvalidParameterValue.IncorrectPhoneNumber", "incorrect phone number"
        if len(variables) != 2 or any(re.search(r"https?://", value) for value in variables):
            return "InvalidParameterValue.TemplateParameterFormatError", "template parameter format error"
        same = self._burst.setdefault((number, *variables), Sliding(1, 30))
        if fault is Fault.TOO_MANY or self.overrun(not same.take(self.clock())):
            return "LimitExceeded.PhoneNumberThirtySecondLimit", "the number of SMS messages sent exceeds the limit"
        self.texts.append(f"{variables[0]} ({variables[1]})")
        return "Ok", "send success"

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        at = int(request.headers.get("X-TC-Timestamp", "0"))
        if abs(at - self.clock()) > 300 or request.headers.get("X-TC-Action") != "SendSms":
            return False
        day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
        content = request.headers["Content-Type"]
        lines = f"content-type:{content}\nhost:{request.headers['Host']}\n"
        canonical = f"POST\n/\n\n{lines}\ncontent-type;host\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{day}/sms/tc3_request"
        to_sign = f"TC3-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = f"TC3{self.secret}".encode()
        for part in (day, "sms", "tc3_request", to_sign):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        expected = f"Credential={self.secret_id}/{scope}, SignedHeaders=content-type;host, Signature={key.hex()}"
        return request.headers.get("Authorization") == f"TC3-HMAC-SHA256 {expected}"


class TwilioStandin(Provider):
    """One account, which sends from one number and from one messaging service."""

    def __init__(self, sid: str, secret: str, *, clock: Callable[[], float], slow: float = 30.0) -> None:
        super().__init__(clock=clock, slow=slow)
        self.sid = sid
        self.secret = secret
        self.unsubscribed: set[str] = set()

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        said = base64.b64encode(f"{self.sid}:{self.secret}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {said}":
            return self._refuse(401, 20003, "Authenticate")
        if request.path != f"/2010-04-01/Accounts/{self.sid}/Messages.json":
            return self._refuse(404, 20404, "The requested resource was not found")
        if fault is Fault.TOO_MANY:
            return self._refuse(429, 20429, "Too Many Requests")
        form = {name: values[0] for name, values in parse_qs(body.decode(), strict_parsing=True).items()}
        number, text = form.get("To", ""), form.get("Body", "")
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
            return self._refuse(400, 21211, f"The 'To' number {number} is not a valid phone number.")
        if number in self.unsubscribed:
            return self._refuse(400, 21610, "Attempt to send to unsubscribed recipient")
        if not 0 < len(text) <= 1600:
            return self._refuse(400, 21617, "The concatenated message body exceeds the 1600 character limit")
        if ("From" in form) == ("MessagingServiceSid" in form):
            return self._refuse(400, 21603, "A 'From' phone number is required.")
        if not 1 <= int(form.get("ValidityPeriod", "36000")) <= 36_000:
            return self._refuse(400, 21621, "ValidityPeriod is invalid")
        self.texts.append(text)
        return web.json_response(
            {"sid": f"SM{len(self.texts):032x}", "status": "queued", "error_code": None}, status=201
        )

    def _refuse(self, status: int, code: int, message: str) -> web.Response:
        return web.json_response({"code": code, "message": message, "more_info": "", "status": status}, status=status)
