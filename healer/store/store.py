"""The store: every transaction that the rooms' Protocols name, one method each. Made by `healer.store.opening`.

It is `journey.ports.Journal`, `StepStore` and `Terms`, `remediation.ports.EffectStore`, `notification.ports.ToldLedger`,
`survey.gathering.Answers`, `audit.ports.Log`, `replicas.limits.Kept` and `web.ports.Projections`; their docstrings say what
each method promises. Every method may raise StoreUnavailable.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from healer.alerts.model import Detail, RefusedAlert
from healer.audit.anchor import Anchor
from healer.audit.chain import Entry, Head
from healer.convergence.outcome import AlertView, Happening, Incident
from healer.journey.ports import Arrival, Ownership, Row, Snapshot, Step, StepMark, T, Term, Wanted
from healer.notification.budget import Period
from healer.notification.ports import Claim, LedgerRow, Only, Use
from healer.remediation.guards import Answer, Place
from healer.remediation.model import Intent, PlanStep, Refused, Remediation, State
from healer.remediation.ports import Probe, Switch
from healer.store.run import Heard, Run
from healer.store.transactions import (
    answers,
    audit,
    incidents,
    intents,
    journal,
    ledger,
    meta,
    period,
    rates,
    remediations,
    retention,
    snapshots,
    steps,
    switches,
)
from healer.times import Micros
from healer.topology.answers import Answer as SourceAnswer


class Store:
    """`installation` is the id that this store was given when it was made; `released` is called once it is closed. `name` is
    what this process has among several on one store."""

    def __init__(
        self, run: Run, installation: str, released: Callable[[], None] = lambda: None, *, name: str = ""
    ) -> None:
        self.installation = installation
        self.run = run
        self.name = name
        self._released = released
        self._epoch = 0
        self.unheard = 0
        """Notices that were withdrawn since the start, because their incidents were over before anybody heard."""

    def on_append(self, heard: Heard) -> None:
        """Have `heard` called, on the event loop and in the order of positions, with every record that becomes durable,
        whichever transaction appended it."""
        self.run.listen(heard)

    async def close(self) -> None:
        """Finish what waits, close, and let go of the data folder."""
        await self.run.close()
        self._released()

    async def probe(self) -> None:
        """Write a little and sync it. Raises StoreUnavailable when nothing can be written now."""
        await self.run.write("probe", meta.probe)

    # Journal

    async def append(self, arrivals: Sequence[Arrival]) -> list[tuple[int, Micros]]:
        rows = [journal.Encoded(arrival) for arrival in arrivals]
        return await self.run.write("append", journal.append, rows)

    async def read(self, after: int, limit: int) -> list[Row]:
        return await self.run.read("read", journal.read, after, limit)

    # StepStore

    async def take_over(self, owner: str) -> Ownership:
        taken = await self.run.write("take_over", steps.take_over, owner)
        self._epoch = taken.epoch
        return taken

    async def commit(self, step: Step) -> None:
        unheard = await self.run.write("commit", steps.commit, step)
        self.unheard += unheard

    # Terms

    async def term(self, *, now: Micros) -> Term:
        return await self.run.read("term", steps.term, now)

    async def stand_in(self, owner: str, url: str, *, lease: Micros, now: Micros) -> Ownership | None:
        taken = await self.run.write("stand_in", steps.stand_in, owner, url, lease, now)
        if taken is not None:
            self._epoch = taken.epoch
        return taken

    async def renew(self, owner: str, epoch: int, *, lease: Micros, now: Micros) -> None:
        await self.run.write("renew", steps.renew, owner, epoch, lease, now)

    async def hand_over(self, epoch: int) -> None:
        await self.run.write("hand_over", steps.hand_over, epoch)

    async def hear(self, after: int) -> None:
        if await self.run.read("head", journal.head) > after:
            # A write is told first what was appended since the one before it.
            await self.run.write("hear", journal.nothing)

    async def steps(self, after: int, limit: int) -> list[StepMark]:
        return await self.run.read("steps", steps.steps, after, limit)

    async def snapshot(self, before: int = 0) -> Snapshot | None:
        return await self.run.read("snapshot", snapshots.newest, before)

    async def aside(self, work: Callable[[], T]) -> T:
        return await self.run.read("aside", lambda _: work())

    async def save_snapshot(self, snapshot: Snapshot) -> None:
        await self.run.write("save_snapshot", snapshots.save, snapshot)

    async def keep_version(self, kind: str, content: bytes) -> str:
        return await self.run.write("keep_version", snapshots.keep_version, kind, content)

    async def version(self, digest: str) -> bytes:
        return await self.run.read("version", snapshots.version, digest)

    async def keep_answer(self, answer: SourceAnswer) -> None:
        await self.run.write("keep_answer", answers.keep, answer)

    async def drop_answer(self, source: str) -> None:
        await self.run.write("drop_answer", answers.drop, source)

    async def answers(self) -> list[SourceAnswer]:
        return await self.run.read("answers", answers.everything)

    async def forget(self, before: Micros) -> int:
        """Forget whole days that ended before `before`, as far as replay and open incidents allow. Rows that went."""
        gone = 0
        while some := await self.run.write("forget", retention.forget_some, before):
            gone += some
        return gone

    # EffectStore

    async def under_way(self, but: Collection[str] = ()) -> list[Remediation]:
        return await self.run.read("under_way", remediations.under_way, but)

    async def unsettled(self) -> list[Intent]:
        return await self.run.read("unsettled", intents.unsettled)

    async def move(self, remediation: Remediation, *, was: State, now: Micros) -> bool:
        return await self.run.write("move", steps.fenced, self._epoch, remediations.move, remediation, was, now)

    async def answer(self, id: str, say: Callable[[Remediation], Remediation], *, now: Micros) -> Remediation | None:
        return await self.run.write("answer", remediations.answer, id, say, now)

    async def count(self, remediation: Remediation, step: PlanStep, place: Place, *, now: Micros) -> list[Answer]:
        return await self.run.read("count", intents.count, remediation, step, place, now)

    async def write_intent(
        self,
        remediation: Remediation,
        step: PlanStep,
        *,
        intent: str,
        deadline: Micros,
        now: Micros,
        place: Place,
        before: str = "",
        said: tuple[str, ...] = (),
        author: str = "",
    ) -> Intent | Refused:
        asked = intents.Asked(remediation, step, intent, deadline, now, place, before, said, author)
        return await self.run.write("write_intent", intents.write, self._epoch, asked)

    async def settle_intent(self, intent: Intent, remediation: Remediation, *, was: State, now: Micros) -> bool:
        settling = (intents.settle, intent, remediation, was, now)
        return await self.run.write("settle_intent", steps.fenced, self._epoch, *settling)

    async def begin_probe(self, intent: str, *, now: Micros) -> Probe | None:
        return await self.run.write("begin_probe", steps.fenced, self._epoch, intents.begin_probe, intent, now)

    async def switches(self) -> list[Switch]:
        return await self.run.read("switches", switches.read)

    async def throw(self, switch: Switch) -> None:
        await self.run.write("throw", switches.throw, switch)

    async def remediations(self, incident: str = "", limit: int = 100) -> list[Remediation]:
        return await self.run.read("remediations", remediations.newest, incident, limit)

    async def remediation(self, id: str) -> Remediation | None:
        return await self.run.read("remediation", remediations.one, id)

    async def intents(self, remediation: str) -> list[Intent]:
        return await self.run.read("intents", intents.of, remediation)

    async def audit(self, after: int, limit: int) -> Sequence[tuple[int, Micros, str, str]]:
        return await self.run.read("audit", audit.read, after, limit)

    # audit.ports.Log

    async def entries(self, after: int, limit: int, incident: str = "") -> list[Entry]:
        return await self.run.read("entries", audit.entries, after, limit, incident)

    async def newest(self, limit: int, incident: str = "") -> list[Entry]:
        return await self.run.read("newest", audit.newest, limit, incident)

    async def heads(self) -> list[Head]:
        return await self.run.read("heads", audit.heads)

    async def anchors(self) -> list[Anchor]:
        return await self.run.read("anchors", audit.anchors)

    async def act(self, kind: str, detail: Mapping[str, object], *, now: Micros) -> None:
        await self.run.write("act", audit.act, kind, detail, now)

    async def keep_anchor(self, anchor: Anchor) -> None:
        await self.run.write("keep_anchor", audit.keep_anchor, anchor)

    async def owed(self, place: str) -> list[tuple[int, Anchor]]:
        return await self.run.read("owed", audit.owed, place)

    async def paid(self, place: str, number: int) -> None:
        await self.run.write("paid", audit.paid, place, number)

    # ToldLedger

    async def claim(self, channel: str, *, now: Micros, lease: Micros, limit: int, only: Only = "all") -> list[Claim]:
        return await self.run.write("claim", ledger.claim, channel, now, lease, limit, self.name, only)

    async def announce(self, wanted: Wanted, *, now: Micros) -> bool:
        return await self.run.write("announce", ledger.announce, wanted, now)

    async def free_claims(self) -> None:
        """End the claims of the process that was here before. Only for one that knows to be alone: by the lock on the data
        folder, or, among several on a server, by the lock on its name."""
        await self.run.write("free_claims", ledger.free, self.name)

    async def told(self, claim: Claim, *, message_id: str, now: Micros, said: str = "") -> None:
        await self.run.write("told", ledger.record_told, claim, message_id, now, said)

    async def failed(
        self,
        claim: Claim,
        *,
        now: Micros,
        pause: Micros = 0,
        why: str,
        dead: bool = False,
        counts: bool = True,
        fallback: str = "",
    ) -> None:
        await self.run.write("failed", ledger.record_failed, claim, now, pause, why, dead, counts, fallback)

    async def next_due(self, channel: str, only: Only = "all", *, now: Micros) -> Micros | None:
        return await self.run.read("next_due", ledger.next_due, channel, now, only)

    async def rows(self, *, incident: str = "", state: str = "", limit: int = 100) -> list[LedgerRow]:
        return await self.run.read("rows", ledger.rows, incident, state, limit)

    async def told_incidents(self) -> list[str]:
        return await self.run.read("told_incidents", ledger.told_incidents)

    async def resend(self, incident: str, channel: str, *, now: Micros) -> bool:
        return await self.run.write("resend", ledger.resend, incident, channel, now)

    # replicas.limits.Kept

    async def use_rates(self, keys: Sequence[str], use: Use[T], *, now: Micros) -> T:
        return await self.run.write("use_rates", rates.use, keys, use, now)

    # Projections

    async def period(self, since: Micros, until: Micros) -> Period:
        return await self.run.read("period", period.period, since, until)

    async def incidents(self, *, status: str = "", before: str = "", limit: int = 100) -> tuple[list[Incident], int]:
        return await self.run.read("incidents", incidents.newest, status, before, limit)

    async def incident(self, id: str) -> Incident | None:
        return await self.run.read("incident", incidents.one, id)

    async def timeline(self, incident: str) -> list[Happening]:
        return await self.run.read("timeline", incidents.timeline, incident)

    async def untraced(self, *, patience_ended: Micros, limit: int) -> list[Incident]:
        return await self.run.read("untraced", incidents.untraced, patience_ended, limit)

    async def mark_traced(self, ids: Sequence[str]) -> None:
        await self.run.write("mark_traced", incidents.mark_traced, ids)

    async def closed_alerts(self, incident: str) -> list[AlertView]:
        return await self.run.read("closed_alerts", incidents.closed_alerts, incident)

    async def detail(self, position: int, index: int) -> Detail | None:
        return await self.run.read("detail", incidents.detail, position, index)

    async def refused(self, limit: int = 100) -> list[RefusedAlert]:
        return await self.run.read("refused", incidents.refused, limit)
