"""GET /api/v1/users: who has an account, and which rights; /api/v1/users/me: who asks this. No hash of a token is shown."""

from aiohttp import web

from healer.accounts.model import RIGHTS, Account
from healer.web.acting import SHARED, account_of
from healer.web.auth import Access
from healer.web.query import as_json
from healer.web.shapes import Json


def routes(access: Access) -> list[web.RouteDef]:
    async def listed(_: web.Request) -> web.Response:
        items = [shape(account) for account in access.accounts]
        return as_json({"items": items, "total": len(items), "next": None})

    async def me(request: web.Request) -> web.Response:
        return as_json(shape(account_of(request)))

    return [web.get("/api/v1/users", listed), web.get("/api/v1/users/me", me)]


def shape(account: Account) -> Json:
    """An account; `known` is `person`, `shared` (a token that many may have) or `open` (nobody is asked who they are)."""
    return {
        "name": account.name or (SHARED if account.known == "shared" else None),
        "known": account.known,
        "role": account.role,
        "rights": sorted(RIGHTS[account.role]),
        "teams": list(account.teams),
        "grants": [
            {
                "role": grant.role,
                "actions": None if grant.actions is None else list(grant.actions),
                "nodes": list(grant.nodes),
            }
            for grant in account.grants
        ],
    }
