"""Which right does a request take? One table, which `healer.web.guard` asks before anything of the body is read.

Reading takes `read`. A way to change something that is not in the table takes the most: to forget it here opens nothing.
"""

from aiohttp import web

from healer.accounts.model import RIGHTS, Account, Right
from healer.accounts.rights import called, holds, needed
from healer.web.problems import Problem

_V1 = "/api/v1"
CHANGING: dict[tuple[str, str], Right] = {
    ("POST", f"{_V1}/webhooks/alertmanager"): "send",
    ("POST", "/api/v2/alerts"): "send",
    ("POST", f"{_V1}/plan"): "read",
    **{
        ("POST", f"{_V1}/incidents/{{id}}/{verb}"): "respond"
        for verb in ("ack", "confirm", "blame", "split", "merge", "note", "close")
    },
    ("POST", f"{_V1}/silences"): "respond",
    ("DELETE", f"{_V1}/silences/{{id}}"): "respond",
    ("POST", "/api/v2/silences"): "respond",
    ("DELETE", "/api/v2/silence/{id}"): "respond",
    ("POST", f"{_V1}/notifications/{{incident}}/{{channel}}/resend"): "respond",
    ("POST", f"{_V1}/pause"): "respond",
    ("POST", f"{_V1}/resume"): "operate",
    ("POST", f"{_V1}/drills/{{name}}"): "operate",
    ("POST", f"{_V1}/maintenance"): "operate",
    ("POST", f"{_V1}/maintenance/{{id}}/extend"): "operate",
    ("DELETE", f"{_V1}/maintenance/{{id}}"): "operate",
    ("POST", f"{_V1}/remediations/{{id}}/approve"): "operate",
    ("POST", f"{_V1}/remediations/{{id}}/reject"): "operate",
    ("POST", f"{_V1}/remediations/{{id}}/cancel"): "operate",
    ("POST", f"{_V1}/remediations/{{id}}/run"): "operate",
    ("POST", f"{_V1}/topology/sources/{{name}}/accept"): "operate",
    ("POST", f"{_V1}/agents"): "administer",
    ("DELETE", f"{_V1}/agents/{{name}}"): "administer",
    ("PUT", f"{_V1}/topology"): "administer",
    ("POST", "/-/reload"): "administer",
}
"""By method and path as the router has it."""
SOMEWHERE = frozenset(
    (method, path)
    for method, path in CHANGING
    if path.startswith((f"{_V1}/incidents/", f"{_V1}/remediations/", f"{_V1}/maintenance"))
)
"""What is about a node: here a grant for a part is enough, and the handler asks once more, for that node."""


def right_of(method: str, path: str) -> Right:
    """What a request takes; `path` is the router's, "" where there is none."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return "read"
    return CHANGING.get((method, path), "administer") if path else "read"


def require(account: Account, request: web.Request) -> None:
    """Raises Problem 403 unless the account has the right; for what is about a node, anywhere at all."""
    resource = request.match_info.route.resource
    path = resource.canonical if resource is not None else ""
    right = right_of(request.method, path)
    enough = holds(account, right) if (request.method, path) in SOMEWHERE else right in RIGHTS[account.role]
    if not enough:
        raise Problem(403, f"{called(account)} may not do this: it takes {needed(right)} (server.auth)")
