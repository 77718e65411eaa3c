"""How a message looks as a text of WeCom, or as a template card: with buttons while there are any, without at the end. Pure.

Used by `wecom_app`. Source: developer.work.weixin.qq.com, documents 90236 and 94945. All of a card's text is data, never
markup; in a text `<a href>` makes a link.
"""

import re
from typing import Any

import msgspec

from notifiers.cut import clean, fit, is_web_link, plain_text, utf8_bytes
from notifiers.message import Button, Message, Tone, line

TEXT_BYTES = 2048
"""Of a text, and of what a card says: WeCom cuts what is longer."""
MOST_BUTTONS = 6
BUTTON_CHARACTERS = 40
KEY_BYTES = 1024
_COLOURS = {Tone.NEUTRAL: 0, Tone.WORKING: 1, Tone.BROKEN: 2, Tone.NEEDS_YOU: 2, Tone.GOOD: 3}
"""0 is grey, 1 black, 2 red, 3 green."""
_LINK = re.compile(r"<(?=/?a\b)", re.IGNORECASE)
_FIRST, _OTHER = 1, 2
"""Styles of buttons: blue, and grey."""


def text(message: Message) -> str:
    """The whole story as plain text, in which nothing is a link but what looks like one."""
    lines = tuple(
        tuple(msgspec.structs.replace(span, text=_inert(span.text)) for span in each) for each in message.lines
    )
    inert = msgspec.structs.replace(message, title=_inert(message.title), lines=lines)
    return plain_text(fit(inert, TEXT_BYTES, utf8_bytes, links=False))


def _inert(text: str) -> str:
    return _LINK.sub("‹", text)


def buttons_of(message: Message) -> list[dict[str, Any]]:
    """The first six that a card can hold."""
    found = [_button(one) for row in message.buttons for one in row if 0 < len(one.data.encode()) <= KEY_BYTES]
    return [one | {"style": _OTHER if number else _FIRST} for number, one in enumerate(found[:MOST_BUTTONS])]


def card(message: Message) -> dict[str, Any] | None:
    """The card without its task, None where the message fits none: a card has buttons, or else an address to go to."""
    fitted = fit(message, TEXT_BYTES, utf8_bytes, links=False)
    body = plain_text(fitted).partition("\n")[2]
    shown: dict[str, Any] = {
        "source": {"desc": "healer", "desc_color": _COLOURS[message.tone]},
        "main_title": {"title": fitted.title},
        "sub_title_text": body,
    }
    if is_web_link(message.more_url):
        shown["card_action"] = {"type": 1, "url": message.more_url}
    if buttons := buttons_of(message):
        return shown | {"card_type": "button_interaction", "button_list": buttons}
    return shown | {"card_type": "text_notice"} if "card_action" in shown else None


def with_word(message: Message, word: str) -> Message:
    """The message with what whoever pressed is answered as its first line: WeCom has no other place for that."""
    return msgspec.structs.replace(message, lines=(line(word), (), *message.lines)) if word else message


def _button(one: Button) -> dict[str, Any]:
    return {"text": clean(one.text).strip()[:BUTTON_CHARACTERS] or "?", "key": one.data}
