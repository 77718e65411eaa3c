"""Who is this request from, and may it come in? Asked by `healer.web.guard` before anything of the body is read.

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

from healer.accounts.model import Account
from healer.web.problems import Problem
from healer.web.settings import Auth, is_loopback

ALWAYS_OPEN = frozenset({"/-/healthy", "/-/ready"})
OPEN = Account("", "admin", "open")
"""Everybody, where no credentials are asked for."""
STRANGER = Account("", "sender", "open")
"""Whoever comes by a path that asks for no credentials."""


class Access:
    """The credentials of one healer, kept as digests."""

    def __init__(self, auth: Auth, *, open_metrics: bool = True, signed: Collection[str] = ()) -> None:
        """`signed` are paths where something else than credentials says who is there."""
        self.use(auth)
        self._open = ALWAYS_OPEN.union(signed, {"/metrics"} if open_metrics else ())

    def use(self, auth: Auth) -> None:
        """From now on these credentials are the good ones."""
        shared = Account("", auth.shared, "shared")
        people = {
            name: Account(name, user.role, "person", user.grants, user.teams) for name, user in auth.users.items()
        }
        tokens = [(people[name], token) for name, user in auth.users.items() for token in user.tokens]
        self._tokens = [(bytes.fromhex(token.removeprefix("sha256:")), account) for account, token in tokens]
        self._bearer = [*self._tokens, *((_digest(token.reveal().encode()), shared) for token in auth.bearer)]
        self._basic = [
            (_digest(f"{name}:{word.reveal()}".encode()), Account(name, auth.shared, "person"))
            for name, word in auth.basic.items()
        ]
        self._in_chat = {one: people[name] for name, user in auth.users.items() for one in user.chat}
        self._required = bool(auth)
        self.accounts: tuple[Account, ...] = (*people.values(), *(account for _, account in self._basic))

    def check(self, request: web.Request) -> Account:
        """Whose request this is. Raises Problem: 401 without good credentials, 403 for another site's page in a browser."""
        headers = request.headers
        if hdrs.ORIGIN in headers and request.method not in ("GET", "HEAD"):
            self._same_site(headers[hdrs.ORIGIN], headers.get(hdrs.HOST, ""))
        if not self._required:
            return OPEN
        account = self.account_of(headers.get(hdrs.AUTHORIZATION, ""))
        if account is None:
            if request.path in self._open:
                return STRANGER
            raise Problem(401, "credentials are missing or wrong: send Authorization with a Bearer token or Basic")
        return account

    def account_of(self, authorization: str) -> Account | None:
        """Whose Authorization header this is, None for a wrong one."""
        scheme, _, given = authorization.partition(" ")
        given = given.strip()
        match scheme.lower():
            case "bearer":
                return _matching(self._bearer, given.encode(errors="surrogateescape"))
            case "basic":
                try:
                    return self._with_password(base64.b64decode(given, validate=True))
                except (binascii.Error, ValueError):
                    return None
        return None

    def in_chat(self, who: str) -> Account | None:
        """Whose name in a chat this is, None for a stranger: nobody there is known without being named in the settings."""
        return self._in_chat.get(who)

    def asks(self, path: str) -> bool:
        """Whether this path is for accounts alone."""
        return path not in self._open

    def knows(self, authorization: str) -> bool:
        """Is this a good Authorization header?"""
        return self.account_of(authorization) is not None

    def _with_password(self, given: bytes) -> Account | None:
        """A password of `basic`, or a person's token in its place, for programs that know no bearer tokens."""
        name, _, token = given.partition(b":")
        person = _matching(self._tokens, token)
        found = _matching(self._basic, given)
        if person is not None and hmac.compare_digest(person.name.encode(), name):
            return person
        return found

    def _same_site(self, origin: str, host: str) -> None:
        # Browsers name the page that a request comes from; senders of alerts and the command line never do. Where no
        # credentials are asked, the name has to be this machine's own, or a name that somebody rebinds would pass.
        page = urlsplit(origin)
        if page.netloc != host or not (self._required or is_loopback(page.hostname or "")):
            raise Problem(403, f"a page of {origin[:100]} may not do this")


def _matching(known: list[tuple[bytes, Account]], given: bytes) -> Account | None:
    if not given:
        return None
    digest = _digest(given)
    # Not the first that is equal: to stop there would say which one it was.
    found = [account for good, account in known if hmac.compare_digest(digest, good)]
    return found[0] if found else None


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
