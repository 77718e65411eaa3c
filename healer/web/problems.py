"""How does the API say no? As `application/problem+json` (RFC 9457), with a JSON pointer for each thing that is wrong."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from aiohttp import web

CONTENT_TYPE = "application/problem+json"
ERRORS_SHOWN = 100
"""Of `errors` in one answer."""


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request: where (a JSON pointer) and in which sentence."""

    pointer: str
    detail: str
    reason: str = ""


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] = []


class Problem(Exception):
    """Raised by handlers; `healer.web.guard` answers it. `retry_after` is in seconds, 0 where trying again does not help."""

    def __init__(self, status: int, detail: str, errors: Sequence[Fault] = (), *, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)
        self.retry_after = retry_after

    def body(self) -> bytes:
        """The problem as JSON."""
        title = HTTPStatus(self.status).phrase
        shown = self.errors[:ERRORS_SHOWN]
        return msgspec.json.encode(_Body("about:blank", title, self.status, self.detail, shown))

    def response(self) -> web.Response:
        headers = {}
        if self.retry_after:
            headers["Retry-After"] = str(self.retry_after)
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer, Basic realm="healer", charset="UTF-8"'
        return web.Response(status=self.status, body=self.body(), content_type=CONTENT_TYPE, headers=headers)
