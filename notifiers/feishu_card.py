"""How a message looks as a card of Feishu or Lark, of version 1.0, which every client shows. Pure.

Used by `feishu_app`, and for the answer to a press. All text is `plain_text`: nothing in a label is markup. Source:
open.feishu.cn, "card JSON 1.0".
"""

from typing import Any

import msgspec

from notifiers.cut import clean, fit, plain_text, utf8_bytes
from notifiers.message import Message, Rows, Tone

CARD_BYTES = 30 * 1000
"""Of a card as JSON."""
TEXT_BYTES = 24_000
"""Of what it says: what is left for the names and brackets around it."""
BUTTON_CHARACTERS = 40
MOST_BUTTONS = 20
_COLOURS = {
    Tone.NEUTRAL: "grey",
    Tone.BROKEN: "red",
    Tone.WORKING: "blue",
    Tone.GOOD: "green",
    Tone.NEEDS_YOU: "orange",
}


def card(message: Message, *, buttons: bool) -> dict[str, Any]:
    """The card, cut until it fits; `buttons`: with those of the message."""
    size = TEXT_BYTES
    while True:
        made = _made(fit(message, size, utf8_bytes, links=False), message.buttons if buttons else ())
        over = len(msgspec.json.encode(made)) - CARD_BYTES
        if over <= 0:
            return made
        size -= over + 100


def _made(message: Message, rows: Rows) -> dict[str, Any]:
    body = plain_text(message).partition("\n")[2]
    elements: list[dict[str, Any]] = []
    if body:
        elements.append({"tag": "div", "text": {"tag": "plain_text", "content": body}})
    elements += _actions(rows)
    if not elements:
        # A card without any element is refused.
        elements.append({"tag": "hr"})
    return {
        "config": {"update_multi": True, "wide_screen_mode": True},
        "header": {"template": _COLOURS[message.tone], "title": {"tag": "plain_text", "content": message.title}},
        "elements": elements,
    }


def _actions(rows: Rows) -> list[dict[str, Any]]:
    left, found = MOST_BUTTONS, list[dict[str, Any]]()
    for row in rows:
        shown = [_button(one.text, one.data, first=not found and not number) for number, one in enumerate(row[:left])]
        left -= len(shown)
        if shown:
            found.append({"tag": "action", "actions": shown})
    return found


def _button(text: str, data: str, *, first: bool) -> dict[str, Any]:
    shown = clean(text).strip()[:BUTTON_CHARACTERS] or "?"
    return {
        "tag": "button",
        "type": "primary" if first else "default",
        "text": {"tag": "plain_text", "content": shown},
        "value": {"d": data},
    }
