"""Does anything outlive its deadline? Then healer raises an alert of its own, which ends when nothing does any more.

Whoever drives remediations has deadlines of its own; this looks whether they are kept, from the store alone.
"""

import asyncio
import logging
from collections.abc import Callable

from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Troubled
from healer.remediation.model import Remediation
from healer.remediation.overdue import overdue, unsettled_for_long
from healer.remediation.ports import EffectStore
from healer.seams import Clock
from healer.times import Micros
from rules import RuleSet

log = logging.getLogger(__name__)

CODE = "remediation overdue"
LOOK_S = 30.0
"""Seconds between looks."""
SAID = 5
"""What is late that is named in one record; the log has all of it."""


class Auditor:
    """Looks, and tells. `troubled` says whether people are told already, `ruleset` gives the rules in force."""

    def __init__(
        self,
        store: EffectStore,
        journal: Journal,
        clock: Clock,
        ruleset: Callable[[], RuleSet],
        troubled: Callable[[str], bool],
    ) -> None:
        self._store = store
        self._journal = journal
        self._clock = clock
        self._ruleset = ruleset
        self._troubled = troubled

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("whether anything is overdue cannot be told: %s", error)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> list[str]:
        """What is overdue now, in sentences; people are told when that begins, and when it ends."""
        intents = await self._store.unsettled()
        now = self._clock.now()
        of = {intent.remediation: intent for intent in intents}
        late = [
            overdue(remediation, of.get(remediation.id), self._stable(remediation), now)
            for remediation in await self._store.under_way()
        ]
        late = [why for why in (*late, *(unsettled_for_long(intent, now) for intent in intents)) if why]
        for why in late:
            log.warning("%s", why)
        if bool(late) != self._troubled(CODE):
            await self._journal.append([Arrival(Troubled(CODE, bool(late), "; ".join(late[:SAID])))])
        return late

    def _stable(self, remediation: Remediation) -> Micros:
        rule = self._ruleset().named(remediation.plan.rule)
        return rule.verify.stable if rule is not None else 0
