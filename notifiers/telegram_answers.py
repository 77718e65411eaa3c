"""What an answer of the Bot API means: status, Retry-After and body in, one `Answer` out. Pure; used by `telegram`.

The texts are those of the Bot API server (tdlib/telegram-bot-api, Client.cpp); the code decides first, then a part of the
description in lower case. An answer that does not have the Bot API's shape comes from something on the way (a proxy, a
portal) and condemns nothing.
"""

import msgspec

from notifiers.exchange import Reply, seconds, strange, wait
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

_BAD_REQUESTS = (
    ("can't parse entities", Reason.BAD_MARKUP, False),
    ("button_data_invalid", Reason.BAD_BUTTONS, False),
    ("markup is too long", Reason.BAD_BUTTONS, False),
    ("message thread not found", Reason.THREAD_NOT_FOUND, False),
    ("message to edit not found", Reason.MESSAGE_GONE, False),
    ("message can't be edited", Reason.NOT_EDITABLE, False),
    ("chat not found", Reason.CHAT_NOT_FOUND, True),
)
_BAD_MESSAGES = ("message text is empty", "message is too long")
_TARGET_IS_WRONG = {401: Reason.UNAUTHORIZED, 403: Reason.FORBIDDEN, 404: Reason.NOT_FOUND, 421: Reason.UNAUTHORIZED}


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


def interpret(reply: Reply) -> Answer:
    """One HTTP answer to sendMessage or editMessageText.

    `OkNoop` has an empty reference: only the caller knows which message it edited.
    """
    refusal = _read(reply.body)
    if refusal:
        return _refused(refusal, reply.retry_after)
    if 200 <= reply.status < 300:
        return _accepted(reply.body)
    return strange(reply, "the Bot API")


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
        return RateLimited(wait(refusal.parameters.retry_after or seconds(retry_after)), why=why)
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
