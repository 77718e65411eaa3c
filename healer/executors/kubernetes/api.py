"""One request to a Kubernetes API server, and what its answer means. Used by the actions beside it.

Every write says whether it may have been carried out: that decides between "nothing happened" and "probe it". A server that
has too many requests did nothing, and is asked again when it says; what a disruption budget forbids is an answer.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from healer.kubernetes.access import Access, NoAccess
from healer.times import SECOND, Micros

Json = dict[str, Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
OPERATIONS = "application/json-patch+json"
_JSON = "application/json"
ANSWER_BYTES = 32 << 20
"""Of one answer: an object has 1.5 MiB at most, a node 110 pods or so."""


PATIENCE_S = 10.0
"""The longest that a Retry-After is obeyed within one request."""
TRIES = 3
"""How often a busy server is asked."""
_TOO_MANY = 429


class Unsent(Exception):
    """The server cannot be reached, or only reading was tried: nothing happened there."""


class Lost(Exception):
    """The answer is missing: what was asked for may have been done."""


class Denied(Exception):
    """The server said no, and did nothing. `cause` is what a disruption budget says; `retry_s`, above 0, when a server that is
    busy wants to be asked again."""

    def __init__(self, status: int, reason: str, message: str, cause: str = "", retry_s: float = 0.0) -> None:
        super().__init__(f"{message or reason or 'no reason given'}{f' ({cause})' if cause else ''} [{status}]")
        self.status = status
        self.reason = reason
        self.retry_s = retry_s


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""


class _Details(msgspec.Struct):
    causes: list[_Cause] = []


class _Status(msgspec.Struct):
    """A failure as the server writes it; anything else comes from something on the way."""

    reason: str = ""
    message: str = ""
    details: _Details | None = None


_object = msgspec.json.Decoder(dict)
_status = msgspec.json.Decoder(_Status)


class Api:
    """A cluster's server. `timeout` is for one answer."""

    def __init__(self, access: Access, session: aiohttp.ClientSession, timeout: Micros) -> None:
        self._access = access
        self._session = session
        self._timeout = aiohttp.ClientTimeout(total=timeout / SECOND, connect=min(timeout, 5 * SECOND) / SECOND)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """An object or a list. Raises Unsent and Denied."""
        try:
            return await self._ask("GET", path, query or {}, None, "")
        except Lost as error:
            raise Unsent(str(error)) from error

    async def find(self, path: str) -> Json | None:
        """An object, None where there is none."""
        try:
            return await self.get(path)
        except Denied as error:
            if error.status == 404:
                return None
            raise

    async def patch(self, path: str, body: object, kind: str = MERGE, *, dry: bool = False) -> Json:
        """Raises Unsent, Lost and Denied, as all that writes. `dry`: the server says what it would do, and does not."""
        return await self._ask("PATCH", path, _dry(dry), body, kind)

    async def post(self, path: str, body: object, *, dry: bool = False) -> Json:
        return await self._ask("POST", path, _dry(dry), body, _JSON)

    async def delete(self, path: str, options: Json, *, dry: bool = False) -> Json:
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **options, **({"dryRun": ["All"]} if dry else {})}
        return await self._ask("DELETE", path, {}, body, _JSON)

    async def _ask(self, method: str, path: str, query: Mapping[str, str], body: object, kind: str) -> Json:
        for _ in range(TRIES - 1):
            try:
                return await self._once(method, path, query, body, kind)
            except Denied as error:
                if error.status != _TOO_MANY or not error.retry_s:
                    raise
                await asyncio.sleep(min(error.retry_s, PATIENCE_S))
        return await self._once(method, path, query, body, kind)

    async def _once(self, method: str, path: str, query: Mapping[str, str], body: object, kind: str) -> Json:
        try:
            headers = {"Accept": _JSON} | self._access.headers() | ({"Content-Type": kind} if kind else {})
            async with self._session.request(
                method,
                f"{self._access.url}{path}",
                params=dict(query),
                data=msgspec.json.encode(body) if body is not None else None,
                headers=headers,
                ssl=self._access.tls,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                said = await response.content.read(ANSWER_BYTES)
                return _read(response.status, said, path, response.headers.get("Retry-After", ""))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, NoAccess) as error:
            raise Unsent(f"the API server cannot be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Lost(f"no answer of the API server: {str(error) or type(error).__name__}") from error


def _dry(dry: bool) -> dict[str, str]:
    return {"dryRun": "All", "fieldManager": "healer"} if dry else {"fieldManager": "healer"}


def _read(status: int, body: bytes, path: str, retry_after: str) -> Json:
    if status >= 500:
        raise Lost(f"the API server answered {status} to {path}")
    try:
        if status >= 300:
            said = _status.decode(body)
            causes = said.details.causes if said.details is not None else []
            # An eviction that a budget forbids has a cause; whether it is tried again is for who asked for it to say.
            retry_s = float(retry_after) if retry_after.isdecimal() and not causes else 0.0
            cause = "; ".join(one.message for one in causes if one.message)
            raise Denied(status, said.reason, said.message, cause, retry_s)
        found: Json = _object.decode(body)
        return found
    except (msgspec.MsgspecError, UnicodeDecodeError):
        if status >= 300:
            raise Denied(status, "", f"an answer to {path} that is not the API server's") from None
        raise Lost(f"an answer to {path} that cannot be read") from None
