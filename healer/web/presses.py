"""POST /api/v1/webhooks/telegram: where Telegram sends the buttons that people pressed, if it cannot be asked for them.

It cannot send healer's credentials, so the secret token that healer told it decides, before anything of the body is read;
where no channel has `buttons: webhook` nothing is taken. What is no press, or came before, is answered 200 all the same: Telegram
repeats what is not.
"""

import logging

from aiohttp import web

from healer.times import SECOND
from healer.web.body import Bodies
from healer.web.ports import Bounds, Service
from healer.web.problems import Problem

log = logging.getLogger(__name__)

TELEGRAM = "/api/v1/webhooks/telegram"
PATHS = frozenset({TELEGRAM})
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

    return [web.post(TELEGRAM, pressed)]
