"""What was decided and done, out of the audit log, in words. Used by `healer incidents report` and `healer audit list`."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from healer.cli.connection import Json
from healer.cli.output import Output
from healer.cli.words import time_of_day

_NAMED = (
    *("by", "rule", "target", "action", "guard", "scope", "node", "silence", "matchers", "agreed"),
    *("token", "plan", "why", "detail", "comment"),
)
"""What of an entry is said in its line, in this order; what more there is stands beneath in a report."""
_PLAN = {
    "mode": "mode",
    "capped_by": "held back by",
    "because": "because",
    "steps": "steps",
    "rule_version": "rule's version",
}
_EFFECT = {
    "address": "at",
    "identity": "identity",
    "before": "state before",
    "guards": "guards",
}
_OUTCOME = {"exit_code": "exit code", "output_sha256": "output (SHA-256)"}
"""What stands beneath an entry, by what it is about, and how a report calls it."""
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
        for line in _beneath(each["kind"], detail or {}):
            output.line(f"          {line}")
    output.aside(
        "healer audit verify says whether this is what was written then"
        + (f"; trace {', '.join(traces)}" if traces else "")
    )


def _beneath(kind: str, detail: Mapping[str, Any]) -> Iterator[str]:
    """The lines beneath an entry; a list takes a line for each of its parts."""
    fields = _EFFECT if kind == "intent" else _OUTCOME if kind.startswith("intent ") else _PLAN
    if "because" not in detail and fields is _PLAN:
        fields = {}
    if kind == "intent" and detail.get("argv"):
        yield f"command: {_short(shlex.join(map(str, detail['argv'])))}"
    for name, called in {**fields, "measured": "measured"}.items():
        value = detail.get(name)
        if value in (None, "", []):
            continue
        if isinstance(value, list) and len(value) > 1:
            yield f"{called}:"
            yield from (f"  {_text(one)}" for one in value)
        else:
            yield f"{called}: {_text(value)}"


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
        return ", ".join(f"{name} {one}" for name, one in value.items() if one not in (None, "", 0))
    return _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:LONG]}..."
