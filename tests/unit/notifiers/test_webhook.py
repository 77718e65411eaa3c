"""A webhook of one's own: its signature by the published vector, and what each status means."""

import pytest

from notifiers.clock import SECOND
from notifiers.exchange import Reply
from notifiers.message import Ambiguous, Answer, Ok, Permanent, RateLimited, Reason, Told, Transient
from notifiers.secret import Secret
from notifiers.webhook import interpret, sign


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example that standardwebhooks.com verifies its own libraries by."""
    secret = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}', secret)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Ok(Told("m1"))),
        (204, Ok(Told("m1"))),
        (400, Permanent("HTTP 400", Reason.REJECTED)),
        (408, Transient("HTTP 408", Reason.SERVER_ERROR)),
        (410, Permanent("HTTP 410: it wants no more of them", Reason.NOT_FOUND, disable=True)),
        (425, Transient("HTTP 425", Reason.SERVER_ERROR)),
        (429, RateLimited(7 * SECOND, why="HTTP 429")),
        (500, Transient("HTTP 500", Reason.SERVER_ERROR)),
        (504, Ambiguous("HTTP 504: a gateway gave up waiting for the answer")),
    ],
)
def test_a_status_says_it_all(status: int, answer: Answer) -> None:
    """Tried again on what passes, never on other refusals; who answers 410 is asked no more."""
    assert interpret(Reply(status, "7", b"whatever"), Told("m1")) == answer
