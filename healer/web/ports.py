"""What the pages and the API read of a store. Implemented by `healer.store` on its read-only connections."""

from typing import Protocol

import msgspec

from healer.alerts.model import Detail
from healer.convergence.outcome import AlertView, Happening, Incident
from healer.times import Micros


class RefusedAlert(msgspec.Struct, frozen=True):
    """An alert that was not taken, and why."""

    at: Micros
    sender: str
    index: int
    reason: str
    detail: str
    labels: str


class Projections(Protocol):
    async def incidents(self, *, status: str = "", before: str = "", limit: int = 100) -> tuple[list[Incident], int]:
        """Newest first, from the one after `before` (an id), and how many there are in all."""
        ...

    async def incident(self, id: str) -> Incident | None: ...

    async def timeline(self, incident: str) -> list[Happening]: ...

    async def closed_alerts(self, incident: str) -> list[AlertView]:
        """The alerts of an incident that ended, as they stood then."""
        ...

    async def detail(self, position: int, index: int) -> Detail | None:
        """Annotations and link of the alert at this place of the journal."""
        ...

    async def refused(self, limit: int = 100) -> list[RefusedAlert]: ...
