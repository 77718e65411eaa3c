"""What was decided and done, out of the audit log, in words. Used by `healer incidents report` and `healer audit list`."""

from collections.abc import Mapping, Sequence
from typing import Any

from healer.cli.connection import Json
from healer.cli.output import Output
from healer.cli.words import time_of_day

_NAMED = (
    *("by", "rule", "target", "action", "guard", "scope", "node", "silence", "matchers", "agreed"),
    *("token", "plan", "why", "detail", "comment"),
)
"""What of an entry is said in its line, in this order; what more there is stands beneath in a report."""
_BENEATH = {
    "mode": "mode",
    "capped_by": "held back by",
    "because": "because",
    "steps": "steps",
    "limits": "limits",
    "guards": "counted",
    "argv": "command",
    "address": "at",
    "identity": "identity",
    "before": "state before",
    "exit_code": "exit code",
    "output_sha256": "output (SHA-256)",
    "rule_version": "rule's version",
}
"""Fields that a report shows, and how it calls them."""
LONG = 400
"""Characters of one field in a report; the export has all of it."""


def show(output: Output, entries: Sequence[Json]) -> None:
    """Every decision and effect of an incident in its order: who or which rule, on what, by which right, and what came of it."""
    output.heading("What was decided and done (from the audit log, UTC)")
    if not entries:
        output.line("nothing was")
        return
    traces = sorted({str(each["detail"]["trace_id"]) for each in entries if (each["detail"] or {}).get("trace_id")})
    for each in entries:
        detail = each["detail"]
        output.line(f"{time_of_day(each['at'])}  {each['number']}  {each['kind']}", "bold")
        said = line_of(detail)
        if said:
            output.line(f"          {said}")
        for name, called in _BENEATH.items():
            if detail is not None and detail.get(name) not in (None, "", []):
                output.line(f"          {called}: {_text(detail[name])}")
    output.aside(
        "healer audit verify says whether this is what was written then"
        + (f"; trace {', '.join(traces)}" if traces else "")
    )


def line_of(detail: Mapping[str, Any] | None) -> str:
    """The facts of an entry in a line."""
    if detail is None:
        return "it is no JSON any more: see `healer audit verify`"
    known = [(name, detail[name]) for name in _NAMED if detail.get(name) not in (None, "", [])]
    return ", ".join(f"{name} {_text(value)}" for name, value in known)


def _text(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(_text(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items())
    text = str(value)
    return text if len(text) <= LONG else f"{text[:LONG]}..."
