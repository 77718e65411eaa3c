"""A service that Apprise reaches by `json://`: it keeps what is posted to it."""

import json

from aiohttp import web

from tests.standins.provider import Fault, Provider


class JsonService(Provider):
    """Anybody may post who knows the path."""

    def do(self, request: web.Request, body: bytes, fault: Fault) -> web.Response:
        if fault is Fault.TOO_MANY:
            return web.Response(status=429, text="slower")
        said = json.loads(body)
        self.texts.append("\n".join(filter(None, (said["title"], said["message"]))))
        return web.json_response({})
