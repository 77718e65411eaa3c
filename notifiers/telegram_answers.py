"""What an answer of the Bot API means: status, Retry-After and body in, one `Answer` out. Pure; used by `telegram`.

The texts are those of the Bot API server (tdlib/telegram-bot-api, Client.cpp); the code decides first, then a part of the
description in lower case. An answer that does not have the Bot API's shape comes from something on the way (a proxy, a
portal) and condemns nothing.
"""

import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.message import (
    Ambiguous,
    Answer,
    Migrated,
    Ok,
    OkNoop,
    Permanent,
    RateLimited,
    Reason,
    Told,
    Transient,
)

WHY_CHARACTERS = 200
DEFAULT_RETRY_AFTER: Micros = 5 * SECOND
MOST_RETRY_AFTER: Micros = 24 * 3600 * SECOND

_BAD_REQUESTS = (
    ("can't parse entities", Reason.BAD_MARKUP, False),
    ("message thread not found", Reason.THREAD_NOT_FOUND, False),
    ("message to edit not found", Reason.MESSAGE_GONE, False),
    ("message can't be edited", Reason.NOT_EDITABLE, False),
    ("chat not found", Reason.CHAT_NOT_FOUND, True),
)
_BAD_MESSAGES = ("message text is empty", "message is too long", "markup is too long", "button_data_invalid")
_TARGET_IS_WRONG = {401: Reason.UNAUTHORIZED, 403: Reason.FORBIDDEN, 404: Reason.NOT_FOUND, 421: Reason.UNAUTHORIZED}
_GATEWAY_GAVE_UP = (504, 524)


class _Chat(msgspec.Struct):
    id: int


class _Sent(msgspec.Struct):
    message_id: int
    chat: _Chat


class _Parameters(msgspec.Struct):
    retry_after: int = 0
    migrate_to_chat_id: int = 0


class _Refusal(msgspec.Struct):
    error_code: int
    description: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


class _Success(msgspec.Struct):
    ok: bool
    result: _Sent


_success = msgspec.json.Decoder(_Success)
_refusal = msgspec.json.Decoder(_Refusal)


def interpret(status: int, retry_after: str, body: bytes) -> Answer:
    """One HTTP answer to sendMessage or editMessageText. `retry_after` is the header, "" if there was none.

    `OkNoop` has an empty reference: only the caller knows which message it edited.
    """
    refusal = _read(body)
    if refusal:
        return _refused(refusal, retry_after)
    if 200 <= status < 300:
        return _accepted(body)
    if status == 429:
        return RateLimited(_wait(0, retry_after), why="HTTP 429 without a Bot API answer")
    if status in _GATEWAY_GAVE_UP:
        return Ambiguous(why=f"HTTP {status}: a gateway gave up waiting for the answer")
    reason = Reason.SERVER_ERROR if status >= 500 else Reason.STRANGE_ANSWER
    return Transient(why=f"HTTP {status}, not from the Bot API: is something on the way?", reason=reason)


def _read(body: bytes) -> _Refusal | None:
    try:
        return _refusal.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _accepted(body: bytes) -> Answer:
    try:
        success = _success.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        success = None
    if success is None or not success.ok:
        return Ambiguous(why="a 2xx that cannot be read", reason=Reason.STRANGE_ANSWER)
    return Ok(Told(message_id=str(success.result.message_id), chat=str(success.result.chat.id)))


def _refused(refusal: _Refusal, retry_after: str) -> Answer:
    code, text = refusal.error_code, refusal.description.lower()
    why = f"{code} {refusal.description}"[:WHY_CHARACTERS]
    if code == 429:
        return RateLimited(_wait(refusal.parameters.retry_after, retry_after), why=why)
    if code >= 500 or code < 400:
        return Transient(why=why, reason=Reason.SERVER_ERROR)
    if refusal.parameters.migrate_to_chat_id:
        return Migrated(chat_id=str(refusal.parameters.migrate_to_chat_id), why=why)
    if code in _TARGET_IS_WRONG:
        return Permanent(why=why, reason=_TARGET_IS_WRONG[code], disable=True)
    if code == 400 and "message is not modified" in text:
        return OkNoop(Told(message_id=""))
    for part, reason, disable in _BAD_REQUESTS:
        if code == 400 and part in text:
            return Permanent(why=why, reason=reason, disable=disable)
    bad = code == 400 and any(part in text for part in _BAD_MESSAGES)
    return Permanent(why=why, reason=Reason.BAD_MESSAGE if bad else Reason.REJECTED)


def _wait(parameter: int, header: str) -> Micros:
    seconds = parameter or (int(header) if header.isascii() and header.isdecimal() and len(header) < 10 else 0)
    return min(seconds * SECOND, MOST_RETRY_AFTER) if seconds > 0 else DEFAULT_RETRY_AFTER
