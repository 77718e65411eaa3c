"""What every channel offers: one attempt to tell, one attempt to correct what was told, and its limits."""

from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from notifiers.clock import Micros
from notifiers.message import Answer, Message, Told


class Unit(StrEnum):
    """How a channel measures the size of a text."""

    UTF16 = "utf16"
    BYTES = "bytes"
    NONE = "none"


class Rate(msgspec.Struct, frozen=True):
    """At most `most` messages within `within` microseconds, for all who use the same `key` (never a secret).

    `shared`: other recipients use it too, so that one recipient's "slow down" says nothing of it.
    """

    key: str
    most: int
    within: Micros
    shared: bool = False


class Limits(msgspec.Struct, frozen=True):
    """What the provider puts up with: `size` in `unit` for a whole message (0: no limit), and the rates to keep.

    `edits_once`: a message cannot be edited again and again, but once, if that is not too late.
    """

    size: int
    unit: Unit
    rates: tuple[Rate, ...] = ()
    edits_once: bool = False


class Sender(Protocol):
    """One recipient behind one channel.

    `send` and `edit` make one attempt and never raise for what the outside does; only cancellation and mistakes of our
    own get out. `trace_id` is the incident's, 32 hexadecimal digits, or "" for none; it goes out where the channel can
    carry it.
    """

    @property
    def name(self) -> str:
        """The operator's name for it."""
        ...

    @property
    def type(self) -> str: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def can_edit(self) -> bool: ...

    async def send(self, message: Message, *, trace_id: str) -> Answer: ...

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer: ...

    async def close(self) -> None:
        """Let go of what only this sender holds; a session that was handed in stays open."""
        ...


@runtime_checkable
class Illustrated(Protocol):
    """A sender whose recipient may get pictures, if `takes_pictures` says so."""

    @property
    def takes_pictures(self) -> bool: ...

    async def show(self, reference: Told, picture: bytes, *, trace_id: str) -> Answer:
        """Send a PNG that belongs to the message `reference`, without a sound: one attempt. Nothing edits it."""
        ...


class Unavailable(Exception):
    """A channel cannot be made here: what it needs is not installed, or refuses what it was given. Says what comes next."""
