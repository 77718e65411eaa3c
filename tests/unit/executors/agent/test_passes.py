"""Tokens of agents: good for five minutes, for one certificate, and for whoever has the key alone."""

import pytest

from healer.executors.agent.passes import NoPass, Passes
from healer.executors.agent.wire import TOKEN_LIFE
from healer.times import MINUTE

NOW = 1_700_000_000_000_000
PASSES = Passes(b"k" * 32)


def refused(token: str, name: str = "cn-1", fingerprint: str = "aa", now: int = NOW) -> str:
    with pytest.raises(NoPass) as error:
        PASSES.check(token, name, fingerprint, now)
    return error.value.reason


def test_a_token_is_good_until_its_end() -> None:
    """At most five minutes; and at that moment no more."""
    token = PASSES.issue("cn-1", "aa", NOW)
    assert PASSES.check(token, "cn-1", "aa", NOW + TOKEN_LIFE - 1) == NOW + TOKEN_LIFE <= NOW + 5 * MINUTE
    assert refused(token, now=NOW + TOKEN_LIFE) == "expired token"


def test_a_token_belongs_to_one_certificate() -> None:
    token = PASSES.issue("cn-1", "aa", NOW)
    assert refused(token, fingerprint="bb") == refused(token, name="cn-2") == "foreign token"


@pytest.mark.parametrize("token", ["", ".", "x.y", "é.é", "W10.", "W10.W10", "a" * 10_000])
def test_what_is_no_token_opens_nothing(token: str) -> None:
    assert refused(token) == "bad token"


def test_a_token_of_another_key_opens_nothing() -> None:
    assert refused(Passes(b"j" * 32).issue("cn-1", "aa", NOW)) == "bad token"


def test_no_byte_of_a_token_can_be_changed() -> None:
    """Neither of what it says nor of its seal."""
    token = PASSES.issue("cn-1", "aa", NOW)
    for at, letter in enumerate(token[:-1]):
        changed = token[:at] + ("A" if letter != "A" else "B") + token[at + 1 :]
        assert refused(changed) == "bad token"
