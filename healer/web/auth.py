"""May this request come in? Asked by `healer.web.guard` before anything of the body is read.

Credentials are compared by their SHA-256 in constant time; all of them are compared, so that the time says nothing about
which one was nearly right. Without credentials in the settings everybody who reaches the address may come in, and the
settings allow that for loopback alone.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from healer.web.problems import Problem
from healer.web.settings import Auth, is_loopback

ALWAYS_OPEN = frozenset({"/-/healthy", "/-/ready"})


class Access:
    """The credentials of one healer, kept as digests."""

    def __init__(self, auth: Auth, *, open_metrics: bool = True, signed: Collection[str] = ()) -> None:
        """`signed` are paths where something else than credentials says who is there."""
        self.use(auth)
        self._open = ALWAYS_OPEN.union(signed, {"/metrics"} if open_metrics else ())

    def use(self, auth: Auth) -> None:
        """From now on these credentials are the good ones."""
        self._bearer = tuple(_digest(token.reveal().encode()) for token in auth.bearer)
        self._basic = tuple(_digest(f"{user}:{word.reveal()}".encode()) for user, word in auth.basic.items())
        self._required = bool(auth)

    def check(self, request: web.Request) -> None:
        """Raises Problem: 401 without good credentials, 403 for another site's page in somebody's browser."""
        headers = request.headers
        if hdrs.ORIGIN in headers and request.method not in ("GET", "HEAD"):
            self._same_site(headers[hdrs.ORIGIN], headers.get(hdrs.HOST, ""))
        if self._required and request.path not in self._open and not self.knows(headers.get(hdrs.AUTHORIZATION, "")):
            raise Problem(401, "credentials are missing or wrong: send Authorization with a Bearer token or Basic")

    def knows(self, authorization: str) -> bool:
        """Is this a good Authorization header?"""
        scheme, _, given = authorization.partition(" ")
        given = given.strip()
        match scheme.lower():
            case "bearer":
                return _any_equal(self._bearer, given.encode(errors="surrogateescape"))
            case "basic":
                try:
                    return _any_equal(self._basic, base64.b64decode(given, validate=True))
                except (binascii.Error, ValueError):
                    return False
        return False

    def _same_site(self, origin: str, host: str) -> None:
        # Browsers name the page that a request comes from; senders of alerts and the command line never do. Where no
        # credentials are asked, the name has to be this machine's own, or a name that somebody rebinds would pass.
        page = urlsplit(origin)
        if page.netloc != host or not (self._required or is_loopback(page.hostname or "")):
            raise Problem(403, f"a page of {origin[:100]} may not do this")


def user_of(authorization: str) -> str:
    """The user named in a Basic header that was checked before, or ""."""
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given.strip()).decode().partition(":")[0]
    except ValueError:
        return ""


def _any_equal(digests: tuple[bytes, ...], given: bytes) -> bool:
    digest = _digest(given)
    return any([hmac.compare_digest(digest, known) for known in digests])  # noqa: C419 - a generator would stop early


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
