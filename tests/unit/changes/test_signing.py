"""Only who knows the secret is believed, and nobody where there is none."""

import base64

import pytest

from healer.changes.model import Change, Ignored, Refused, Source
from healer.changes.settings import Changes, GitLab, Hook
from healer.changes.signing import check_github
from healer.documents.fields import Secret
from healer.times import HOUR, MINUTE, SECOND
from tests.unit.changes.deliveries import (
    GITEE_PUSH,
    GITHUB_PUSH,
    GITLAB_PUSH,
    NOW,
    SETTINGS,
    WORD,
    gitee,
    github,
    gitlab,
    gitlab_signed,
    refusal,
    take,
)

GITEE_SIGNATURE = "mSUvvxbX7ba307ODWOhHpJmbw3QdiJvvLe0lcElsApI="
"""Of 1700000000000 by demo-secret."""
GOOD = [("github", github("push", GITHUB_PUSH)), ("gitlab", gitlab(GITLAB_PUSH)), ("gitee", gitee(GITEE_PUSH))]


def test_the_published_example_of_github_is_good() -> None:
    """The signature that GitHub's documentation gives for its example is taken."""
    signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"X-Hub-Signature-256": f"sha256={signature}"}
    check_github(headers, b"Hello, World!", (Secret("It's a Secret to Everybody"),))


@pytest.mark.parametrize("token", [WORD, GITEE_SIGNATURE, GITEE_SIGNATURE.replace("=", "%3D").replace("/", "%2F")])
def test_gitee_sends_the_password_or_a_signature_in_either_spelling(token: str) -> None:
    assert isinstance(take("gitee", *gitee(GITEE_PUSH, token=token)), Change)


@pytest.mark.parametrize(("source", "delivery"), GOOD)
def test_without_a_secret_nothing_is_taken(source: Source, delivery: tuple[dict[str, str], bytes]) -> None:
    """No secret, and an empty one, close the door: an empty key would let everybody sign."""
    empty = (Secret(""),)
    closed = Changes(github=Hook(secrets=empty), gitlab=GitLab(secrets=empty), gitee=Hook(secrets=empty))
    assert refusal(source, *delivery, Changes()) == refusal(source, *delivery, closed) == "no secret"


@pytest.mark.parametrize(("source", "delivery"), GOOD)
def test_any_of_several_secrets_is_good(source: Source, delivery: tuple[dict[str, str], bytes]) -> None:
    """A secret can be replaced without a gap."""
    both = (Secret("newer"), Secret(WORD))
    settings = Changes(github=Hook(secrets=both), gitlab=GitLab(secrets=both), gitee=Hook(secrets=both))
    assert isinstance(take(source, *delivery, settings), Change)


@pytest.mark.parametrize(("source", "delivery"), GOOD)
@pytest.mark.parametrize("wrong", ["", "sha256=", "x", "demo-secret ", "é", "\udcff"])
def test_a_wrong_signature_is_refused(source: Source, delivery: tuple[dict[str, str], bytes], wrong: str) -> None:
    headers, body = delivery
    named = {"github": "X-Hub-Signature-256", "gitlab": "X-Gitlab-Token", "gitee": "X-Gitee-Token"}[source]
    assert refusal(source, headers | {named: wrong}, body) == "signature"
    assert refusal(source, {name: each for name, each in headers.items() if name != named}, body) == "signature"


def test_a_changed_body_is_refused_where_the_signature_covers_it() -> None:
    headers, body = github("push", GITHUB_PUSH)
    assert refusal("github", headers, body.replace(b"acme/shop", b"acme/bank")) == "signature"


def test_the_older_sha1_signature_of_github_is_not_looked_at() -> None:
    headers, body = github("push", GITHUB_PUSH)
    old = {"X-Hub-Signature": headers.pop("X-Hub-Signature-256")}
    assert refusal("github", headers | old, body) == "signature"


class TestSigningTokens:
    """Newer versions of GitLab sign."""

    SIGNED = Changes(gitlab=GitLab(secrets=(Secret(WORD),), signing=(Secret("whsec_a2V5"),)))

    @pytest.mark.parametrize("key", [b"whsec_a2V5", base64.b64decode("a2V5")])
    def test_a_token_is_the_text_or_what_it_says_in_base64(self, key: bytes) -> None:
        assert isinstance(take("gitlab", *gitlab_signed(GITLAB_PUSH, key), self.SIGNED), Change)

    def test_a_plain_token_is_no_longer_enough(self) -> None:
        """Who can read one delivery could send others."""
        assert refusal("gitlab", *gitlab(GITLAB_PUSH), self.SIGNED) == "signature"

    def test_the_body_and_the_id_are_covered(self) -> None:
        headers, body = gitlab_signed(GITLAB_PUSH, b"key")
        assert refusal("gitlab", headers, body + b" ", self.SIGNED) == "signature"
        assert refusal("gitlab", headers | {"webhook-id": "d-2"}, body, self.SIGNED) == "signature"

    @pytest.mark.parametrize("off", [6 * MINUTE, -6 * MINUTE])
    def test_what_was_signed_long_ago_or_far_ahead_is_refused(self, off: int) -> None:
        assert refusal("gitlab", *gitlab_signed(GITLAB_PUSH, b"key", at=NOW + off), self.SIGNED) == "stale"


@pytest.mark.parametrize("at", [NOW - HOUR - SECOND, NOW + HOUR + SECOND])
def test_gitee_s_time_is_within_an_hour(at: int) -> None:
    """Its signature covers nothing else: an old one would be good for ever."""
    assert refusal("gitee", *gitee(GITEE_PUSH, at=at)) == "stale"


@pytest.mark.parametrize("stamp", ["", "soon", "1" * 30, "-1", "١٧٠"])
def test_a_signature_of_gitee_s_needs_a_time(stamp: str) -> None:
    headers, body = gitee(GITEE_PUSH)
    assert refusal("gitee", headers | {"X-Gitee-Timestamp": stamp, "X-Gitee-Token": GITEE_SIGNATURE}, body) in (
        "signature",
        "stale",
    )


def test_a_refusal_says_what_to_set_and_no_secret() -> None:
    for settings in (Changes(), SETTINGS):
        with pytest.raises(Refused) as found:
            take("github", {"X-Hub-Signature-256": "sha256=00"}, b"{}", settings)
        assert WORD not in str(found.value)
        assert "changes.github.secrets" in str(found.value) or "X-Hub-Signature-256" in str(found.value)


def test_a_ping_shows_that_the_secret_is_right() -> None:
    """The first thing that GitHub sends is answered as good."""
    assert take("github", *github("ping", {"zen": "x"})) == Ignored("the webhook works")
