"""Whom do rules ask, and is there anybody to answer? Used by `healer check`, so that it is not found out at night. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from healer.accounts.settings import User
from rules import Rule


def unanswered(rules: Iterable[Rule], users: Mapping[str, User]) -> Iterator[str]:
    """A sentence for each name in an `approve:` that too few accounts have. Without teams nobody knows who is meant."""
    if not any(user.teams for user in users.values()):
        return
    for rule in rules:
        for asked in rule.approve:
            members = [name for name, user in users.items() if asked.who in (name, *user.teams) and user.tokens]
            where = f"{rule.path}:{rule.line}: {rule.name!r} asks {asked.who!r}"
            if not members:
                yield f"{where}, and no account with a token belongs to that (server.auth.users): only admins may answer"
            elif len(members) < asked.count:
                yield f"{where} for {asked.count} people, and there are {len(members)}: it cannot be approved"
