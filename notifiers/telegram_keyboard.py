"""How buttons look in the Bot API's inline keyboard. Used by `telegram` and by `telegram_bot`. Pure."""

from typing import Any

from notifiers.cut import clean
from notifiers.message import Rows

DATA_BYTES = 64
"""Of what comes back with a press."""
TEXT_CHARACTERS = 40
"""Of a button's text: more is cut off on a telephone."""


def markup(rows: Rows) -> dict[str, Any]:
    """The keyboard; without rows the one that takes a message's buttons away. A button whose data is too long is left out, since
    Telegram would refuse the whole message for it."""
    kept = [[_button(one.text, one.data) for one in row if 0 < len(one.data.encode()) <= DATA_BYTES] for row in rows]
    return {"inline_keyboard": [row for row in kept if row]}


def _button(text: str, data: str) -> dict[str, str]:
    shown = clean(text).strip()[:TEXT_CHARACTERS]
    return {"text": shown or "?", "callback_data": data}
