"""Pushes and deployments of three hosts become one shape, and nothing that anybody sends does harm."""

import contextlib
import json
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.changes import gitee, github, gitlab
from healer.changes.model import Change, Commit, Ignored, Refused, Source
from healer.changes.untrusted import LINK, MESSAGE, NAME, first_line, link, moment, one_line
from healer.times import HOUR, MINUTE, SECOND
from tests.unit.changes import deliveries
from tests.unit.changes.deliveries import (
    GITEE_PUSH,
    GITHUB_PUSH,
    GITHUB_STATUS,
    GITLAB_DEPLOYMENT,
    GITLAB_PUSH,
    NOW,
    SHA,
    refusal,
    take,
)

NEWEST_FIRST = (Commit("c2", "second", "Ada"), Commit("c1", "first", "ada@example.com"))


def changed(source: Source, delivery: tuple[dict[str, str], bytes]) -> Change:
    found = take(source, *delivery)
    assert isinstance(found, Change)
    return found


class TestShape:
    def test_a_push_to_github(self) -> None:
        found = changed("github", deliveries.github("push", GITHUB_PUSH))
        assert msgspec.structs.replace(found, keys=()) == Change(
            source="github",
            delivery_id="d-1",
            repo="acme/shop",
            kind="push",
            env="",
            ref="refs/heads/main",
            sha=SHA,
            state="pushed",
            actor="ada",
            commits=NEWEST_FIRST,
            at=NOW,
            url="https://github.example/acme/shop/compare/a...b",
        )

    def test_a_state_of_a_deployment_at_github(self) -> None:
        found = changed("github", deliveries.github("deployment_status", GITHUB_STATUS))
        assert (found.kind, found.env, found.state, found.actor) == ("deploy", "prod", "succeeded", "deployer")
        assert (found.at, found.url, found.deployment) == (NOW - 200 * SECOND, "https://ci.example/1", "77")

    def test_a_deployment_at_github_has_not_begun(self) -> None:
        told = {name: each for name, each in GITHUB_STATUS.items() if name != "deployment_status"}
        found = changed("github", deliveries.github("deployment", told))
        assert (found.state, found.at, found.deployment) == ("pending", NOW - 800 * SECOND, "77")

    def test_a_push_to_gitlab(self) -> None:
        found = changed("gitlab", deliveries.gitlab(GITLAB_PUSH))
        assert (found.repo, found.kind, found.state, found.actor) == ("acme/team/shop", "push", "pushed", "ada")
        assert found.commits == NEWEST_FIRST
        assert found.url == f"https://gitlab.example/acme/team/shop/-/commit/{SHA}"

    def test_a_deployment_at_gitlab(self) -> None:
        """Its time is written in a way of its own, and its hash is whole only in a link."""
        found = changed("gitlab", deliveries.gitlab(GITLAB_DEPLOYMENT))
        assert (found.kind, found.env, found.state, found.sha) == ("deploy", "production", "running", SHA)
        assert (found.at, found.deployment, found.actor) == (NOW - 500 * SECOND, "15", "ada")

    def test_a_push_to_gitee(self) -> None:
        found = changed("gitee", deliveries.gitee(GITEE_PUSH))
        assert (found.repo, found.kind, found.actor, found.sha) == ("acme/shop", "push", "ada", SHA)
        assert found.delivery_id == f"1700000000000:{SHA}:refs/heads/main"

    def test_github_may_send_a_form(self) -> None:
        """The signature covers the form as it was sent."""
        form = urlencode({"payload": json.dumps(GITHUB_PUSH)}).encode()
        headers, body = deliveries.github("push", None, raw=form)
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
        assert changed("github", (headers, body)).repo == "acme/shop"
        headers, body = deliveries.github("push", None, raw=b"other=1")
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        assert refusal("github", headers, body) == "unreadable"


@pytest.mark.parametrize(
    ("source", "delivery"),
    [
        ("github", deliveries.github("workflow_run", {})),
        ("github", deliveries.github("push", GITHUB_PUSH | {"deleted": True})),
        ("github", deliveries.github("push", GITHUB_PUSH | {"after": "0" * 40})),
        (
            "github",
            deliveries.github("deployment_status", GITHUB_STATUS | {"deployment_status": {"state": "inactive"}}),
        ),
        ("gitlab", deliveries.gitlab({"object_kind": "pipeline"})),
        ("gitlab", deliveries.gitlab({"event_name": "user_create"})),
        ("gitlab", deliveries.gitlab(GITLAB_PUSH | {"after": "0" * 40})),
        ("gitlab", deliveries.gitlab(GITLAB_DEPLOYMENT | {"status": "dreaming"})),
        ("gitee", deliveries.gitee({"hook_name": "note_hooks"})),
        ("gitee", deliveries.gitee(GITEE_PUSH | {"deleted": True})),
    ],
)
def test_what_is_no_change_is_ignored(source: Source, delivery: tuple[dict[str, str], bytes]) -> None:
    assert isinstance(take(source, *delivery), Ignored)


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"ref": 1}', b"\xff", b"[" * 100_000, b'{"ref":"a","after":"b"}'])
def test_what_is_not_what_the_host_sends_is_refused(raw: bytes) -> None:
    assert refusal("github", *deliveries.github("push", None, raw=raw or b" ")) == "unreadable"


def test_a_delivery_is_known_again_by_its_id_or_by_its_signature() -> None:
    """GitHub does not sign the id: who recorded a delivery could send it under another one."""
    first = changed("github", deliveries.github("push", GITHUB_PUSH))
    again = changed("github", deliveries.github("push", GITHUB_PUSH, id="d-2"))
    other = changed("github", deliveries.github("push", GITHUB_PUSH | {"ref": "refs/heads/x"}, id="d-3"))
    assert set(first.keys) & set(again.keys)
    assert not set(first.keys) & set(other.keys)


def test_older_gitlab_without_ids_is_known_by_its_body() -> None:
    headers, body = deliveries.gitlab(GITLAB_PUSH)
    del headers["Idempotency-Key"]
    assert changed("gitlab", (headers, body)).keys == changed("gitlab", (headers, body)).keys
    other = deliveries.gitlab(GITLAB_PUSH | {"ref": "refs/heads/x"})[1]
    assert changed("gitlab", (headers, body)).keys != changed("gitlab", (headers, other)).keys


class TestUntrusted:
    @given(st.text(max_size=2_000), st.integers(1, 300))
    def test_a_text_becomes_one_printable_line_within_its_limit(self, text: str, limit: int) -> None:
        found = one_line(text, limit)
        assert len(found) <= limit
        assert found.isprintable() or not found
        assert found.splitlines() in ([], [found])

    def test_marks_that_turn_the_direction_of_writing_are_dropped(self) -> None:
        assert one_line("safe\u202egnp.exe\u2066\u200b\x1b[31m") == "safegnp.exe[31m"

    def test_only_the_first_line_of_a_message_is_kept(self) -> None:
        assert first_line("\n Fix it\r\nbecause") == "Fix it"
        assert len(first_line("x" * 5_000)) == MESSAGE

    @pytest.mark.parametrize(
        "bad",
        [
            "",
            "javascript:alert(1)",
            "ftp://x",
            "https://",
            "https://a b",
            "https://a\nb",
            'https://a"b',
            "https://" + "a" * LINK,
        ],
    )
    def test_what_is_no_link_is_not_shown_as_one(self, bad: str) -> None:
        assert link(bad) == ""

    @pytest.mark.parametrize(
        ("written", "at"),
        [
            ("2023-11-14T22:13:20Z", NOW),
            ("2023-11-15 06:13:20 +0800", NOW),
            ("2023-11-14 22:13:20 UTC", NOW),
            ("2023-11-14T21:13:20Z", NOW - HOUR),
            ("2023-11-14T22:14:21Z", NOW),
            ("2023-11-14T22:14:20Z", NOW + MINUTE),
            ("yesterday", NOW),
            ("2023-99-99 22:13:20 UTC", NOW),
            (None, NOW),
            ("0001-01-01T00:00:00Z", NOW),
        ],
    )
    def test_a_moment_is_read_in_both_spellings_and_never_far_ahead(self, written: str | None, at: int) -> None:
        assert moment(written, NOW) == at


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def bent(told: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """A true body in which some fields, at its top and one below, hold anything."""

    def bend(inside: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries(
            {},
            optional={
                name: st.just(value) | _json | (bend(value) if isinstance(value, dict) else st.nothing())
                for name, value in inside.items()
            },
        )

    return bend(told).map(lambda body: json.dumps(told | body).encode())


BODIES = st.one_of(
    st.binary(max_size=200),
    _json.map(lambda value: json.dumps(value).encode()),
    *(bent(one) for one in (GITHUB_PUSH, GITHUB_STATUS, GITLAB_PUSH, GITLAB_DEPLOYMENT, GITEE_PUSH)),
)


@given(
    body=BODIES,
    event=st.sampled_from(("push", "deployment", "deployment_status", "x")) | st.text(max_size=20),
    id=st.text(max_size=30),
)
@pytest.mark.parametrize("decode", [github.decode, gitlab.decode, gitee.decode])
def test_nothing_but_a_refusal_is_raised_whatever_is_sent(decode: Any, body: bytes, event: str, id: str) -> None:
    """And every text of what is taken is one printable line of bounded length."""
    headers = {"X-GitHub-Event": event, "X-GitHub-Delivery": id, "Idempotency-Key": id, "X-Gitee-Timestamp": id}
    found: Change | Ignored | None = None
    with contextlib.suppress(Refused):
        found = decode(headers, body, NOW)
    if isinstance(found, Change):
        texts = [found.repo, found.env, found.ref, found.sha, found.actor, found.url]
        texts += [text for one in found.commits for text in (one.id, one.message, one.author)]
        assert found.repo
        assert all(len(text) <= LINK and text.isprintable() for text in texts)
        assert max(len(text) for text in texts if text != found.url) <= NAME
        assert found.at <= NOW + MINUTE


@given(
    st.sampled_from(("github", "gitlab", "gitee")),
    st.dictionaries(
        st.sampled_from(
            (
                *("X-Hub-Signature-256", "X-Gitlab-Token", "X-Gitee-Token", "X-Gitee-Timestamp"),
                *("webhook-id", "webhook-timestamp", "webhook-signature", "Content-Type"),
            )
        ),
        st.text(max_size=40) | st.text(st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF), max_size=3),
    ),
    st.binary(max_size=100),
    st.booleans(),
)
def test_strangers_get_nothing_but_a_refusal(
    source: Source, headers: dict[str, str], body: bytes, signing: bool
) -> None:
    settings = deliveries.SETTINGS
    if signing:
        newer = msgspec.structs.replace(settings.gitlab, signing=settings.gitlab.secrets)
        settings = msgspec.structs.replace(settings, gitlab=newer)
    assert refusal(source, headers, body, settings) in ("signature", "stale")
