"""What GitLab tells: pushes, and deployments. A delivery in, a change out. Pure. Called by `receiving`.

Webhooks of projects and groups, and system hooks, say the same in `object_kind`, which is what is read.
"""

import hashlib
import re
from collections.abc import Mapping

import msgspec

from healer.changes.model import Change, Ignored, State
from healer.changes.untrusted import link, moment, one_line
from healer.changes.wire import Person, SentCommit, commits, is_none, needed, read
from healer.times import Micros

STATES: dict[str, State] = {
    "created": "pending",
    "blocked": "pending",
    "running": "running",
    "success": "succeeded",
    "failed": "failed",
    "canceled": "cancelled",
    "skipped": "cancelled",
}
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class _Project(msgspec.Struct, frozen=True):
    path_with_namespace: str | None = None
    web_url: str | None = None


class _Any(msgspec.Struct, frozen=True):
    object_kind: str | None = None
    event_name: str | None = None


class _Push(msgspec.Struct, frozen=True):
    ref: str
    after: str
    project: _Project
    user_username: str | None = None
    user_name: str | None = None
    commits: tuple[SentCommit, ...] | None = None


class _Deployment(msgspec.Struct, frozen=True):
    status: str
    project: _Project
    deployment_id: int
    status_changed_at: str | None = None
    deployable_url: str | None = None
    environment: str | None = None
    ref: str | None = None
    short_sha: str | None = None
    user: Person | None = None
    commit_url: str | None = None


_any = msgspec.json.Decoder(_Any)
_push = msgspec.json.Decoder(_Push)
_deployment = msgspec.json.Decoder(_Deployment)


def decode(headers: Mapping[str, str], body: bytes, now: Micros) -> Change | Ignored:
    """The change in a delivery whose token or signature was good. Raises Refused."""
    told = read(body, _any)
    match kind := told.object_kind or told.event_name:
        case "push" | "tag_push":
            return _pushed(headers, body, now)
        case "deployment":
            return _deployed(headers, body, now)
        case _:
            return Ignored(f"{one_line(kind) or 'an event without object_kind'} is no change")


def _pushed(headers: Mapping[str, str], body: bytes, now: Micros) -> Change | Ignored:
    push = read(body, _push)
    if is_none(push.after):
        return Ignored("a branch or tag was deleted")
    id, keys = _identity(headers, body)
    return Change(
        source="gitlab",
        delivery_id=id,
        repo=needed(push.project.path_with_namespace, "project.path_with_namespace"),
        kind="push",
        env="",
        ref=one_line(push.ref),
        sha=one_line(push.after),
        state="pushed",
        actor=one_line(push.user_username or push.user_name),
        commits=commits(push.commits),
        at=now,
        url=_commit_link(push.project.web_url, push.after),
        keys=keys,
    )


def _deployed(headers: Mapping[str, str], body: bytes, now: Micros) -> Change | Ignored:
    told = read(body, _deployment)
    state = STATES.get(told.status)
    if state is None:
        return Ignored(f"the status {one_line(told.status)!r} is no news of a deployment")
    id, keys = _identity(headers, body)
    # The body has a short hash alone; the link to the commit ends with the whole one.
    whole = (told.commit_url or "").rstrip("/").rpartition("/")[2]
    return Change(
        source="gitlab",
        delivery_id=id,
        repo=needed(told.project.path_with_namespace, "project.path_with_namespace"),
        kind="deploy",
        env=one_line(told.environment),
        ref=one_line(told.ref),
        sha=whole if _SHA.fullmatch(whole) else one_line(told.short_sha),
        state=state,
        actor=(told.user or Person()).known_as,
        commits=(),
        at=moment(told.status_changed_at, now),
        url=link(told.deployable_url) or link(told.commit_url),
        deployment=str(told.deployment_id),
        keys=keys,
    )


def _commit_link(project: str | None, sha: str) -> str:
    return link(f"{(project or '').rstrip('/')}/-/commit/{sha}")


def _identity(headers: Mapping[str, str], body: bytes) -> tuple[str, tuple[str, ...]]:
    """The id that retries share; older versions send none, there the same body is the same delivery."""
    names = ("webhook-id", "Idempotency-Key", "X-Gitlab-Event-UUID")
    id = next((found for name in names if (found := one_line(headers.get(name)))), "")
    id = id or hashlib.sha256(body).hexdigest()
    return id, (f"gitlab {id}",)
