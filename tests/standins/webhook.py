"""A receiver by the rules of Standard Webhooks: checks signature and time, and drops what comes twice."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

from aiohttp import web

from tests.standins.provider import Fault, Provider


class Receiver(Provider):
    """Keeps a text per telling; one that replaces another takes its place."""

    def __init__(self, secret: str, *, clock: Callable[[], float], slow: float = 30.0) -> None:
        super().__init__(clock=clock, slow=slow)
        self.secret = secret
        self.status = 200
        self._kept: dict[str, int] = {}
        self._seen: set[str] = set()

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        if self.status != 200:
            return web.Response(status=self.status)
        if fault is Fault.TOO_MANY:
            return web.Response(status=429, headers={"Retry-After": "7"})
        id, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        mac = hmac.new(key, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
        signed = request.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
        if not signed or abs(self.clock() - int(at)) > 300:
            return web.Response(status=401)
        if id not in self._seen:
            self._seen.add(id)
            self._keep(id, json.loads(body)["data"])
        return web.Response(text="{}", content_type="application/json")

    def _keep(self, id: str, data: dict[str, str]) -> None:
        replaces = data.get("replaces", "")
        if replaces in self._kept:
            self.texts[self._kept[replaces]] = data["text"]
        else:
            self._kept[id] = len(self.texts)
            self.texts.append(data["text"])
