"""What does a BMC's answer say to people? Redfish's messages, as plain text. Pure."""

import msgspec

from healer.executors.http.exchange import Reply

WORDS = 200
"""Characters of an answer that people are told of a refusal."""


class _Message(msgspec.Struct, frozen=True):
    text: str | None = msgspec.field(name="Message", default=None)


class _Error(msgspec.Struct, frozen=True):
    message: str | None = None
    extended: list[_Message] = msgspec.field(name="@Message.ExtendedInfo", default_factory=list)


class _Answer(msgspec.Struct, frozen=True):
    error: _Error | None = None
    extended: list[_Message] = msgspec.field(name="@Message.ExtendedInfo", default_factory=list)


_answer = msgspec.json.Decoder(_Answer)


def said(body: bytes) -> str:
    """Its messages, one a line; the text itself where it has none, or was cut."""
    try:
        answer = _answer.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")
    error = answer.error or _Error()
    found = [one.text for one in (*answer.extended, *error.extended) if one.text] or [error.message or ""]
    return "".join(f"{text}\n" for text in found if text)


def refusal(host: str, reply: Reply) -> str:
    """Why a request was not accepted, in a sentence."""
    words = " ".join(said(reply.body).split())[:WORDS]
    return f"{host} answered HTTP {reply.status}" + (f": {words}" if words else "")
