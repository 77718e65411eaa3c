"""How a message looks as a card of Feishu or Lark, in JSON 1.0, which every client shows, or in JSON 2.0. Pure.

Used by `feishu_app`, and for the answer to a press. All text is `plain_text`: nothing in a label is markup. Source:
open.feishu.cn, "card JSON 1.0", "card JSON 2.0" and what changed between them.
"""

from typing import Any, Literal

import msgspec

from notifiers.cut import clean, fit, plain_text, utf8_bytes
from notifiers.message import Button, Message, Rows, Tone

CARD_BYTES = 30 * 1000
"""Of a card as JSON."""
TEXT_BYTES = 24_000
"""Of what it says: what is left for the names and brackets around it."""
BUTTON_CHARACTERS = 40
MOST_BUTTONS = 20
Version = Literal[1, 2]
Element = dict[str, Any]
_COLOURS = {
    Tone.NEUTRAL: "grey",
    Tone.BROKEN: "red",
    Tone.WORKING: "blue",
    Tone.GOOD: "green",
    Tone.NEEDS_YOU: "orange",
}


def card(message: Message, version: Version = 1, *, buttons: bool) -> Element:
    """The card, cut until it fits; `buttons`: with those of the message."""
    size = TEXT_BYTES
    while True:
        fitted = fit(message, size, utf8_bytes, links=False)
        made = _made(fitted, message.buttons if buttons else (), version)
        over = len(msgspec.json.encode(made)) - CARD_BYTES
        if over <= 0:
            return made
        size -= over + 100


def _made(message: Message, rows: Rows, version: Version) -> Element:
    body = plain_text(message).partition("\n")[2]
    elements: list[Element] = []
    if body:
        elements.append({"tag": "div", "text": _plain(body)})
    left = MOST_BUTTONS
    for row in rows:
        shown = [_button(one, version, first=(left, at) == (MOST_BUTTONS, 0)) for at, one in enumerate(row[:left])]
        left -= len(shown)
        elements += [_row(shown, version)] if shown else []
    if not elements:
        # A card without any element is refused.
        elements.append({"tag": "hr"})
    header = {"template": _COLOURS[message.tone], "title": _plain(message.title)}
    if version == 1:
        return {"config": {"update_multi": True, "wide_screen_mode": True}, "header": header, "elements": elements}
    return {"schema": "2.0", "config": {"update_multi": True}, "header": header, "body": {"elements": elements}}


def _row(buttons: list[Element], version: Version) -> Element:
    """What stands side by side: 2.0 knows no actions."""
    if version == 1:
        return {"tag": "action", "actions": buttons}
    columns = [{"tag": "column", "width": "auto", "elements": [one]} for one in buttons]
    return {"tag": "column_set", "flex_mode": "flow", "columns": columns}


def _button(one: Button, version: Version, *, first: bool) -> Element:
    text, kind, value = clean(one.text).strip()[:BUTTON_CHARACTERS], "primary" if first else "default", {"d": one.data}
    pressed: Element = {"value": value} if version == 1 else {"behaviors": [{"type": "callback", "value": value}]}
    return {"tag": "button", "type": kind, "text": _plain(text or "?")} | pressed


def _plain(text: str) -> Element:
    return {"tag": "plain_text", "content": text}
