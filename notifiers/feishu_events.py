"""What stands in a genuine event of Feishu or Lark: a button that was pressed, or a command that was written. Pure.

Used by `feishu_callback`, which knows whether it is genuine. Source: open.feishu.cn, `card.action.trigger` and
`im.message.receive_v1`.
"""

import re

import msgspec

from notifiers.clock import SECOND
from notifiers.press import Press, Word

MOST = 200
"""Characters of a value that are looked at."""
MOST_TEXT = 1_000
"""... and of what somebody wrote."""

_CALLED = re.compile(r"(?:@_(?:user_\d{1,4}|all)\s*)+", re.ASCII)
"""In a group a bot hears what calls it by name, and there the name stands first."""


class _Operator(msgspec.Struct):
    open_id: str


class _Action(msgspec.Struct):
    value: dict[str, str] = {}


class _Context(msgspec.Struct):
    open_message_id: str
    open_chat_id: str


class _Pressed(msgspec.Struct):
    operator: _Operator
    action: _Action
    context: _Context


class _Sender(msgspec.Struct):
    sender_id: _Operator
    sender_type: str = "user"


class _Message(msgspec.Struct):
    message_id: str
    chat_id: str
    message_type: str
    content: str
    create_time: str = ""


class _Written(msgspec.Struct):
    sender: _Sender
    message: _Message


class _Text(msgspec.Struct):
    text: str


_pressed = msgspec.json.Decoder(_Pressed)
_written = msgspec.json.Decoder(_Written)
_text = msgspec.json.Decoder(_Text)


def pressed(id: str, event: bytes) -> Press | None:
    """The press in a `card.action.trigger`; `data` is what stands under `d` in the button's value. None where there is none."""
    try:
        said = _pressed.decode(event)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Press(
        id=id[:MOST],
        user=said.operator.open_id[:MOST],
        name="",
        chat=said.context.open_chat_id[:MOST],
        public="",
        message_id=said.context.open_message_id[:MOST],
        data=said.action.value.get("d", "")[:MOST],
    )


def written(event: bytes) -> Word | None:
    """The command in an `im.message.receive_v1`; None for whatever else people write, and for what programs do."""
    try:
        said = _written.decode(event)
        if said.message.message_type != "text" or said.sender.sender_type != "user":
            return None
        text = _text.decode(said.message.content).text.strip()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    called = _CALLED.match(text)
    command = text[called.end() :] if called else text
    if not command.startswith("/"):
        return None
    return Word(
        user=said.sender.sender_id.open_id[:MOST],
        name="",
        chat=said.message.chat_id[:MOST],
        public="",
        message_id=said.message.message_id[:MOST],
        at=_seconds(said.message.create_time) * SECOND,
        text=command[:MOST_TEXT],
    )


def _seconds(milliseconds: str) -> int:
    """0 for what is no time: such a word is older than any other."""
    plain = milliseconds.isascii() and milliseconds.isdecimal() and len(milliseconds) <= 15
    return int(milliseconds) // 1000 if plain else 0
