"""Deliveries as the three hosts send them: bodies, headers, signatures made by their rules."""

import base64
import hashlib
import hmac
import json
from typing import Any

from multidict import CIMultiDict

from healer.changes.model import Change, Ignored, Refused, Source
from healer.changes.receiving import receive
from healer.changes.settings import Changes, GitLab, Hook
from healer.documents.fields import Secret
from healer.times import SECOND, Micros

NOW: Micros = 1_700_000_000 * SECOND
"""2023-11-14T22:13:20Z."""
WORD = "demo-secret"
SHA = "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
SETTINGS = Changes(
    github=Hook(secrets=(Secret(WORD),)), gitlab=GitLab(secrets=(Secret(WORD),)), gitee=Hook(secrets=(Secret(WORD),))
)


def take(
    source: Source, headers: dict[str, str], body: bytes, settings: Changes = SETTINGS, now: Micros = NOW
) -> Change | Ignored:
    """What healer makes of a delivery; headers are found in any case of letters, as aiohttp's are."""
    return receive(source, CIMultiDict(headers), body, settings, now)


def refusal(source: Source, headers: dict[str, str], body: bytes, settings: Changes = SETTINGS) -> str:
    """The reason for which a delivery is refused."""
    try:
        found = take(source, headers, body, settings)
    except Refused as refused:
        return refused.reason
    raise AssertionError(f"was taken: {found}")


def github(
    event: str, told: Any, *, id: str = "d-1", word: str = WORD, raw: bytes = b""
) -> tuple[dict[str, str], bytes]:
    body = raw or json.dumps(told).encode()
    signature = hmac.new(word.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": id,
        "X-Hub-Signature-256": f"sha256={signature}",
        "Content-Type": "application/json",
    }
    return headers, body


def gitlab(told: Any, *, id: str = "d-1", word: str = WORD) -> tuple[dict[str, str], bytes]:
    return {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": word, "Idempotency-Key": id}, json.dumps(told).encode()


def gitlab_signed(told: Any, key: bytes, *, at: Micros = NOW) -> tuple[dict[str, str], bytes]:
    body, stamp = json.dumps(told).encode(), str(at // SECOND)
    signed = base64.b64encode(hmac.new(key, b"d-1." + stamp.encode() + b"." + body, hashlib.sha256).digest()).decode()
    headers = {"webhook-id": "d-1", "webhook-timestamp": stamp, "webhook-signature": f"v1,bm8= v1,{signed}"}
    return headers, body


def gitee(told: Any, *, token: str = WORD, at: Micros = NOW) -> tuple[dict[str, str], bytes]:
    return {"X-Gitee-Token": token, "X-Gitee-Timestamp": str(at // 1000)}, json.dumps(told).encode()


COMMITS = [
    {"id": "c1", "message": "first", "author": {"name": "Ada", "email": "ada@example.com"}},
    {"id": "c2", "message": "second\n\nlong story", "author": {"name": "Ada", "email": None}},
]
GITHUB_PUSH = {
    "ref": "refs/heads/main",
    "before": "0" * 40,
    "after": SHA,
    "deleted": False,
    "compare": "https://github.example/acme/shop/compare/a...b",
    "repository": {"full_name": "acme/shop", "html_url": "https://github.example/acme/shop"},
    "pusher": {"name": "ada", "email": "ada@example.com"},
    "sender": {"login": "ada"},
    "commits": COMMITS,
}
GITHUB_STATUS = {
    "action": "created",
    "deployment": {"id": 77, "sha": SHA, "ref": "main", "environment": "prod", "created_at": "2023-11-14T22:00:00Z"},
    "deployment_status": {
        "state": "success",
        "environment": "prod",
        "creator": {"login": "deployer"},
        "updated_at": "2023-11-14T22:10:00Z",
        "log_url": "https://ci.example/1",
    },
    "repository": {"full_name": "acme/shop"},
}
GITLAB_PUSH = {
    "object_kind": "push",
    "ref": "refs/heads/main",
    "after": SHA,
    "user_username": "ada",
    "project": {"path_with_namespace": "acme/team/shop", "web_url": "https://gitlab.example/acme/team/shop"},
    "commits": COMMITS,
}
GITLAB_DEPLOYMENT = {
    "object_kind": "deployment",
    "status": "running",
    "status_changed_at": "2023-11-15 06:05:00 +0800",
    "deployment_id": 15,
    "deployable_url": "https://gitlab.example/acme/shop/-/jobs/1",
    "environment": "production",
    "project": {"path_with_namespace": "acme/shop"},
    "ref": "main",
    "short_sha": SHA[:8],
    "user": {"name": "Ada", "username": "ada"},
    "commit_url": f"https://gitlab.example/acme/shop/-/commit/{SHA}",
}
GITEE_PUSH = {
    "hook_name": "push_hooks",
    "password": WORD,
    "ref": "refs/heads/main",
    "after": SHA,
    "compare": "https://gitee.example/acme/shop/compare/a...b",
    "commits": COMMITS,
    "repository": {"path_with_namespace": "acme/shop"},
    "sender": {"username": "ada"},
}
