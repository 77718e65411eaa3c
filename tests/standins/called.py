"""Somebody who acts when called, by the rules of Standard Webhooks: checks signature and time, and does nothing twice.

The path says how a call ends: `/succeed`, `/fail` (500), `/babble` (5000 bytes); `answers` says it for others.
A GET says whether anything was done yet.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.standins.provider import Fault, Provider


class Called(Provider):
    """`effects` are the intents that had one, one for each time; `told` is what was said with them."""

    def __init__(self, secret: str, *, slow: float = 30.0) -> None:
        super().__init__(slow=slow)
        self.secret = secret
        self.effects: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.answers: dict[str, Callable[[], web.Response]] = {}
        self._seen: set[str] = set()

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        if request.method == "GET":
            return web.Response(status=200 if self.effects else 503)
        id, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
        signed = request.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
        if not signed or "." in id or abs(self.clock() - int(at)) > 300:
            return web.Response(status=401, text="who are you?")
        if request.path in self.answers:
            return self.answers[request.path]()
        if id not in self._seen:
            self._seen.add(id)
            self.told.append(json.loads(body))
            self.effects.append(self.told[-1]["data"]["intent"])
        if request.path == "/fail":
            return web.Response(status=500, text="broken")
        return web.Response(text="x" * 5000 if request.path == "/babble" else "fine\n")
