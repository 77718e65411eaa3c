"""How healer's values look as JSON: names and shapes as the API promises them. Pure.

Times are RFC 3339 in UTC, or null where there is none; an alert is named by its fingerprint.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from healer.alerts import maintenance, silences
from healer.alerts.identity import fingerprint, fingerprint_of, labels_of
from healer.alerts.maintenance import Maintenance
from healer.alerts.model import RefusedAlert
from healer.alerts.silences import Silence
from healer.changes.model import Touched
from healer.convergence.fixed import ONE
from healer.convergence.outcome import AlertView, Candidate, Happening, Incident
from healer.notification.ports import LedgerRow
from healer.remediation.model import Intent, PlanStep, Remediation, Way
from healer.remediation.ports import Switch
from healer.remediation.request import Request
from healer.times import MILLISECOND, Micros, format_duration, format_rfc3339

Json = dict[str, Any]


def when(instant: Micros) -> str | None:
    return format_rfc3339(instant) if instant else None


def named(identity: bytes) -> Json | None:
    """An alert as another one refers to it."""
    if not identity:
        return None
    labels = labels_of(identity)
    return {"fingerprint": fingerprint_of(labels), "labels": labels}


def alert(view: AlertView, because: Sequence[str]) -> Json:
    """One alert. `because` are the sentences of its reason; a list shows the first."""
    labels = labels_of(view.labels)
    return {
        "fingerprint": fingerprint_of(labels),
        "labels": labels,
        "status": view.status,
        "reason": because[0] if because else view.code,
        "node": view.node or None,
        "severity": view.severity,
        "incident": view.incident or None,
        "startsAt": when(view.starts_at),
        "endsAt": when(view.ended_at),
        "onset": when(view.onset),
        "resolution": view.resolution or None,
    }


def explanation(view: AlertView, because: Sequence[str], incident: Incident | None) -> Json:
    """Why an alert was, or was not, told, and what changed shortly before its incident, where it is in one."""
    return alert(view, because) | {
        "code": view.code,
        "because": list(because),
        "by": named(view.by),
        "distance": view.distance,
        "silence": view.silence or None,
        "held_until": when(view.held_until),
        "trace_id": incident.trace_id if incident is not None else None,
        "changes": [change(each) for each in incident.changes] if incident is not None else [],
    }


def incident(found: Incident, alerts: Sequence[Json], remediations: Sequence[Remediation]) -> Json:
    """One incident with its alerts. Its root is the first candidate's alert, where that is not the root by the rules."""
    root = found.named or found.root
    labels = labels_of(root.labels)
    return {
        "id": found.id,
        "status": found.status,
        "severity": found.severity,
        "title": found.title,
        "root": {
            "fingerprint": fingerprint_of(labels),
            "node": found.people.suspect or root.node or None,
            "silent": bool(found.people.suspect),
            "labels": labels,
            "startsAt": when(root.starts_at),
            "onset": when(root.onset),
        },
        "how": found.how,
        "candidates": [candidate(each) for each in found.candidates],
        "confidence": None if found.confidence.value is None else found.confidence.value / ONE,
        "confidence_record": {"right": found.confidence.right, "of": found.confidence.of},
        "alerts": [_renamed(each, found) for each in alerts],
        "alert_count": found.total,
        "firing_count": found.firing,
        "member_count": found.members,
        "suppressed_count": found.suppressed,
        "trace_id": found.trace_id,
        "began_at": when(found.began_at),
        "opened_at": when(found.opened_at),
        "resolved_at": when(found.resolved_at),
        "resolution": found.resolution or None,
        "merged_into": found.merged_into or None,
        "reopened": found.reopened,
        "told": found.told,
        "owner": found.owner or None,
        "affected_owners": list(found.affected),
        "acknowledged_by": found.people.acked_by or None,
        "acknowledged_at": when(found.people.acked_at),
        "confirmed_by": found.people.confirmed_by or None,
        "blamed_by": found.people.blamed_by or None,
        "closed_by": found.people.closed_by or None,
        "silenced_by": found.people.silenced_by or None,
        "silenced_until": when(found.people.silenced_until),
        "revision": found.revision,
        "remediations": [brief_remediation(each) for each in remediations],
        "changes": [change(each) for each in found.changes],
    }


def change(found: Touched) -> Json:
    """A deployment or a push. `at` is when it began, `heard_at` when it was last heard of."""
    told = found.change
    return {
        "source": told.source,
        "delivery_id": told.delivery_id,
        "repo": told.repo,
        "kind": told.kind,
        "env": told.env or None,
        "ref": told.ref,
        "sha": told.sha,
        "state": told.state,
        "actor": told.actor or None,
        "commits": [{"id": each.id, "message": each.message, "author": each.author or None} for each in told.commits],
        "at": when(found.since),
        "heard_at": when(found.until),
        "url": told.url or None,
        "nodes": list(found.nodes),
    }


def candidate(found: Candidate) -> Json:
    """A node that could be the cause; without a fingerprint it has no alert. `why` has a sentence for each signal."""
    return {
        "node": found.node,
        "fingerprint": fingerprint(found.labels) if found.labels else None,
        "score": found.score / ONE,
        "why": "; ".join(found.why),
    }


def _renamed(shown: Json, found: Incident) -> Json:
    """An alert as it stands in an incident of several roots: the named one is the root, the others are its members."""
    if found.how != "ranked":
        return shown
    named = labels_of((found.named or found.root).labels)
    if shown["labels"] == named and shown["status"] in ("suppressed", "member"):
        why = f"root: the best of {len(found.candidates)} candidates; by the rules alone {shown['reason']}"
        return shown | {"status": "root", "reason": why}
    if shown["status"] == "root" and shown["labels"] != named:
        return shown | {
            "status": "member",
            "reason": f"member: connected, and not the best candidate; {shown['reason']}",
        }
    return shown


def happening(found: Happening) -> Json:
    return {"at": when(found.at), "stage": found.stage, "code": found.code, "facts": found.facts}


def brief_remediation(found: Remediation) -> Json:
    """A remediation as lists and incidents show it."""
    plan = found.plan
    return {
        "id": found.id,
        "incident": plan.incident,
        "trace_id": plan.trace_id,
        "rule": plan.rule,
        "mode": plan.mode,
        "state": found.state,
        "detail": found.detail,
        "plan_hash": plan.hash,
        "created_at": when(found.created_at),
        "changed_at": when(found.changed_at),
    }


def remediation(found: Remediation, intents: Sequence[Intent]) -> Json:
    """A remediation with its plan and every effect that was tried."""
    plan = found.plan
    return brief_remediation(found) | {
        "rule_version": plan.rule_version,
        "root": named(plan.root),
        "because": list(plan.because),
        "capped_by": plan.capped_by or None,
        "steps": [_step(each) for each in plan.steps],
        "otherwise": [_step(each) for each in plan.otherwise],
        "after_success": [_step(each) for each in plan.after_success],
        "undo": [_step(each) for each in plan.undo],
        "approve": [
            {"who": one.who, "people": one.count, "within_ms": one.within // MILLISECOND} for one in plan.approve
        ],
        "asked": plan.approve[found.asked].who if found.state == "awaiting_approval" else None,
        "agreed": list(found.agreed),
        "step": found.step,
        "attempt": found.attempt,
        "deadline": when(found.deadline),
        "effect_ended_at": when(found.effect_ended_at),
        "measured": [
            {
                "query": one.query,
                "before": one.before,
                "before_at": when(one.before_at),
                "after": one.after,
                "after_at": when(one.after_at),
            }
            for one in found.measured
        ],
        "intents": [_intent(each) for each in intents],
    }


def request(found: Request) -> Json:
    """What somebody is asked, with all that speaks for it and against."""
    shown: Json = msgspec.to_builtins(found)
    steps = [{**step, "parameters": dict(step["parameters"])} for step in shown["steps"]]
    earlier = [{**each, "at": when(each["at"])} for each in shown["earlier"]]
    return {**shown, "steps": steps, "earlier": earlier, "expires": when(found.expires)}


def switch(found: Switch, doubt: str) -> Json:
    """A kill switch, and what is wrong with its scope while it is thrown."""
    return {
        "scope": found.scope,
        "paused": found.thrown,
        "doubt": (doubt if found.thrown else "") or None,
        "by": found.by,
        "why": found.why,
        "at": when(found.at),
    }


def silence(found: Silence, now: Micros) -> Json:
    """A silence, and where it was said."""
    return {
        "id": found.id,
        "source": found.source,
        "status": silences.state(found, now),
        "matchers": [str(one.ready()) for one in found.matchers],
        "startsAt": when(found.starts_at),
        "endsAt": when(found.ends_at),
        "updatedAt": when(found.updated_at),
        "createdBy": found.created_by,
        "comment": found.comment,
    }


def work(found: Maintenance, now: Micros) -> Json:
    """Maintenance: what it is about, and its occurrence that is under way, or that comes next."""
    under_way = maintenance.occurrence(found, now)
    following = None if under_way else maintenance.next_turn(found, now)
    return {
        "id": found.id,
        "status": maintenance.state(found, now),
        "node": found.node or None,
        "below": found.below,
        "matchers": [str(one.ready()) for one in found.matchers],
        "schedule": found.schedule or None,
        "zone": found.zone or None,
        "for": format_duration(found.lasts) if found.schedule else None,
        "startsAt": when(found.starts_at),
        "endsAt": when(found.ends_at),
        "under_way_until": when(under_way[1]) if under_way else None,
        "next_at": when(following) if following else None,
        "updatedAt": when(found.updated_at),
        "createdBy": found.created_by,
        "comment": found.comment,
    }


def notification(found: LedgerRow) -> Json:
    """A row of the told ledger."""
    return {
        "incident": found.incident,
        "channel": found.channel,
        "matter": found.matter,
        "meant_for": found.meant_for,
        "state": found.state,
        "wanted_revision": found.wanted_revision,
        "told_revision": found.told_revision,
        "attempts": found.attempts,
        "not_before": when(found.not_before),
        "why": found.why,
    }


def refused(found: RefusedAlert) -> Json:
    return {
        "at": when(found.at),
        "sender": found.sender,
        "index": found.index,
        "reason": found.reason,
        "detail": found.detail,
        "labels": found.labels,
    }


def _step(found: PlanStep) -> Json:
    return {
        "action": found.action,
        "executor": found.executor,
        "node": found.node,
        "argv": list(found.argv),
        "call": found.call or None,
        "parameters": dict(found.parameters),
        "until": found.until or None,
        "timeout_ms": found.timeout // MILLISECOND,
        "idempotent": found.idempotent,
        "destructive": found.destructive,
        "fallback": _way(found.fallback) if found.fallback is not None else None,
    }


def _way(found: Way) -> Json:
    return {"executor": found.executor, "argv": list(found.argv), "call": found.call or None}


def _intent(found: Intent) -> Json:
    return {
        "id": found.id,
        "step": found.step,
        "attempt": found.attempt,
        "action": found.action,
        "executor": found.executor,
        "target": found.target,
        "token": found.token,
        "outcome": found.outcome or "unknown",
        "exit_code": found.exit_code,
        "output": found.output,
        "why": found.why,
        "address": found.address,
        "before": found.before,
        "guards": list(found.guards),
        "written_at": when(found.written_at),
        "deadline": when(found.deadline),
    }
