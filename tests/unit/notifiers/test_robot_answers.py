"""What the answers of WeCom's and Feishu's robots mean, row by row of their error tables."""

import json
from typing import Any

import pytest

from notifiers import dingtalk, feishu, wecom
from notifiers.clock import SECOND
from notifiers.exchange import Reply
from notifiers.message import Ambiguous, Answer, Ok, Permanent, RateLimited, Reason, Told, Transient
from notifiers.robot import Codes, interpret
from notifiers.secret import Secret


def answer(codes: Codes, status: int = 200, **said: Any) -> Answer:
    return interpret(Reply(status, "", json.dumps(said).encode()), codes, Told("1", "ops"))


def test_success_is_in_the_body() -> None:
    """Code 0 is success, in either provider's words."""
    assert answer(wecom.CODES, errcode=0, errmsg="ok") == Ok(Told("1", "ops"))
    assert answer(feishu.CODES, code=0, msg="success", StatusCode=0) == Ok(Told("1", "ops"))


@pytest.mark.parametrize(
    ("codes", "said"),
    [(wecom.CODES, {"errcode": 45009}), (wecom.CODES, {"errcode": 45033}), (feishu.CODES, {"code": 11232})],
)
def test_a_throttle_is_no_sickness(codes: Codes, said: dict[str, int]) -> None:
    """It is busy: a minute's rest, since nobody says how long."""
    throttled = answer(codes, **said)
    assert isinstance(throttled, RateLimited)
    assert throttled.retry_after == 60 * SECOND


@pytest.mark.parametrize("code", [-1, 6000])
def test_a_busy_system_is_temporary(code: int) -> None:
    assert isinstance(answer(wecom.CODES, errcode=code), Transient)


@pytest.mark.parametrize(
    ("codes", "said", "reason"),
    [
        (wecom.CODES, {"errcode": 93000}, Reason.NOT_FOUND),
        (wecom.CODES, {"errcode": 60020}, Reason.FORBIDDEN),
        (feishu.CODES, {"code": 19001}, Reason.NOT_FOUND),
        (feishu.CODES, {"code": 19021}, Reason.UNAUTHORIZED),
        (feishu.CODES, {"code": 19022}, Reason.FORBIDDEN),
    ],
)
def test_a_wrong_target_is_for_good(codes: Codes, said: dict[str, int], reason: Reason) -> None:
    """The address or its protection is wrong: no message of ours will ever pass."""
    refused = answer(codes, **said)
    assert isinstance(refused, Permanent)
    assert (refused.reason, refused.disable) == (reason, True)


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        (wecom.CODES, {"errcode": 40033}),
        (wecom.CODES, {"errcode": 45002}),
        (feishu.CODES, {"code": 9499}),
        (feishu.CODES, {"code": 19024}),
    ],
)
def test_a_bad_message_condemns_only_itself(codes: Codes, said: dict[str, int]) -> None:
    refused = answer(codes, **said)
    assert isinstance(refused, Permanent)
    assert (refused.reason, refused.disable) == (Reason.BAD_MESSAGE, False)


def test_an_unknown_code_is_refused() -> None:
    """What nobody listed is not tried again, and does not condemn the target; a server's error is."""
    assert answer(wecom.CODES, errcode=1) == Permanent(why="1 ", reason=Reason.REJECTED)
    assert isinstance(answer(feishu.CODES, 500, code=1), Transient)


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b"{}", b"\xff", b'{"errcode":"0"}'])
def test_a_200_that_cannot_be_read_is_ambiguous(body: bytes) -> None:
    assert isinstance(interpret(Reply(200, "", body), wecom.CODES, Told("1")), Ambiguous)


def test_feishus_signature() -> None:
    """Timestamp and secret are the key, the message is empty (checked against the documented algorithm)."""
    assert feishu.sign(1_700_000_000, Secret("demo-secret")) == "mYHw2R2SOm8Rw/sne3lQdmz4sOfntKR+1P/8RKKTwmA="


def test_dingtalks_signature() -> None:
    """The secret is the key, and stands in the message again; milliseconds (checked against the documented algorithm)."""
    assert dingtalk.sign(1_700_000_000_000, Secret("demo-secret")) == "mSUvvxbX7ba307ODWOhHpJmbw3QdiJvvLe0lcElsApI="


@pytest.mark.parametrize("key", ["", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a", "a b", "ключ"])
def test_a_key_is_only_the_key(key: str) -> None:
    """The whole address, pasted, is refused where it was written."""
    with pytest.raises(ValueError, match="key looks like"):
        wecom.WecomConfig(key=Secret(key))
    with pytest.raises(ValueError, match="last part"):
        feishu.FeishuConfig(hook=Secret(key))
