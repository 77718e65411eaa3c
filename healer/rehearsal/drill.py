"""What is a drill, and how did one go? Pure. Run by `healer.rehearsal.drilling`, declared in the settings as `drills`.

A drill is an alert that says of itself that it is one, about something that may break: a canary. It goes the way of every
other alert, and what the store has of its incident tells how long each stage took.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from healer.alerts.identity import canonical
from healer.convergence.outcome import Happening, Incident
from healer.documents.fields import Duration
from healer.remediation.model import UNDER_WAY, Remediation
from healer.times import DAY, MINUTE, SECOND, Micros, format_duration, format_rfc3339

ALERT = "HealerDrill"
"""The alertname: rules for canaries say `on event: "HealerDrill"`."""
MARK, RUN = "drill", "run"
"""Labels with the drill's name, and with a word of this run alone: each is an incident of its own."""
SUMMARY = "This is a drill: nothing is broken."
_RESERVED = ("alertname", MARK, RUN)


class Drill(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rehearsal of the whole loop."""

    labels: dict[str, str] = {}
    """Of its alert, beside `alertname: HealerDrill` and `drill: NAME`: what your mapping takes for the canary's node."""
    expects: Literal["told", "repaired"] = "repaired"
    """How far it has to come: people are told, or a rule has repaired the canary as well."""
    within: Duration = 10 * MINUTE
    """It fails when it takes longer."""
    every: Duration = 0
    """How often healer runs it by itself; 0s: only when somebody asks."""

    def __post_init__(self) -> None:
        for name in _RESERVED:
            if name in self.labels:
                raise ValueError(f"{name} is set by the drill itself", "labels")
        if not SECOND <= self.within <= DAY:
            raise ValueError("expected 1s to 1d", "within")
        if self.every and self.every < self.within:
            raise ValueError("expected more than `within`", "every")


SHIPPED: Final[Mapping[str, Drill]] = {"alert": Drill(expects="told")}
"""Drills that every healer has: of what needs no canary."""


class Run(msgspec.Struct, frozen=True):
    """One run of a drill: its alert's labels are its name in the store, too."""

    name: str
    id: str
    drill: Drill
    began_at: Micros

    @property
    def labels(self) -> dict[str, str]:
        return {**self.drill.labels, "alertname": ALERT, MARK: self.name, RUN: self.id}

    @property
    def identity(self) -> bytes:
        return canonical(self.labels)

    @property
    def until(self) -> Micros:
        return self.began_at + self.drill.within

    def posted(self, ends_at: Micros) -> bytes:
        """Its alert, as a Prometheus would post it."""
        alert = {
            "labels": self.labels,
            "annotations": {"summary": SUMMARY},
            "startsAt": format_rfc3339(self.began_at),
            "endsAt": format_rfc3339(ends_at),
        }
        return msgspec.json.encode([alert])


class Times(msgspec.Struct, frozen=True):
    """Microseconds of each stage; None for one that was not reached.

    `detect`: from the alert to its incident · `decide`: from there to a plan · `act`: from there to the end of its effect ·
    `verify`: from there to the proof · `tell`: from the alert to the first message.
    """

    detect: Micros | None = None
    decide: Micros | None = None
    act: Micros | None = None
    verify: Micros | None = None
    tell: Micros | None = None


class Report(msgspec.Struct, frozen=True):
    """How a run goes, or went. `why` says what it waits for, or what is wrong; "" once it passed."""

    run: Run
    state: Literal["running", "passed", "failed"]
    why: str
    times: Times = Times()
    ended_at: Micros = 0
    incident: str = ""
    trace_id: str = ""
    remediation: str = ""
    rule: str = ""


def report(
    run: Run,
    incident: Incident | None,
    timeline: Sequence[Happening],
    remediations: Sequence[Remediation],
    now: Micros,
) -> Report:
    """How a run stands, by what the store has of its incident; remediations are given newest first."""
    if incident is None:
        return _judged(Report(run, "running", "its alert is not an incident yet"), "", now)
    if incident.opened_at < run.began_at:
        # What is there of it is another's: neither its plan nor its messages say anything of this run.
        told = "its alert fell into an incident that was there before: leave convergence.settle between two runs on one node"
        found = Report(run, "running", told, incident=incident.id, trace_id=incident.trace_id)
        return _judged(found, "failed", now)
    newest = remediations[0] if remediations else None
    told_at = next((line.at for line in timeline if line.stage == "notify" and line.code == "told"), None)
    so_far = Report(
        run,
        "running",
        "",
        _times(run, incident, newest, told_at),
        incident=incident.id,
        trace_id=incident.trace_id,
        remediation=newest.id if newest is not None else "",
        rule=newest.plan.rule if newest is not None else "",
    )
    lacks, over = "", False
    if run.drill.expects == "repaired":
        lacks, over = _repair(newest)
    if not lacks and told_at is None:
        lacks = "nobody was told yet"
    return _judged(msgspec.structs.replace(so_far, why=lacks), "passed" if not lacks else "failed" if over else "", now)


def row(name: str, drill: Drill, last: Report | None, next_at: Micros | None) -> dict[str, Any]:
    """A drill and its last run, for JSON. Durations are milliseconds."""
    return {
        "name": name,
        "labels": drill.labels,
        "expects": drill.expects,
        "within_ms": drill.within // 1_000,
        "every_ms": drill.every // 1_000 or None,
        "next_at": format_rfc3339(next_at) if next_at is not None else None,
        "last": shown(last) if last is not None else None,
    }


def shown(found: Report) -> dict[str, Any]:
    """A report for JSON. Times are milliseconds, None for stages that were not reached."""
    times = msgspec.structs.asdict(found.times)
    return {
        "name": found.run.name,
        "run": found.run.id,
        "state": found.state,
        "why": found.why or None,
        "began_at": format_rfc3339(found.run.began_at),
        "ended_at": format_rfc3339(found.ended_at) if found.ended_at else None,
        "times_ms": {stage: None if took is None else round(took / 1_000) for stage, took in times.items()},
        "incident": found.incident or None,
        "trace_id": found.trace_id or None,
        "remediation": found.remediation or None,
        "rule": found.rule or None,
    }


def _times(run: Run, incident: Incident, newest: Remediation | None, told_at: Micros | None) -> Times:
    def since(begin: Micros, end: Micros | None) -> Micros | None:
        return max(0, end - begin) if begin and end else None

    planned = newest.created_at if newest is not None else 0
    acted = newest.effect_ended_at if newest is not None else 0
    verified = newest.changed_at if newest is not None and newest.state == "succeeded" else 0
    return Times(
        detect=since(run.began_at, incident.opened_at),
        decide=since(incident.opened_at, planned),
        act=since(planned, acted),
        verify=since(acted, verified),
        tell=since(run.began_at, told_at),
    )


def _repair(newest: Remediation | None) -> tuple[str, bool]:
    """What a repair lacks, "" for nothing; and whether waiting is of no use."""
    if newest is None:
        return "no rule has planned anything for it", False
    if newest.state == "succeeded":
        return "", False
    detail = f": {newest.detail}" if newest.detail else ""
    return f"{newest.plan.rule!r} is {newest.state.replace('_', ' ')}{detail}", newest.state not in UNDER_WAY


def _judged(found: Report, state: Literal["", "passed", "failed"], now: Micros) -> Report:
    """With its end, when it has one: by itself, or because its time is over."""
    if not state and now < found.run.until:
        return found
    late = "" if state else f"it took longer than {format_duration(found.run.drill.within)}: {found.why}"
    return msgspec.structs.replace(found, state=state or "failed", why=late or found.why, ended_at=now)
