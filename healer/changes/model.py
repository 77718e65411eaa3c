"""What is a change? One shape for pushes and deployments, whichever host told of it. Values for every room. Pure.

All texts come from outside: `healer.changes.untrusted` made each of them one line of bounded length before it is here.
"""

from typing import Literal, get_args

import msgspec

from healer.times import Micros

Source = Literal["github", "gitlab", "gitee"]
Kind = Literal["push", "deploy"]
State = Literal["pushed", "pending", "running", "succeeded", "failed", "cancelled"]
"""How far it got. A push is done at once; a deployment is told of several times."""
SOURCES: tuple[Source, ...] = get_args(Source)


class Commit(msgspec.Struct, frozen=True, array_like=True):
    """One commit: `message` is its first line, `author` an email address or a name."""

    id: str
    message: str = ""
    author: str = ""


class Change(msgspec.Struct, frozen=True, array_like=True):
    """One delivery. `deployment` is the host's id of the deployment, "" for a push; `at` is when it happened.

    `commits` are the newest first; `keys` are all that tells this delivery from others: whoever knows one of them has had it.
    """

    source: Source
    delivery_id: str
    repo: str
    kind: Kind
    env: str
    ref: str
    sha: str
    state: State
    actor: str
    commits: tuple[Commit, ...]
    at: Micros
    url: str
    deployment: str = ""
    keys: tuple[str, ...] = ()

    @property
    def subject(self) -> tuple[str, str, str]:
        """What it is about: news of one deployment have the same."""
        return (self.source, self.repo, self.deployment or self.delivery_id)


class Touched(msgspec.Struct, frozen=True, array_like=True):
    """A change as healer remembers it: which nodes it touches, since when, and when it was last heard of."""

    change: Change
    nodes: tuple[str, ...]
    since: Micros
    until: Micros


class Ignored(msgspec.Struct, frozen=True):
    """A good delivery that is no change, and why in words."""

    why: str


class Refused(Exception):
    """A delivery that is not taken. `reason` is from a closed set and a metric's label; the message says what to do."""

    def __init__(self, reason: Literal["no secret", "signature", "stale", "unreadable"], message: str) -> None:
        super().__init__(message)
        self.reason = reason
