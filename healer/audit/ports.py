"""What whoever shows, anchors or verifies the audit log needs of the store. Implemented by `healer.store`."""

from collections.abc import Mapping
from typing import Protocol

from healer.audit.anchor import Anchor
from healer.audit.chain import Entry, Head
from healer.times import Micros


class Log(Protocol):
    """The log, its heads and its anchors."""

    async def entries(self, after: int, limit: int, incident: str = "") -> list[Entry]:
        """At most `limit` entries above number `after`, in order; of one incident when it is named."""
        ...

    async def newest(self, limit: int, incident: str = "") -> list[Entry]:
        """The newest `limit` entries, in order; of one incident when it is named."""
        ...

    async def heads(self) -> list[Head]:
        """The newest entry of each chain."""
        ...

    async def anchors(self) -> list[Anchor]:
        """Every anchor that was made, oldest first."""
        ...

    async def act(self, kind: str, detail: Mapping[str, object], *, now: Micros) -> None:
        """Add an entry about somebody's act that has no transaction of its own. Written before it is carried out."""
        ...

    async def keep_anchor(self, anchor: Anchor) -> None:
        """Keep an anchor; the same again is no news."""
        ...

    async def owed(self, place: str) -> list[tuple[int, Anchor]]:
        """(number, anchor) of what a place did not get yet, oldest first. A new place begins with the newest."""
        ...

    async def paid(self, place: str, number: int) -> None:
        """A place has all anchors up to this number."""
        ...
