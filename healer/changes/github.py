"""What GitHub tells: pushes, deployments and how they go on. A delivery in, a change out. Pure. Called by `receiving`."""

from collections.abc import Mapping

import msgspec

from healer.changes.model import Change, Ignored, State
from healer.changes.untrusted import link, moment, one_line
from healer.changes.wire import Person, SentCommit, commits, is_none, needed, read
from healer.times import Micros

STATES: dict[str, State] = {
    "pending": "pending",
    "queued": "pending",
    "waiting": "pending",
    "in_progress": "running",
    "success": "succeeded",
    "failure": "failed",
    "error": "failed",
}
"""What a deployment's state means here. `inactive` is left out: it says that a newer deployment took its place."""


class _Repository(msgspec.Struct, frozen=True):
    full_name: str | None = None
    html_url: str | None = None


class _Push(msgspec.Struct, frozen=True):
    ref: str
    after: str
    repository: _Repository
    deleted: bool | None = None
    compare: str | None = None
    commits: tuple[SentCommit, ...] | None = None
    sender: Person | None = None
    pusher: Person | None = None


class _Deployment(msgspec.Struct, frozen=True):
    id: int
    sha: str
    ref: str | None = None
    environment: str | None = None
    creator: Person | None = None
    created_at: str | None = None


class _Status(msgspec.Struct, frozen=True):
    state: str
    environment: str | None = None
    creator: Person | None = None
    created_at: str | None = None
    updated_at: str | None = None
    target_url: str | None = None
    log_url: str | None = None


class _Deployed(msgspec.Struct, frozen=True):
    deployment: _Deployment
    repository: _Repository
    deployment_status: _Status | None = None


_push = msgspec.json.Decoder(_Push)
_deployed_shape = msgspec.json.Decoder(_Deployed)


def decode(headers: Mapping[str, str], body: bytes, now: Micros) -> Change | Ignored:
    """The change in a delivery whose signature was good. Raises Refused."""
    match event := headers.get("X-GitHub-Event", ""):
        case "push":
            return _pushed(headers, read(body, _push), now)
        case "deployment" | "deployment_status":
            return _deployed(headers, read(body, _deployed_shape), now)
        case "ping":
            return Ignored("the webhook works")
        case _:
            return Ignored(f"{one_line(event) or 'an event without a name'} is no change")


def _pushed(headers: Mapping[str, str], push: _Push, now: Micros) -> Change | Ignored:
    if push.deleted or is_none(push.after):
        return Ignored("a branch or tag was deleted")
    who = push.sender or push.pusher or Person()
    id, keys = _identity(headers)
    return Change(
        source="github",
        delivery_id=id,
        repo=needed(push.repository.full_name, "repository.full_name"),
        kind="push",
        env="",
        ref=one_line(push.ref),
        sha=one_line(push.after),
        state="pushed",
        actor=who.known_as,
        commits=commits(push.commits),
        at=now,
        url=link(push.compare),
        keys=keys,
    )


def _deployed(headers: Mapping[str, str], told: _Deployed, now: Micros) -> Change | Ignored:
    of, status = told.deployment, told.deployment_status
    state = STATES.get(status.state) if status is not None else "pending"
    if state is None:
        return Ignored(f"the state {one_line(status.state if status else '')!r} is no news of a deployment")
    who = (status.creator if status is not None else None) or of.creator or Person()
    at = (status.updated_at or status.created_at) if status is not None else of.created_at
    where = (status.environment if status is not None else None) or of.environment
    id, keys = _identity(headers)
    return Change(
        source="github",
        delivery_id=id,
        repo=needed(told.repository.full_name, "repository.full_name"),
        kind="deploy",
        env=one_line(where),
        ref=one_line(of.ref),
        sha=one_line(of.sha),
        state=state,
        actor=who.known_as,
        commits=(),
        at=moment(at, now),
        url=(link(status.log_url) or link(status.target_url) if status is not None else "")
        or link(told.repository.html_url),
        deployment=str(of.id),
        keys=keys,
    )


def _identity(headers: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The delivery's id, and what knows it again: the id is not signed, so the signature itself counts as well."""
    id = one_line(headers.get("X-GitHub-Delivery"))
    signature = one_line(headers.get("X-Hub-Signature-256"))
    return id or signature, tuple([f"github {key}" for key in (id, signature) if key])
