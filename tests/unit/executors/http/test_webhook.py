"""What is said to a webhook, how it is signed, what its answer means, and what people may set."""

import json
from typing import Any

import pytest

from healer.documents.fields import Secret
from healer.executors.http import answers, webhook
from healer.executors.http.exchange import Reply
from healer.executors.http.settings import HttpSettings, Webhook, signing_key
from healer.executors.target import Order, Result
from healer.times import SECOND

KEY = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
HOOK = Webhook(url=Secret("https://a.example/hook?key=k3y"), secret=KEY, bearer=Secret("b3arer"), data={"weight": 0})
ORDER = Order("9f.0.1", 2, 7, "region/eu-1", "", ("call_webhook", 'webhook="shift"'), 30, "abc")
NOW = 1_614_265_330 * SECOND


def answered(status: int, body: bytes = b"", *, cut: bool = False) -> Result:
    return answers.result(Reply(status, {}, body, cut), webhook.secrets(HOOK))


def test_reference_signature() -> None:
    """The signature is the one of Standard Webhooks' own example."""
    made = webhook.signature("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}', signing_key(KEY))
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_said() -> None:
    """A call says which node it is about, by which intent and token, and what the settings give; its id has no dot in it."""
    request = webhook.request("shift", HOOK, ORDER, NOW)
    said = json.loads(request.body)
    assert (said["type"], said["timestamp"]) == ("healer.call", "2021-02-25T15:02:10.000Z")
    assert said["data"] == {
        "webhook": "shift",
        "node": "region/eu-1",
        "intent": "9f.0.1",
        "token": 7,
        "step": 2,
        "deadline_s": 30,
        "trace_id": "abc",
        "given": {"weight": 0},
    }
    assert (request.headers["webhook-id"], request.headers["webhook-timestamp"]) == ("9f_0_1", "1614265330")
    assert request.headers["webhook-signature"] == webhook.signature(
        "9f_0_1", "1614265330", request.body, signing_key(KEY)
    )
    assert request.headers["Authorization"] == "Bearer b3arer"
    assert request.host == "a.example"


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_done(status: int) -> None:
    """Every 2xx says that it was done."""
    assert answered(status, b"fine") == Result("succeeded", exit_code=0, output="fine")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_refused(status: int) -> None:
    """A receiver that refuses has done nothing, and waiting changes nothing."""
    result = answered(status, b"no\nsuch pool")
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert result.why == f"it answered HTTP {status}: no such pool"


@pytest.mark.parametrize("status", [409, 423, 425, 429])
def test_refused_for_now(status: int) -> None:
    """A receiver that is busy, locked or knows somebody newer has done nothing, and may be asked again."""
    result = answered(status)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, False)


@pytest.mark.parametrize("status", [500, 501, 505])
def test_failed(status: int) -> None:
    """A receiver that failed may have done half of it: that is a failure which is not repeated."""
    result = answered(status, b"broken")
    assert (result.outcome, result.started, result.exit_code) == ("failed", True, status)


@pytest.mark.parametrize("status", [502, 503, 504, 524])
def test_gateway(status: int) -> None:
    """What a gateway says tells nothing of what the receiver does meanwhile."""
    assert answered(status).outcome == "unknown"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect(status: int) -> None:
    """A redirect is a failure that says what to set; some answer one after having done what was asked."""
    result = answered(status)
    assert (result.outcome, result.started) == ("failed", True)
    assert "redirects are not followed" in result.why


def test_secrets_are_hidden() -> None:
    """A receiver that repeats what it was sent gives no secret away, be it in its words or its output."""
    said = f"{HOOK.url.reveal()} {KEY.reveal()} {'b3arer'}".encode()
    for status in (200, 400, 500):
        result = answered(status, said)
        assert not any(word in f"{result.why} {result.output}" for word in ("k3y", "MfKQ", "b3arer"))


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"url": Secret("ftp://a.example"), "secret": KEY}, "url"),
        ({"url": Secret("a.example/hook"), "secret": KEY}, "url"),
        ({"url": HOOK.url, "secret": Secret("whsec_c2hvcnQ=")}, "secret"),
        ({"url": HOOK.url, "secret": Secret("whsec_#")}, "secret"),
    ],
)
def test_wrong_webhook(given: dict[str, Any], key: str) -> None:
    """A webhook that could not be called, or not be signed, is a mistake in the settings that names its key."""
    with pytest.raises(ValueError, match="expected") as wrong:
        Webhook(**given)
    assert wrong.value.args[1] == key


def test_wrong_settings() -> None:
    """So is a network that is none, and a name that no rule could give."""
    wrongs: list[dict[str, Any]] = [{"allow": ("10.0.0.1/8",)}, {"webhooks": {"a b": HOOK}}]
    for given in wrongs:
        with pytest.raises(ValueError, match="expected") as wrong:
            HttpSettings(**given)
        assert wrong.value.args[1] in given
