"""What the three hosts have in common on the wire, and how a body is read. Pure.

Hosts leave fields out, or send null, wherever they have nothing to say; what must be there is looked at by the decoders.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from healer.changes.model import Commit, Refused
from healer.changes.untrusted import first_line, one_line

MAX_COMMITS = 10
"""Commits of a push that are kept: the newest."""
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

T = TypeVar("T")


class Person(msgspec.Struct, frozen=True):
    """Somebody, by whatever names the host knows."""

    login: str | None = None
    username: str | None = None
    name: str | None = None
    email: str | None = None

    @property
    def known_as(self) -> str:
        return one_line(self.login or self.username or self.name or self.email)


class SentCommit(msgspec.Struct, frozen=True):
    """A commit as all three hosts send it."""

    id: str | None = None
    message: str | None = None
    author: Person | None = None


def read(body: bytes, shape: msgspec.json.Decoder[T]) -> T:
    """The body as this shape. Raises Refused."""
    try:
        return shape.decode(body)
    except _BROKEN as error:
        raise Refused("unreadable", f"the body is not what this host sends: {one_line(str(error))}") from None


def commits(sent: Sequence[SentCommit] | None) -> tuple[Commit, ...]:
    """The newest commits first; hosts send the oldest first."""
    newest = list(sent or ())[: -MAX_COMMITS - 1 : -1]
    return tuple([_commit(one) for one in newest])


def _commit(sent: SentCommit) -> Commit:
    author = sent.author
    return Commit(
        one_line(sent.id), first_line(sent.message), one_line(author.email or author.known_as) if author else ""
    )


def is_none(sha: str | None) -> bool:
    """Whether this is the commit that stands for none: what is left of a branch that was deleted."""
    return not (sha or "").strip("0")


def needed(text: str | None, field: str) -> str:
    """A text without which there is no change. Raises Refused."""
    found = one_line(text)
    if not found:
        raise Refused("unreadable", f"the body has no {field}")
    return found
