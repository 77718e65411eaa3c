"""Who acts in this request, and may they do it there? Asked by handlers; the account was found by `healer.web.guard`."""

from collections.abc import Sequence

from aiohttp import web

from healer.accounts.model import Account, Deed, Right
from healer.accounts.rights import refuse
from healer.web.ports import Service
from healer.web.problems import Problem

ANONYMOUS = "somebody with access to the API"
SHARED = "a shared token"
_KEY = web.RequestKey("account", Account)


def remember(request: web.Request, account: Account) -> None:
    """The account that a request came with."""
    request[_KEY] = account


def account_of(request: web.Request) -> Account:
    """Whose request this is."""
    return request[_KEY]


def who(request: web.Request, said: str) -> str:
    """The name that is written down for a request. "" where nobody says."""
    return name_of(account_of(request), said)


def name_of(account: Account, said: str) -> str:
    """The name that is written down: one that healer checked wins over what the order says (`said`). "" where nobody says."""
    if account.known == "person":
        return account.name
    if account.known == "shared":
        return f"{said} ({SHARED})" if said else SHARED
    return said


async def note(service: Service, request: web.Request, kind: str, **detail: object) -> None:
    """Put somebody's act into the audit log before it is carried out, where it has no transaction of its own."""
    await note_of(service, account_of(request), kind, **detail)


async def note_of(service: Service, account: Account, kind: str, **detail: object) -> None:
    """The same for an account, whichever way it came."""
    if service.audit is not None:
        await service.audit.act(kind, {"by": name_of(account, "") or ANONYMOUS, **detail}, now=service.clock.now())


def require(service: Service, request: web.Request, right: Right, deeds: Sequence[Deed]) -> Account:
    """The account, if it has the right for all of these. Raises Problem 403."""
    account = account_of(request)
    allow(service, account, right, deeds)
    return account


def allow(service: Service, account: Account, right: Right, deeds: Sequence[Deed]) -> None:
    """Raises Problem 403 unless the account has the right for all of these."""
    if refusal := refuse(account, right, deeds, service.covers):
        raise Problem(403, refusal)
