"""How `healer replay` says what it found: for people, and as JSON."""

from typing import Any

from healer.alerts.identity import labels_of
from healer.cli.output import Output
from healer.cli.words import counted
from healer.convergence.outcome import Incident
from healer.rehearsal.remedies import Would, redone
from healer.rehearsal.replay import Difference, Proof
from healer.rehearsal.what_if import Change, Course, changes
from healer.times import format_rfc3339

SHOWN = 50
"""Incidents listed on a terminal; --json has all."""


def proof_json(proof: Proof) -> dict[str, Any]:
    """For programs."""
    difference = proof.difference
    return {
        "same": proof.same,
        "steps": proof.compared,
        "records": proof.records,
        "from_snapshot": proof.began_at or None,
        "last_step": proof.last,
        "gap": proof.gap or None,
        "difference": _difference(difference) if difference is not None else None,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "step": difference.step,
        "at": format_rfc3339(difference.now),
        "recorded": difference.recorded,
        "replayed": difference.replayed,
        "what": list(difference.sentences),
    }


def show_proof(output: Output, proof: Proof) -> None:
    """Same, or the first step that differs."""
    whence = f"from the snapshot of step {proof.began_at}" if proof.began_at else "from the beginning"
    what = f"{counted(proof.compared, 'step')} of {counted(proof.records, 'record')}, folded again {whence}"
    if proof.difference is not None:
        _show_difference(output, proof.difference)
    elif proof.gap:
        output.line(f"After step {proof.last} the past ends too early: {proof.gap}.", "bold red")
    elif proof.compared:
        output.line(f"Same: {what}.", "bold green")
    else:
        output.line("Nothing was decided in this time.")


def _show_difference(output: Output, difference: Difference) -> None:
    output.line(f"Step {difference.step} at {format_rfc3339(difference.now)} comes out otherwise:", "bold red")
    for sentence in difference.sentences:
        output.line(f"  {sentence}")
    output.line("Another version of healer decided it, or the journal was changed, or this is a defect.")


class Verdict:
    """Two courses of the same past side by side, and whether the second may be merged: `gate` is how many destructive
    remediations more it may have; None asks for nothing."""

    def __init__(self, before: Course, after: Course, gate: int | None) -> None:
        self.before = before
        self.after = after
        self.gate = gate
        self.changes = changes(before, after)
        self.redone = redone(before.remedies, after.remedies)

    @property
    def growth(self) -> int:
        """Destructive remediations that would have been added."""
        return self.after.remedies.destructive - self.before.remedies.destructive

    @property
    def passes(self) -> bool:
        return self.gate is None or self.growth <= self.gate


def what_if_json(verdict: Verdict) -> dict[str, Any]:
    """For programs."""
    return {
        "before": _course(verdict.before),
        "after": _course(verdict.after),
        "changes": [_changed(change) for change in verdict.changes],
        "remediations": [
            {"what": one.what, "before": _would(one.before), "after": _would(one.after)} for one in verdict.redone
        ],
        "destructive_growth": verdict.growth,
        "gate": verdict.gate,
        "passes": verdict.passes,
    }


def _would(would: Would | None) -> dict[str, Any] | None:
    if would is None:
        return None
    return {
        "rule": would.rule,
        "mode": would.mode,
        "at": format_rfc3339(would.at),
        "actions": list(would.what),
        "nodes": list(would.nodes),
        "state": would.state,
        "acts": would.acts,
        "destructive": would.destructive,
        "guard": would.guard or None,
        "incident": would.incident,
        "alert": labels_of(would.root),
    }


def _course(course: Course) -> dict[str, Any]:
    return {
        "alerts": course.alerts,
        "incidents": len(course.incidents),
        "told": course.told,
        "compression": round(course.compression, 4),
        "notices": course.notices,
        "edits": course.edits,
        "remediations": len(course.remedies.would),
        "acting": len(course.remedies.acting),
        "destructive": course.remedies.destructive,
        "guards": course.remedies.guards,
        "unknown": course.unknown,
    }


def _changed(change: Change) -> dict[str, Any]:
    return {
        "what": change.what,
        "before": _incident(change.before),
        "after": _incident(change.after),
        "gained": change.gained,
        "lost": change.lost,
        "into": change.into or None,
    }


def _incident(incident: Incident | None) -> dict[str, Any] | None:
    if incident is None:
        return None
    return {
        "id": incident.id,
        "title": incident.title,
        "opened_at": format_rfc3339(incident.opened_at),
        "root": {"node": incident.root.node, "labels": labels_of(incident.root.labels)},
        "alerts": incident.total,
        "told": incident.told,
    }


def show_what_if(output: Output, verdict: Verdict) -> None:
    """The sums side by side, then each incident and each remediation that would have been otherwise, then the gate."""
    before, after, found = verdict.before, verdict.after, verdict.changes
    rows: list[tuple[str, object, object]] = [
        ("alerts", before.alerts, after.alerts),
        ("incidents", len(before.incidents), len(after.incidents)),
        ("... that people hear of", before.told, after.told),
        ("compression", f"{before.compression:.1%}", f"{after.compression:.1%}"),
        ("first messages", before.notices, after.notices),
        ("edits", before.edits, after.edits),
        ("remediations planned", len(before.remedies.would), len(after.remedies.would)),
        ("... that act, or ask to", len(before.remedies.acting), len(after.remedies.acting)),
        ("... of these destructive", before.remedies.destructive, after.remedies.destructive),
    ]
    refused = (before.remedies.guards, after.remedies.guards)
    rows += [
        (f"stopped by a guard: {guard}", refused[0].get(guard, 0), refused[1].get(guard, 0))
        for guard in sorted({*refused[0], *refused[1]})
    ]
    if after.unknown:
        rows.append(("without an answer, which is gone", before.unknown, after.unknown))
    output.table(("", "as it was", "what if"), rows, empty="")
    output.line()
    changes = [(change.what, _root(change.before), _root(change.after), _size(change)) for change in found[:SHOWN]]
    output.table(
        ("what", "root as it was", "root now", "alerts"), changes, empty="Every incident would have been the same."
    )
    if len(found) > SHOWN:
        output.line(f"... and {len(found) - SHOWN} more: --json lists them all")
    _show_redone(output, verdict)
    if verdict.gate is not None:
        said = f"destructive remediations: {verdict.growth:+d}, and at most {verdict.gate:+d} is allowed"
        output.line()
        output.line(said, "green" if verdict.passes else "bold red")


def _show_redone(output: Output, verdict: Verdict) -> None:
    if not verdict.redone:
        return
    output.line()
    rows = []
    for one in verdict.redone[:SHOWN]:
        would = one.after or one.before
        assert would is not None, "a difference has one side at least"
        rows.append(
            (
                one.what,
                format_rfc3339(would.at),
                ", ".join(would.nodes) or "-",
                _does(one.before),
                _does(one.after),
                would.rule,
            )
        )
    output.table(("what", "when", "on", "as it was", "what if", "rule"), rows, empty="")
    if len(verdict.redone) > SHOWN:
        output.line(f"... and {len(verdict.redone) - SHOWN} more: --json lists them all")


def _does(would: Would | None) -> str:
    if would is None:
        return "-"
    what = ", ".join(would.what) or "tells people"
    if would.guard:
        return f"{what} (stopped: {would.guard})"
    return what if would.acts else f"{what} ({would.state})"


def _root(incident: Incident | None) -> str:
    if incident is None:
        return "-"
    return f"{incident.root.name} on {incident.root.node}" if incident.root.node else incident.root.name


def _size(change: Change) -> str:
    parts = [f"+{change.gained}"] * bool(change.gained) + [f"-{change.lost}"] * bool(change.lost)
    return ", ".join(parts) + (f" (now in {change.into})" if change.into else "")
