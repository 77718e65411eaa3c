"""What Gitee tells: pushes. A delivery in, a change out. Pure. Called by `receiving`.

Its signature covers the time alone, so the time and the commit together are what knows a delivery again. The body repeats
the password: it is never logged.
"""

from collections.abc import Mapping

import msgspec

from healer.changes.model import Change, Ignored
from healer.changes.untrusted import link, one_line
from healer.changes.wire import Person, SentCommit, commits, is_none, needed, read
from healer.times import Micros


class _Repository(msgspec.Struct, frozen=True):
    full_name: str | None = None
    path_with_namespace: str | None = None


class _Any(msgspec.Struct, frozen=True):
    hook_name: str | None = None


class _Push(msgspec.Struct, frozen=True):
    ref: str
    after: str
    repository: _Repository | None = None
    project: _Repository | None = None
    deleted: bool | None = None
    compare: str | None = None
    commits: tuple[SentCommit, ...] | None = None
    sender: Person | None = None
    pusher: Person | None = None
    user_name: str | None = None


_any = msgspec.json.Decoder(_Any)
_push = msgspec.json.Decoder(_Push)


def decode(headers: Mapping[str, str], body: bytes, now: Micros) -> Change | Ignored:
    """The change in a delivery whose token was good. Raises Refused."""
    told = read(body, _any)
    if told.hook_name not in ("push_hooks", "tag_push_hooks"):
        return Ignored(f"{one_line(told.hook_name) or 'an event without hook_name'} is no change")
    push = read(body, _push)
    if push.deleted or is_none(push.after):
        return Ignored("a branch or tag was deleted")
    of = push.repository or push.project or _Repository()
    who = push.sender or push.pusher or Person()
    id = f"{one_line(headers.get('X-Gitee-Timestamp'))}:{one_line(push.after)}:{one_line(push.ref)}"
    return Change(
        source="gitee",
        delivery_id=id,
        repo=needed(of.full_name or of.path_with_namespace, "repository.full_name"),
        kind="push",
        env="",
        ref=one_line(push.ref),
        sha=one_line(push.after),
        state="pushed",
        actor=who.known_as or one_line(push.user_name),
        commits=commits(push.commits),
        at=now,
        url=link(push.compare),
        keys=(f"gitee {id}",),
    )
