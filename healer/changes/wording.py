"""A change in one sentence, as the chat and the candidates tell it. Pure."""

from healer.changes.model import Change, Touched
from healer.times import SECOND, Micros, format_duration

SHORT_SHA = 8
_DONE = {
    "pushed": "was pushed",
    "running": "is being deployed",
    "succeeded": "was deployed",
    "failed": "failed to be deployed",
}


def told(one: Touched, onset: Micros) -> str:
    """`acme/shop was deployed to production 4m before (main, 1a2b3c4d, by alice)`."""
    change = one.change
    ago = max(onset - one.since, 0) // SECOND * SECOND
    when = f"{format_duration(ago)} before" if ago else "right before"
    return f"{change.repo} {_what(change)} {when} ({_which(change)})"


def _what(change: Change) -> str:
    done = _DONE.get(change.state, change.state)
    return f"{done} to {change.env}" if change.env else done


def _which(change: Change) -> str:
    ref = change.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
    parts = [ref, change.sha[:SHORT_SHA], f"by {change.actor}" if change.actor else ""]
    return ", ".join(part for part in dict.fromkeys(parts) if part)
