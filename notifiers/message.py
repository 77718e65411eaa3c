"""What is to be told, and what came of one attempt to tell it: values only, the same for every channel.

The caller makes a `Message` and reads an `Answer`; each channel escapes, marks up and cuts the message by its own rules.
Durations are microseconds.
"""

from enum import StrEnum
from typing import Self

import msgspec

from notifiers.clock import Micros
from notifiers.secret import Secret


class Emphasis(StrEnum):
    PLAIN = "plain"
    STRONG = "strong"
    CODE = "code"


class Tone(StrEnum):
    """What a glance should tell, for channels that have colours."""

    NEUTRAL = "neutral"
    BROKEN = "broken"
    WORKING = "working"
    GOOD = "good"
    NEEDS_YOU = "needs_you"


class Span(msgspec.Struct, frozen=True):
    """A piece of one line; a link when it has a `url` (http or https, anything else is shown as text)."""

    text: str
    emphasis: Emphasis = Emphasis.PLAIN
    url: str = ""


Line = tuple[Span, ...]


def line(*pieces: str | Span) -> Line:
    """One line of a message, of plain strings and spans."""
    return tuple(Span(piece) if isinstance(piece, str) else piece for piece in pieces)


class Button(msgspec.Struct, frozen=True):
    """Something to press under a message. `data` comes back with the press: it names what is meant, and opens nothing."""

    text: str
    data: str


Rows = tuple[tuple[Button, ...], ...]


class Message(msgspec.Struct, frozen=True):
    """A story to be told. An empty line parts paragraphs.

    `title` is line 1, short enough for a lock screen. `more_url` is where all of it can be read; it is linked when
    a channel had to cut, by the word `more` ("": in English). `silent` asks for delivery without a sound, where a channel
    knows the difference. `code` is what to ask for it by, where there is room for nothing else. `ended`: nothing more is
    to come unless it begins anew. `buttons` are for channels whose readers' presses are heard; others leave them out. `key`
    is the same whenever this telling is repeated, also by another process: for providers that know what they have already.
    """

    title: str
    lines: tuple[Line, ...] = ()
    more_url: str = ""
    more: str = ""
    tone: Tone = Tone.NEUTRAL
    silent: bool = False
    code: str = ""
    ended: bool = False
    buttons: Rows = ()
    key: str = ""


class Told(msgspec.Struct, frozen=True):
    """Which message of which chat tells the story, so that it can be edited."""

    message_id: str
    chat: str = ""

    def pack(self) -> str:
        """Both in one string, for a ledger's column."""
        return f"{self.chat}/{self.message_id}"

    @classmethod
    def unpack(cls, packed: str) -> Self:
        chat, _, message_id = packed.rpartition("/")
        return cls(message_id=message_id, chat=chat)


class Reason(StrEnum):
    """Why an attempt ended as it did. Closed: these are values of a metric's label."""

    DELIVERED = "delivered"
    UNCHANGED = "unchanged"
    MIGRATED = "migrated"
    RATE_LIMITED = "rate_limited"
    BREAKER_OPEN = "breaker_open"
    CONNECT = "connect"
    SERVER_ERROR = "server_error"
    STRANGE_ANSWER = "strange_answer"
    LOST_ANSWER = "lost_answer"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    CHAT_NOT_FOUND = "chat_not_found"
    THREAD_NOT_FOUND = "thread_not_found"
    NOT_FOUND = "not_found"
    BAD_MARKUP = "bad_markup"
    BAD_BUTTONS = "bad_buttons"
    BAD_MESSAGE = "bad_message"
    MESSAGE_GONE = "message_gone"
    NOT_EDITABLE = "not_editable"
    REJECTED = "rejected"
    CLOSED = "closed"


class Ok(msgspec.Struct, frozen=True, tag=True):
    """Accepted. `without` names what had to be left out for that (markup, the thread)."""

    reference: Told
    without: tuple[Reason, ...] = ()
    reason: Reason = Reason.DELIVERED


class OkNoop(msgspec.Struct, frozen=True, tag=True):
    """It already is as it should be."""

    reference: Told
    reason: Reason = Reason.UNCHANGED


class RateLimited(msgspec.Struct, frozen=True, tag=True):
    """The provider is busy, not sick: not before `retry_after` has passed."""

    retry_after: Micros
    why: str = ""
    reason: Reason = Reason.RATE_LIMITED


class NotTried(msgspec.Struct, frozen=True, tag=True):
    """Nothing was sent: the breaker is open, or our own limit is used up. Ask again after `retry_after`."""

    retry_after: Micros
    reason: Reason
    why: str = ""


class Transient(msgspec.Struct, frozen=True, tag=True):
    """Not delivered, and it may work later. `retry_after` is the least to wait, 0 if nobody said."""

    why: str
    reason: Reason
    retry_after: Micros = 0


class Permanent(msgspec.Struct, frozen=True, tag=True):
    """Refused, and trying again changes nothing. `disable`: the target itself is wrong, not only this message."""

    why: str
    reason: Reason
    disable: bool = False

    @property
    def send_anew(self) -> bool:
        """Only the edit is impossible: a new message would be accepted."""
        return self.reason in (Reason.MESSAGE_GONE, Reason.NOT_EDITABLE)


class Migrated(msgspec.Struct, frozen=True, tag=True):
    """Not delivered: the chat has a new id. The sender uses it from now on; send again, and tell the operator."""

    chat_id: str
    why: str = ""
    reason: Reason = Reason.MIGRATED


class Ambiguous(msgspec.Struct, frozen=True, tag=True):
    """Handed over, but what came of it is not known. A repeated send may come twice; a repeated edit may not."""

    why: str
    reason: Reason = Reason.LOST_ANSWER
    retry_after: Micros = 0


Answer = Ok | OkNoop | RateLimited | NotTried | Transient | Permanent | Migrated | Ambiguous


def hidden(answer: Answer, *secrets: Secret) -> Answer:
    """The answer without these secrets, should whoever answered have repeated one."""
    if isinstance(answer, Ok | OkNoop):
        return answer
    why = answer.why
    for secret in secrets:
        why = secret.hide_in(why)
    return msgspec.structs.replace(answer, why=why)
