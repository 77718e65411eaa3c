"""Short messages: line 1 and a code, as the variables of a template that the provider approved, for one telephone.

Used by `sms_aliyun`, `sms_tencent` and `sms_twilio`. A message costs money and cannot be taken back or edited; the provider's
own limits per telephone are meant for codes to log in with, so the caps here stay below them.
"""

import re
from typing import Annotated

import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import clean, utf16_units
from notifiers.message import Message
from notifiers.sender import Limits, Rate, Unit

HOUR: Micros = 3600 * SECOND
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_SCHEME = re.compile(r"(?i)\b(https?|ftp)://|\bwww\.")

Cap = Annotated[int, msgspec.Meta(ge=1, le=1000)]


class Telephone(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every SMS channel asks for. A refused value names its key as the second argument of the ValueError."""

    number: str
    """The telephone, as +8613800000000."""
    most_per_hour: Cap = 4
    """Messages to this telephone at most in an hour."""
    most_per_day: Cap = 10
    """... and in a day."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 10 * SECOND
    """How long to wait for an answer: microseconds inside, written 10s."""

    def __post_init__(self) -> None:
        if not _NUMBER.fullmatch(self.number):
            raise ValueError("expected a number such as +8613800000000", "number")


def limits(provider: str, telephone: Telephone, size: int) -> Limits:
    """The caps as rates, of a text of at most `size` characters."""
    key = f"{provider}:{telephone.number}"
    hour = Rate(f"{key}:hour", telephone.most_per_hour, HOUR)
    return Limits(size, Unit.UTF16, (hour, Rate(f"{key}:day", telephone.most_per_day, 24 * HOUR)))


def title_of(message: Message, size: int) -> str:
    """Line 1 as a template's variable: short, and without addresses, which providers refuse."""
    title = _SCHEME.sub("", clean(message.title)).strip()
    while utf16_units(title) > size:
        title = title[:-1]
    return title or "-"
