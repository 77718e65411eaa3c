"""Values for the store's contract: as small as they may be, with what a test cares about as arguments."""

import hashlib
from typing import Any

import msgspec

from healer.alerts.model import Alert, Detail, Refusal
from healer.convergence.outcome import AlertView, Happening, Incident, Root, Status
from healer.journey.ports import Arrival, Closed, Planned, Snapshot, Step, Superseded, Wanted
from healer.journey.records import Delivered
from healer.remediation.model import Limit, Plan, PlanStep, State
from healer.store.dialect import is_server
from healer.store.store import Store
from healer.store.transaction import Transaction
from healer.times import SECOND, Micros

NOON: Micros = 1_767_268_800 * SECOND
"""2026-01-01T12:00:00Z."""


class HandClock:
    """A clock that stands still until it is set."""

    def __init__(self, instant: Micros = NOON) -> None:
        self.instant = instant

    def now(self) -> Micros:
        return self.instant

    def monotonic(self) -> Micros:
        return self.instant


async def set_clock(store: Store, now: Micros) -> None:
    """What the server's own clock says from now on, where the store is on one: in the contract's schema a clock of the tests'
    goes before the server's."""

    def turn(transaction: Transaction) -> None:
        if is_server(transaction.connection):
            says = f"SELECT to_timestamp({now // SECOND}) + interval '{now % SECOND} microseconds'"
            clock = f"CREATE OR REPLACE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ {says} $$"
            transaction.connection.exec_driver_sql(clock)

    await store.run.write("clock", turn)


def delivered(*names: str, sender: str = "am") -> Delivered:
    return Delivered(sender, tuple(Alert(b'{"alertname":"%s"}' % name.encode(), True, NOON, 0) for name in names))


def arrival(*names: str, refusals: tuple[Refusal, ...] = ()) -> Arrival:
    details = [Detail({"summary": name}, f"http://prometheus/{name}") for name in names]
    return Arrival(delivered(*names), msgspec.msgpack.encode(details), refusals)


def record(name: str = "a") -> Arrival:
    return Arrival(delivered(name))


def step(number: int, first: int, last: int, **rest: Any) -> Step:
    step = Step(number, 1, first, last, NOON + number, f"digest-{number}")
    return msgspec.structs.replace(step, **rest)


def incident(id: str, *, status: Status = "open", opened_at: Micros = NOON, revision: int = 1) -> Incident:
    root = Root(
        labels=b'{"alertname":"HostDown"}',
        name="HostDown",
        node="h1",
        beneath="",
        severity="critical",
        hard=True,
        starts_at=opened_at,
        onset=opened_at,
        onset_from="startsAt",
    )
    trace = hashlib.sha256(id.encode()).hexdigest()[:32]
    resolved_at = opened_at + SECOND if status == "resolved" else 0
    return Incident(
        id, trace, status, "critical", "h1 down", root, opened_at, opened_at, resolved_at, 1, 0, 0, 1, True, revision
    )


def happening(id: str, code: str) -> Happening:
    return Happening(id, NOON, "detect", code, {"alert": "HostDown"})


def wanted(
    id: str, revision: int = 1, *, channel: str = "chat", urgent: bool = False, opens: bool = True, matter: str = ""
) -> Wanted:
    return Wanted(id, channel, revision, f"story {revision}".encode(), urgent, opens, matter)


RESTART = PlanStep("restart_service", "ssh", "h1", ("systemctl", "restart", "nginx"), 30 * SECOND)


def plan(incident: str = "i1", *, rule: str = "restart", limits: tuple[Limit, ...] = (), hash: str = "hash") -> Plan:
    root = b'{"alertname":"HostDown"}'
    return Plan(hash, incident, "0" * 32, root, NOON, rule, "v1", "auto", (RESTART,), limits=limits)


def planned(id: str, plan: Plan, state: State = "planned") -> Planned:
    return Planned(id, plan, state, NOON + 60 * SECOND)


def superseded(id: str) -> Superseded:
    return Superseded(id, "its incident merged")


def view(incident: str, *, ended_at: Micros) -> AlertView:
    root = b'{"alertname":"HostDown"}'
    return AlertView(root, "h1", "resolved", "", b"", NOON, NOON, ended_at, "sent", "critical", incident, 0)


def closed(incident: str, *, ended_at: Micros = NOON) -> Closed:
    return Closed(incident, msgspec.msgpack.encode([view(incident, ended_at=ended_at)]))


def snapshot(number: int, applied: int) -> Snapshot:
    return Snapshot(number, applied, NOON + number, "1", b"state %d" % number)
