import json

import pytest

from notifiers.clock import SECOND
from notifiers.exchange import DEFAULT_RETRY_AFTER, MOST_RETRY_AFTER, Reply
from notifiers.message import Ambiguous, Answer, Migrated, Ok, OkNoop, Permanent, RateLimited, Reason, Told, Transient
from notifiers.telegram_answers import interpret


def refusal(code: int, description: str, **parameters: int) -> Answer:
    answer: dict[str, object] = {"ok": False, "error_code": code, "description": description}
    if parameters:
        answer["parameters"] = parameters
    return interpret(Reply(code, "", json.dumps(answer).encode()))


@pytest.mark.parametrize(
    ("code", "description", "reason", "disable"),
    [
        (400, "Bad Request: chat not found", Reason.CHAT_NOT_FOUND, True),
        (400, "Bad Request: private chat not found", Reason.CHAT_NOT_FOUND, True),
        (400, "Bad Request: message thread not found", Reason.THREAD_NOT_FOUND, False),
        (400, "Bad Request: message text is empty", Reason.BAD_MESSAGE, False),
        (400, "Bad Request: message is too long", Reason.BAD_MESSAGE, False),
        (400, "Bad Request: reply markup is too long", Reason.BAD_BUTTONS, False),
        (400, "Bad Request: BUTTON_DATA_INVALID", Reason.BAD_BUTTONS, False),
        (400, "Bad Request: can't parse entities: Unsupported start tag", Reason.BAD_MARKUP, False),
        (400, "Bad Request: message to edit not found", Reason.MESSAGE_GONE, False),
        (400, "Bad Request: message can't be edited", Reason.NOT_EDITABLE, False),
        (400, "Bad Request: something new", Reason.REJECTED, False),
        (401, "Unauthorized", Reason.UNAUTHORIZED, True),
        (403, "Forbidden: bot was blocked by the user", Reason.FORBIDDEN, True),
        (403, "Forbidden: user is deactivated", Reason.FORBIDDEN, True),
        (403, "Forbidden: bot was kicked from the supergroup chat", Reason.FORBIDDEN, True),
        (403, "Forbidden: the group chat was deleted", Reason.FORBIDDEN, True),
        (404, "Not Found", Reason.NOT_FOUND, True),
        (409, "Conflict: terminated by other getUpdates request", Reason.REJECTED, False),
        (421, "Misdirected Request: unallowed token specified", Reason.UNAUTHORIZED, True),
    ],
)
def test_refusals_that_stay(code: int, description: str, reason: Reason, disable: bool) -> None:
    """Each refusal that no retry cures has its reason, and says whether the target itself is wrong."""
    answer = refusal(code, description)
    assert isinstance(answer, Permanent)
    assert (answer.reason, answer.disable) == (reason, disable)


def test_equal_edit_changes_nothing() -> None:
    """An edit to the same text is done, not failed."""
    answer = refusal(
        400, "Bad Request: message is not modified: specified new message content and reply markup are ..."
    )
    assert isinstance(answer, OkNoop)


def test_new_id_of_an_upgraded_group() -> None:
    """A group that became a supergroup gives its new id, which needs more than 32 bits."""
    answer = refusal(
        400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1001234567890123
    )
    assert isinstance(answer, Migrated)
    assert answer.chat_id == "-1001234567890123"


@pytest.mark.parametrize(
    ("parameter", "header", "wait"),
    [
        (14, "", 14 * SECOND),
        (14, "99", 14 * SECOND),
        (0, "9", 9 * SECOND),
        (0, "", DEFAULT_RETRY_AFTER),
        (0, "-5", DEFAULT_RETRY_AFTER),
        (-3, "", DEFAULT_RETRY_AFTER),
        (0, "Wed, 21 Oct 2026 07:28:00 GMT", DEFAULT_RETRY_AFTER),
        (0, "9" * 5000, DEFAULT_RETRY_AFTER),
        (10**12, "", MOST_RETRY_AFTER),
    ],
)
def test_wait_that_telegram_asks_for(parameter: int, header: str, wait: int) -> None:
    """`retry_after` counts first, then the header; nonsense neither shortens the wait to nothing nor makes it endless."""
    answer = {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests",
        "parameters": {"retry_after": parameter},
    }
    read = interpret(Reply(429, header, json.dumps(answer).encode()))
    assert isinstance(read, RateLimited)
    assert read.retry_after == wait


def test_throttled_by_something_on_the_way() -> None:
    """A 429 page of a proxy is a throttle too."""
    assert interpret(Reply(429, "30", b"<html>slow down</html>")) == RateLimited(
        30 * SECOND, why="HTTP 429 without an answer of the Bot API"
    )


def test_accepted_message_has_its_reference() -> None:
    """The id and the chat of what was sent are what an edit will need."""
    body = (
        b'{"ok":true,"result":{"message_id":10,"date":1,"chat":{"id":-1001234567890,"type":"supergroup"},"text":"x"}}'
    )
    assert interpret(Reply(200, "", body)) == Ok(Told(message_id="10", chat="-1001234567890"))


@pytest.mark.parametrize(
    "body", [b"", b"all good", b'{"ok":true,"resu', b'{"ok":true}', b'{"ok":true,"result":true}', b"\xff\xfe", b"[]"]
)
def test_unreadable_success_is_ambiguous(body: bytes) -> None:
    """A 2xx that cannot be read may have been delivered: nobody may say it was, or that it was not."""
    assert isinstance(interpret(Reply(200, "", body)), Ambiguous)


@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 407, 408, 451])
def test_page_of_something_on_the_way_condemns_nothing(status: int) -> None:
    """A proxy's or portal's page is not Telegram's word: it is temporary, whatever the status."""
    assert isinstance(interpret(Reply(status, "", b"<html>blocked by policy</html>")), Transient)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_server_errors_are_temporary(status: int) -> None:
    """5xx is worth another try, with the Bot API's words or with a proxy's page."""
    assert isinstance(interpret(Reply(status, "", b"<html>")), Transient)
    assert isinstance(refusal(status, "Internal Server Error"), Transient)


@pytest.mark.parametrize("status", [504, 524])
def test_gateway_that_gave_up_is_ambiguous(status: int) -> None:
    """A gateway that stopped waiting had passed the message on."""
    assert isinstance(interpret(Reply(status, "", b"<html>")), Ambiguous)


def test_refusal_inside_a_200_is_a_refusal() -> None:
    """The code in the body counts, also where a proxy made a 200 of it."""
    answer = interpret(
        Reply(200, "", b'{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}')
    )
    assert isinstance(answer, Permanent)


def test_why_is_short() -> None:
    """However much the server says, an operator gets a line."""
    answer = refusal(400, "x" * 10_000)
    assert isinstance(answer, Permanent)
    assert len(answer.why) <= 200
