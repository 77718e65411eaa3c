"""An incident's stored timeline as one finished OpenTelemetry trace: detect, converge, decide, execute, verify, notify. Pure.

The timeline is the truth; the trace is read from it when the incident is over, so no span is held open over a restart. Ids
are hashes of what they name: a trace that is exported twice, because of a crash in between, is the same trace.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from healer.convergence.outcome import Happening, Incident, Stage
from healer.times import Micros

VALUE = 1_000
"""Characters of one attribute."""
EVENTS = 500
"""Lines of a timeline that the root span carries as events: the newest."""

_SCOPE = InstrumentationScope("healer")
_FAILED = frozenset({"failed", "not_verified", "handed_over", "dead"})


class Part(msgspec.Struct, frozen=True):
    """One stage with its recorded begin and end; `failed` says why it did not do what it was for, or is ""."""

    stage: Stage
    began: Micros
    ended: Micros
    facts: Mapping[str, str]
    failed: str = ""


def parts(incident: Incident, timeline: Sequence[Happening]) -> list[Part]:
    """The stages of an incident in the order in which they began."""
    root = incident.root
    known = {"alertname": root.name, "node": root.node, "onset_from": root.onset_from}
    found = [
        Part("detect", min(root.onset, incident.began_at), incident.began_at, known),
        Part("converge", incident.began_at, incident.opened_at, {"firing": str(incident.total)}),
    ]
    for number, line in enumerate(timeline):
        later = timeline[number + 1 :]
        if (line.stage, line.code) == ("decide", "matched"):
            found.append(Part("decide", incident.opened_at, line.at, line.facts, _failure(line)))
        elif line.stage == "notify":
            found.append(Part("notify", _instant(line, "wanted_at"), line.at, line.facts, _failure(line)))
        elif line.code == "executing":
            found.append(_until_next(line, later, "execute"))
        elif line.code == "verifying" and not _goes_on(timeline[:number], line):
            found.append(_until_next(line, later, "verify"))
    return sorted((_in_order(part) for part in found), key=lambda part: part.began)


def spans(incident: Incident, timeline: Sequence[Happening], resource: Resource) -> list[ReadableSpan]:
    """The root span `incident` and one child for each stage, all finished."""
    found = parts(incident, timeline)
    began = min(part.began for part in found)
    ended = max(incident.resolved_at, *(part.ended for part in found))
    root = _context(incident, root_span_id(incident.trace_id))
    whole = ReadableSpan(
        "incident",
        context=root,
        resource=resource,
        attributes=_about(incident),
        events=[_event(line) for line in timeline[-EVENTS:]],
        kind=SpanKind.INTERNAL,
        status=Status(),
        start_time=began * 1_000,
        end_time=ended * 1_000,
        instrumentation_scope=_SCOPE,
    )
    return [whole, *(_span(incident, number, part, root, resource) for number, part in enumerate(found))]


def root_span_id(trace_id: str) -> int:
    """The id of an incident's root span: the one that `traceparent` names on everything that goes out for it."""
    return int(trace_id[16:], 16) or int(trace_id[:16], 16)


def _span(incident: Incident, number: int, part: Part, root: SpanContext, resource: Resource) -> ReadableSpan:
    seed = f"{incident.trace_id} {part.stage} {number}".encode()
    id = int.from_bytes(blake2b(seed, digest_size=8).digest()) or 1
    return ReadableSpan(
        part.stage,
        context=_context(incident, id),
        parent=root,
        resource=resource,
        attributes={f"healer.{name}": value[:VALUE] for name, value in part.facts.items() if value},
        kind=SpanKind.INTERNAL,
        status=Status(StatusCode.ERROR, part.failed[:VALUE]) if part.failed else Status(),
        start_time=part.began * 1_000,
        end_time=part.ended * 1_000,
        instrumentation_scope=_SCOPE,
    )


def _context(incident: Incident, span_id: int) -> SpanContext:
    return SpanContext(int(incident.trace_id, 16), span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _about(incident: Incident) -> dict[str, str | int]:
    known = {
        "incident": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "status": incident.status,
        "resolution": incident.resolution,
        "merged_into": incident.merged_into,
    }
    told: dict[str, str | int] = {f"healer.{name}": value[:VALUE] for name, value in known.items() if value}
    return told | {"healer.alerts": incident.total, "healer.reopened": incident.reopened}


def _event(line: Happening) -> Event:
    facts = {name: value[:VALUE] for name, value in line.facts.items() if value}
    return Event(f"{line.stage}: {line.code}", facts, timestamp=line.at * 1_000)


def _until_next(line: Happening, later: Sequence[Happening], stage: Stage) -> Part:
    """From this line until the same remediation is in another state."""
    following = (one for one in later if _same(one, line) and one.code != line.code)
    end = next(following, line)
    facts = line.facts | {"ended_as": end.code, "detail": end.facts.get("detail", "")}
    return Part(stage, line.at, end.at, facts, _failure(end))


def _goes_on(earlier: Sequence[Happening], line: Happening) -> bool:
    """Whether the same remediation was in the same state right before: it only noted something."""
    before = next((one for one in reversed(earlier) if _same(one, line)), None)
    return before is not None and before.code == line.code


def _same(one: Happening, other: Happening) -> bool:
    return one.facts.get("remediation", "") == other.facts.get("remediation", "") != ""


def _failure(line: Happening) -> str:
    if line.code not in _FAILED and line.facts.get("state") not in _FAILED:
        return ""
    return line.facts.get("detail") or line.facts.get("why") or line.code


def _instant(line: Happening, name: str) -> Micros:
    written = line.facts.get(name, "")
    return int(written) if written.isdecimal() else line.at


def _in_order(part: Part) -> Part:
    """No span ends before it begins, whatever clocks did."""
    return part if part.began <= part.ended else msgspec.structs.replace(part, began=part.ended)
