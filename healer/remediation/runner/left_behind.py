"""What of the effects that went to a person without an outcome? They are probed on and on: their targets wait for that."""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from healer.remediation.model import UNDER_WAY, Intent
from healer.remediation.runner.desk import Desk
from healer.remediation.runner.settling import Settling, settled
from healer.times import SECOND, Micros

LEFT_S = (5.0, 300.0)
"""Seconds between probes: the first, and the longest."""


@dataclass
class _Left:
    """When to probe again (monotonic), and how many seconds after that."""

    again_at: Micros = 0
    pause: float = LEFT_S[0]


class LeftBehind:
    """Probes intents whose remediation is not driven any more. `driven` are those that are."""

    def __init__(self, desk: Desk, settling: Settling, driven: Collection[str]) -> None:
        self._desk = desk
        self._settling = settling
        self._driven = driven
        self._left: dict[str, _Left] = {}

    async def settle(self) -> None:
        """Probe those whose time has come."""
        now = self._desk.clock.monotonic()
        unsettled = await self._desk.store.unsettled()
        self._left = {intent.id: self._left.get(intent.id, _Left()) for intent in unsettled}
        for intent in unsettled:
            left = self._left[intent.id]
            if now >= left.again_at:
                await self._probe(intent, left)

    async def _probe(self, intent: Intent, left: _Left) -> None:
        desk = self._desk
        # Asked after the intents were read: one that begins meanwhile is somebody's, and not among them.
        remediation = await desk.store.remediation(intent.remediation)
        if remediation is None or remediation.id in self._driven or remediation.state in UNDER_WAY:
            return
        result = await self._settling.probe(intent)
        if result.outcome == "unknown":
            left.again_at = desk.clock.monotonic() + round(left.pause * SECOND)
            left.pause = min(left.pause * 2, LEFT_S[1])
            return
        known = f"{remediation.detail}. By now it is known: {result.why or result.outcome}"
        await desk.store.settle_intent(
            settled(intent, result),
            msgspec.structs.replace(remediation, detail=known),
            was=remediation.state,
            now=desk.clock.now(),
        )
