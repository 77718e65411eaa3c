"""How `healer replay` says what it found: for people, and as JSON."""

from typing import Any

from healer.alerts.identity import labels_of
from healer.cli.output import Output
from healer.cli.words import counted
from healer.convergence.outcome import Incident
from healer.rehearsal.replay import Difference, Proof
from healer.rehearsal.what_if import Change, Course
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


def what_if_json(before: Course, after: Course, found: list[Change]) -> dict[str, Any]:
    """For programs."""
    return {"before": _course(before), "after": _course(after), "changes": [_changed(change) for change in found]}


def _course(course: Course) -> dict[str, Any]:
    return {
        "alerts": course.alerts,
        "incidents": len(course.incidents),
        "told": course.told,
        "compression": round(course.compression, 4),
        "notices": course.notices,
        "edits": course.edits,
        "remediations": course.remediations,
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


def show_what_if(output: Output, before: Course, after: Course, found: list[Change]) -> None:
    """The sums side by side, then each incident that would have been otherwise."""
    rows = [
        ("alerts", before.alerts, after.alerts),
        ("incidents", len(before.incidents), len(after.incidents)),
        ("... that people hear of", before.told, after.told),
        ("compression", f"{before.compression:.1%}", f"{after.compression:.1%}"),
        ("first messages", before.notices, after.notices),
        ("edits", before.edits, after.edits),
        ("remediations planned", before.remediations, after.remediations),
    ]
    output.table(("", "as it was", "what if"), rows, empty="")
    output.line()
    changes = [(change.what, _root(change.before), _root(change.after), _size(change)) for change in found[:SHOWN]]
    output.table(
        ("what", "root as it was", "root now", "alerts"), changes, empty="Every incident would have been the same."
    )
    if len(found) > SHOWN:
        output.line(f"... and {len(found) - SHOWN} more: --json lists them all")


def _root(incident: Incident | None) -> str:
    if incident is None:
        return "-"
    return f"{incident.root.name} on {incident.root.node}" if incident.root.node else incident.root.name


def _size(change: Change) -> str:
    parts = [f"+{change.gained}"] * bool(change.gained) + [f"-{change.lost}"] * bool(change.lost)
    return ", ".join(parts) + (f" (now in {change.into})" if change.into else "")
