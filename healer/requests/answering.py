"""From `Remediation` objects to alerts of their own, and from what became of these back into the objects.

Run by the one process that converges. It only compares: what objects there are, what fires, what was begun. So it may stop
anywhere, and whoever goes on does the same.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import msgspec

from healer.alerts.asked import SENDER, is_asked
from healer.alerts.identity import labels_of
from healer.alerts.model import Alert, Detail
from healer.convergence.outcome import AlertView
from healer.executors.kubernetes.api import Denied, Lost, Unsent
from healer.journey.ports import Arrival, Journal, StoreUnavailable
from healer.journey.records import Delivered
from healer.remediation.approval import NotAsked, cancel
from healer.remediation.model import BEFORE_INTENT, Remediation
from healer.remediation.ports import EffectStore
from healer.requests.resource import Asked
from healer.requests.verdict import Verdict, is_over, judge
from healer.seams import Clock
from healer.times import MINUTE, SECOND, Micros

log = logging.getLogger(__name__)

LOOK_S = 2.0
"""Seconds between looks at how far what is under way has come."""
PACE: Micros = 15 * SECOND
"""Between two answers to one object in which only words changed."""
LIFE: Micros = 15 * MINUTE
"""How long an alert fires that nobody repeats: a healer that hears of no requests any more ends them."""
AGAIN: Micros = 5 * MINUTE
"""How often it is repeated."""
NEWEST = 500
"""Remediations that are looked through for those of a request; one that its object names is found however old it is."""

_details = msgspec.msgpack.Encoder()


class Cluster(Protocol):
    """Where the objects are. `asked` is None while nobody knows them all."""

    name: str
    changed: asyncio.Event
    paths: tuple[str, ...]

    @property
    def asked(self) -> Mapping[str, Asked] | None: ...

    async def follow(self, path: str) -> None: ...

    async def report(self, asked: Asked, status: Mapping[str, Any]) -> None: ...


class Judged(Protocol):
    """What the engine makes of alerts."""

    async def settled(self, within: float = ...) -> None: ...

    def alert(self, labels: bytes) -> AlertView | None: ...

    def alerts(self) -> Iterable[AlertView]: ...


class Answering:
    """One cluster's requests."""

    def __init__(self, cluster: Cluster, journal: Journal, effects: EffectStore, view: Judged, clock: Clock) -> None:
        self._cluster = cluster
        self._journal = journal
        self._effects = effects
        self._view = view
        self._clock = clock
        self._sent: dict[bytes, Micros] | None = None
        self._answered: dict[str, Micros] = {}
        self._refused = ""

    async def run(self) -> None:
        """Look whenever something changes, and every now and then, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._cluster.changed.wait()
            except TimeoutError:
                pass
            self._cluster.changed.clear()
            try:
                await self.look()
            except StoreUnavailable as error:
                log.warning("requests for remediations wait for the store: %s", error)

    async def look(self) -> None:
        """Compare once. Raises StoreUnavailable."""
        asked = self._cluster.asked
        if asked is None:
            return
        await self._view.settled()
        if self._sent is None:
            self._sent = dict.fromkeys(self._of_earlier_lives(), self._clock.monotonic())
        if not asked and not self._sent:
            return
        # Alerts first: what was planned for one that is seen is in the store by then.
        alerts = {one.labels: self._view.alert(one.labels) for one in asked.values()}
        begun = await self._begun([one for one in asked.values() if one.labels and not is_over(one)])
        now = self._clock.now()
        told = [(one, judge(one, alerts[one.labels], begun.get(one.labels), now)) for one in asked.values()]
        fires = {one.labels: one for one, verdict in told if verdict.fires}
        self._answered = {uid: at for uid, at in self._answered.items() if uid in asked}
        gone = [labels for labels in self._sent if labels not in alerts]
        await self._take_back(gone)
        # What is over is said before its alert ends: else whoever takes over meanwhile would ask for it again.
        answered = [one for one, verdict in told if await self._answer(one, verdict)]
        over = [one.labels for one in answered if one.labels in self._sent and one.labels not in fires]
        await self._deliver(fires, [*gone, *over])

    # --- inside

    def _of_earlier_lives(self) -> list[bytes]:
        """What fires of this cluster, whoever began it."""
        named = (one.labels for one in self._view.alerts() if one.status != "resolved" and is_asked(one.labels))
        return [labels for labels in named if labels_of(labels).get("cluster", "") == self._cluster.name]

    async def _begun(self, asked: Iterable[Asked]) -> dict[bytes, Remediation]:
        """The newest remediation of each request, by the labels of its alert."""
        found: dict[bytes, Remediation] = {}
        looked_for = set[bytes]()
        for one in asked:
            named = str(one.status.get("remediation", ""))
            known = await self._effects.remediation(named) if named else None
            if known is not None and known.plan.root == one.labels:
                found[one.labels] = known
            if one.labels not in found or found[one.labels].state == "superseded":
                looked_for.add(one.labels)
        if looked_for:
            for newest in reversed(await self._effects.remediations(limit=NEWEST)):
                if newest.plan.root in looked_for:
                    found[newest.plan.root] = newest
        return found

    async def _answer(self, asked: Asked, verdict: Verdict) -> bool:
        """Whether the object says so by now."""
        if asked.status == verdict.status:
            return True
        now = self._clock.monotonic()
        same = asked.status.get("state") == verdict.status.get("state")
        if same and now < self._answered.get(asked.uid, now - PACE) + PACE:
            return False
        self._answered[asked.uid] = now
        try:
            await self._cluster.report(asked, verdict.status)
        except Denied as error:
            # Another version, or gone: the watch brings what there is now.
            if error.status not in (404, 409) and str(error) != self._refused:
                self._refused = str(error)
                hint = "; `healer rbac` prints the role that it takes" if error.status == 403 else ""
                log.warning("the status of %s cannot be written: %s%s", asked.what, error, hint)
            return error.status == 404
        except (Unsent, Lost) as error:
            log.info("the status of %s is not written yet: %s", asked.what, error)
            return False
        return True

    async def _take_back(self, gone: Sequence[bytes]) -> None:
        """Requests whose objects were deleted: what has not begun does not begin any more."""
        if not gone:
            return
        for one in await self._effects.remediations(limit=NEWEST):
            if one.plan.root not in gone or one.state not in BEFORE_INTENT:
                continue
            named = labels_of(one.plan.root)
            who = f"whoever deleted Remediation {named.get('namespace', '')}/{named.get('remediation', '')}"
            try:
                await self._effects.answer(one.id, partial(cancel, who=who), now=self._clock.now())
            except NotAsked as error:
                log.info("%s: %s", who, error)

    async def _deliver(self, fires: Mapping[bytes, Asked], over: Sequence[bytes]) -> None:
        """Have alerts begin, go on and end."""
        assert self._sent is not None
        now, monotonic = self._clock.now(), self._clock.monotonic()
        due = [
            (labels, one)
            for labels, one in fires.items()
            if labels not in self._sent or monotonic >= self._sent[labels] + AGAIN
        ]
        alerts = [Alert(labels, True, one.starts_at or now, now + LIFE) for labels, one in due]
        details = [Detail({"summary": one.summary}, "") for _, one in due]
        alerts += [Alert(labels, False, 0, now) for labels in over]
        details += [Detail({}, "") for _ in over]
        if not alerts:
            return
        record = Delivered(f"{SENDER}{self._cluster.name}", tuple(alerts))
        await self._journal.append([Arrival(record, _details.encode(tuple(details)))])
        self._sent |= dict.fromkeys((labels for labels, _ in due), monotonic)
        for labels in over:
            self._sent.pop(labels, None)
