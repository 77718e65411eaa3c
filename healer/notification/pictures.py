"""A picture of the affected part of the topology, below a message that is new. Whoever cannot have one has the words.

Asked by `healer.notification.deliver` after the ledger knows that the message was sent: a picture is no reason to tell twice.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, runtime_checkable

from healer.notification.part import Part
from notifiers.message import Answer, Ok, Told

log = logging.getLogger(__name__)

Aside = Callable[[Callable[[], bytes]], Awaitable[bytes]]
"""Does something on a thread."""


class Draws(Protocol):
    """See `healer.notification.drawing.Pencil`."""

    def draw(self, part: Part) -> bytes: ...


@runtime_checkable
class Illustrated(Protocol):
    """A channel's recipient (see `notifiers.sender.Illustrated`)."""

    @property
    def takes_pictures(self) -> bool: ...

    async def show(self, reference: Told, picture: bytes, *, trace_id: str) -> Answer: ...


class Pictures:
    """Draws and sends. `part` finds what an incident is about, None when there is nothing to be seen."""

    def __init__(self, part: Callable[[str], Part | None], aside: Aside) -> None:
        self._part = part
        self._aside = aside
        self._pencil: Draws | None = None
        self._takers: dict[str, Illustrated] = {}

    def use(self, pencil: Draws | None, takers: Mapping[str, object]) -> None:
        """Draw with this, for those of the channels that take pictures, from now on."""
        self._pencil = pencil
        self._takers = {
            name: taker for name, taker in takers.items() if isinstance(taker, Illustrated) and taker.takes_pictures
        }

    async def follow(self, channel: str, incident: str, reference: Told, trace_id: str) -> None:
        """Send a picture after the message `reference`, where that channel takes any. Never raises for what the outside does."""
        taker, pencil = self._takers.get(channel), self._pencil
        if taker is None or pencil is None:
            return
        try:
            part = self._part(incident)
            if part is None:
                return
            picture = await self._aside(lambda: pencil.draw(part))
            answer = await taker.show(reference, picture, trace_id=trace_id)
        except Exception:  # the words were told: whatever is wrong with a picture, the next incident is waiting
            log.exception("channel %s has no picture of incident %s", channel, incident)
            return
        if not isinstance(answer, Ok):
            log.info("channel %s has no picture of incident %s: %s", channel, incident, answer.reason)
