"""Stand-ins for the robots of WeCom and Feishu groups: their limits, signatures and error codes, all inside an HTTP 200.

Sources: developer.work.weixin.qq.com documents 99110 and 90455; open.feishu.cn "custom bot usage guide".
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.standins.provider import PNG, Fault, Provider


class Sliding:
    """At most `most` within `within` seconds, over a window that slides."""

    def __init__(self, most: int, within: float) -> None:
        self._most = most
        self._within = within
        self._taken: list[float] = []

    def take(self, now: float) -> bool:
        self._taken = [at for at in self._taken if at > now - self._within]
        if len(self._taken) >= self._most:
            return False
        self._taken.append(now)
        return True


class WecomStandin(Provider):
    """One robot with one key."""

    def __init__(self, key: str, *, clock: Callable[[], float], slow: float = 30.0) -> None:
        super().__init__(clock=clock, slow=slow)
        self.key = key
        self.pictures: list[bytes] = []
        self._minute = Sliding(20, 60)

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        code, said = self._judge(request, body, fault)
        hint = f", hint: [1700000000], from ip: 192.0.2.1, more info at https://open.work.weixin.qq.com/devtool/query?e={code}"
        return web.json_response({"errcode": code, "errmsg": said if code == 0 else said + hint})

    def _judge(self, request: web.Request, body: bytes, fault: Fault) -> tuple[int, str]:
        if request.method != "POST" or request.path != "/cgi-bin/webhook/send":
            return 40008, "invalid message type"
        if request.query.get("key") != self.key:
            return 93000, "invalid webhook url"
        if fault is Fault.TOO_MANY or self.overrun(not self._minute.take(self.clock())):
            return 45009, "api freq out of limit"
        if b"\\u" in body:
            return 40033, "illegal request characters"
        message: dict[str, Any] = json.loads(body.decode("utf-8"))
        if message.get("msgtype") == "image":
            return self._see(message["image"])
        if message.get("msgtype") not in ("text", "markdown"):
            return 40008, "invalid message type"
        content = message[message["msgtype"]].get("content", "")
        if not content:
            return 44004, "empty content"
        if len(content.encode()) > {"text": 2048, "markdown": 4096}[message["msgtype"]]:
            return 45002, "content size out of limit"
        self.texts.append(content)
        return 0, "ok"

    def _see(self, image: dict[str, str]) -> tuple[int, str]:
        """A JPG or PNG of at most 2 MB, with its MD5."""
        picture = base64.b64decode(image["base64"], validate=True)
        if len(picture) > 2 * 1024 * 1024 or not picture.startswith((PNG, b"\xff\xd8")):
            return 40009, "invalid image size"
        if hashlib.md5(picture, usedforsecurity=False).hexdigest() != image["md5"]:
            return 301019, "media file md5 not match"
        self.pictures.append(picture)
        return 0, "ok"


class FeishuStandin(Provider):
    """One custom bot. With a `secret` it asks for signatures, with a `keyword` for that word."""

    def __init__(
        self, hook: str, *, secret: str = "", keyword: str = "", clock: Callable[[], float], slow: float = 30.0
    ) -> None:
        super().__init__(clock=clock, slow=slow)
        self.hook = hook
        self.secret = secret
        self.keyword = keyword
        self._second = Sliding(5, 1)
        self._minute = Sliding(100, 60)

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        code, said = self._judge(request, body, fault)
        legacy = {"StatusCode": 0, "StatusMessage": "success"} if code == 0 else {}
        return web.json_response({"code": code, "msg": said, "data": {}, "Extra": None} | legacy)

    def _judge(self, request: web.Request, body: bytes, fault: Fault) -> tuple[int, str]:
        if request.method != "POST" or request.path != f"/open-apis/bot/v2/hook/{self.hook}":
            return 19001, "param invalid: incoming webhook access token invalid"
        if len(body) > 20 * 1024:
            return 9499, "Bad Request"
        now = self.clock()
        if fault is Fault.TOO_MANY or self.overrun(not (self._second.take(now) and self._minute.take(now))):
            return 11232, "frequency limited psm[lark.oapi.app_platform_runtime]"
        message: dict[str, Any] = json.loads(body.decode("utf-8"))
        if self.secret and not self._is_signed(message):
            return 19021, "sign match fail or timestamp is not within one hour from current time"
        if message.get("msg_type") != "post":
            return 19002, "params error, msg_type need"
        text = self._read(message["content"]["post"]["zh_cn"])
        if self.keyword and self.keyword not in text:
            return 19024, "Key Words Not Found"
        self.texts.append(text)
        return 0, "success"

    def _is_signed(self, message: dict[str, Any]) -> bool:
        at = str(message.get("timestamp", ""))
        if not at.isdecimal() or abs(self.clock() - int(at)) > 3600:
            return False
        key = f"{at}\n{self.secret}".encode()
        return message.get("sign") == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()

    @staticmethod
    def _read(post: dict[str, Any]) -> str:
        """What people see; a tag that the bot does not know is refused by the real one as well."""
        rows = [post["title"]]
        for line in post["content"]:
            assert line, "a line without any element is refused"
            for piece in line:
                assert set(piece) == {"text": {"tag", "text"}, "a": {"tag", "text", "href"}}[piece["tag"]], piece
            rows.append("".join(piece["text"] for piece in line))
        return "\n".join(rows)


class DingtalkStandin(Provider):
    """One robot that asks for signatures. Who sends more than 20 messages in a minute is blocked for ten.

    Source: open.dingtalk.com, "custom robot access".
    """

    def __init__(self, token: str, secret: str, *, clock: Callable[[], float], slow: float = 30.0) -> None:
        super().__init__(clock=clock, slow=slow)
        self.token = token
        self.secret = secret
        self._minute = Sliding(20, 60)
        self._blocked_until = 0.0

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        code, said = self._judge(request, body, fault)
        return web.json_response({"errcode": code, "errmsg": said})

    def _judge(self, request: web.Request, body: bytes, fault: Fault) -> tuple[int, str]:
        if request.method != "POST" or request.path != "/robot/send" or request.query.get("access_token") != self.token:
            return 300001, "token is not exist"
        now = self.clock()
        if self.overrun(now < self._blocked_until or not self._minute.take(now)):
            self._blocked_until = max(self._blocked_until, now + 600)
        if fault is Fault.TOO_MANY or now < self._blocked_until:
            return 130101, "send too fast, exceed 20 times per minute"
        at = request.query.get("timestamp", "0")
        mac = hmac.new(self.secret.encode(), f"{at}\n{self.secret}".encode(), hashlib.sha256).digest()
        if abs(now - int(at) / 1000) > 3600 or request.query.get("sign") != base64.b64encode(mac).decode():
            return 310000, "sign not match"
        message: dict[str, Any] = json.loads(body.decode("utf-8"))
        content = message["text"]["content"]
        if message["msgtype"] != "text" or not content or len(body) > 20_000:
            return 40035, "invalid parameter"
        self.texts.append(content)
        return 0, "ok"
