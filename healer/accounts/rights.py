"""May this account do that? What is not plainly allowed is refused, with what would be needed. Pure.

Called by `healer.web` for every request; `covers` says whether a node has what matchers ask for.
"""

from collections.abc import Callable, Collection, Sequence

from healer.accounts.model import RIGHTS, Account, Deed, Right
from healer.accounts.settings import Grant, Role

Covers = Callable[[Sequence[str], str], bool]
"""Whether the node of this name has all that these matchers ask for. A node that nobody knows has nothing."""


def holds(account: Account, right: Right) -> bool:
    """Whether the account has the right anywhere at all; where exactly is for `refuse` to say."""
    return any(right in RIGHTS[role] for role in (account.role, *(grant.role for grant in account.grants)))


def refuse(account: Account, right: Right, deeds: Sequence[Deed], covers: Covers) -> str:
    """Why not, in a sentence, or "". Each deed has to be covered by the role or by one grant."""
    if right in RIGHTS[account.role]:
        return ""
    grants = [grant for grant in account.grants if right in RIGHTS[grant.role]]
    if not grants:
        return f"{called(account)} is {_a(account.role)}: this takes {needed(right)}"
    if not deeds:
        return f"{called(account)} may {right} on a part alone, and this is about no node"
    for deed in deeds:
        if not any(_grants(grant, deed, covers) for grant in grants):
            what = f"{deed.action} on {deed.node}" if deed.action else deed.node
            return f"{called(account)} has no right to {right} for {what}"
    return ""


def refuse_asked(account: Account, who: str, teams: Collection[str]) -> str:
    """Why this account is not among those whom a plan asks (`who`), or "". `teams` are all teams and names that there are.

    Where no account has a team, a name in a rule is a name in a message: everybody who may operate may answer.
    """
    if account.known == "person" and who in (account.name, *account.teams):
        return ""
    if who not in teams and (account.role == "admin" or not teams):
        return ""
    known = "" if who in teams else f", and no account belongs to {who} (server.auth.users)"
    return f"{who} is asked, and {called(account)} is not one of them{known}"


def called(account: Account) -> str:
    """The account in a sentence."""
    if account.known == "shared":
        return "whoever holds a shared token"
    return account.name or "somebody"


def needed(right: Right) -> str:
    """The least role that has a right."""
    role: Role = next(role for role, rights in RIGHTS.items() if right in rights)
    return _a(role)


def _a(role: Role) -> str:
    return f"{'an' if role[0] in 'ao' else 'a'} {role}"


def _grants(grant: Grant, deed: Deed, covers: Covers) -> bool:
    if grant.actions is not None and deed.action not in grant.actions:
        return False
    return not grant.nodes or (bool(deed.node) and covers(grant.nodes, deed.node))
