"""POST /api/v1/webhooks/{telegram,wecom,feishu}: where providers send the buttons that people pressed, and what they wrote.

They cannot send healer's credentials. Of Telegram's the secret token that healer told it decides, before anything of the body is
read; WeCom and Feishu sign and encrypt what they send. Where no channel has `buttons: webhook` nothing is taken. What is
neither press nor command, or came before, is answered 200 all the same: providers repeat what is not. WeCom registers the address
by a GET.
"""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from healer.times import SECOND
from healer.web.body import Bodies
from healer.web.ports import Bounds, Delivery, Service
from healer.web.problems import Problem

log = logging.getLogger(__name__)

TELEGRAM = "/api/v1/webhooks/telegram"
SIGNED = {name: f"/api/v1/webhooks/{name}" for name in ("wecom", "feishu")}
PATHS = frozenset({TELEGRAM, *SIGNED.values()})
"""No credentials are asked for here."""
HEADER = "X-Telegram-Bot-Api-Secret-Token"
BODY_BYTES = 256 * 1024
"""Of one press: it comes with the whole message that it is about."""
AT_ONCE = 16
READ_S = 10
"""Seconds for a body to arrive."""


def routes(service: Service) -> list[web.RouteDef]:
    bodies = Bodies(Bounds(body=BODY_BYTES, bodies=AT_ONCE * BODY_BYTES, read=READ_S * SECOND))

    async def pressed(request: web.Request) -> web.Response:
        hook, secret = service.hook, request.headers.get(HEADER, "")
        if hook is None or not hook.admits(secret):
            log.warning("a press was refused", extra={"why": f"the {HEADER} is missing or wrong"})
            raise Problem(403, f"the header {HEADER} is missing, or is not the secret_token of a channel")
        body = await bodies.read(request)
        try:
            understood = await hook.take(secret, body)
        finally:
            bodies.free(len(body))
        if not understood:
            raise Problem(400, "this is no update of the Bot API")
        return web.Response()

    def signed(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def delivered(request: web.Request) -> web.Response:
            callback = service.callbacks.get(name)
            if callback is None or not callback.open:
                raise Problem(403, f"no channel takes presses of {name}")
            body = await bodies.read(request)
            try:
                answered = await callback.take(Delivery(request.query, request.headers, body))
            finally:
                bodies.free(len(body))
            if answered is None:
                raise Problem(403, f"this is not from {name}, or is too old")
            return web.Response(body=answered.body, content_type=answered.kind)

        return delivered

    ways = [web.post(path, signed(name)) for name, path in SIGNED.items()]
    return [web.post(TELEGRAM, pressed), web.get(SIGNED["wecom"], signed("wecom"), allow_head=False), *ways]
