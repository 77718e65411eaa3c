"""May this rule start again for the same thing? Its `repeat:` modes over what was started before. Pure.

The planner keeps one `Run` per remediation it started, for as long as any window looks back.
"""

from collections.abc import Sequence

import msgspec

from healer.remediation.model import UNDER_WAY
from healer.times import DAY, Micros, format_duration
from rules import Facts, Repeat, Rule, key_of

MAX_RUNS = 20_000
"""Remediations that are remembered for repetition: the newest."""
KEPT: Micros = 7 * DAY
"""For how long."""


class Run(msgspec.Struct, frozen=True):
    """One remediation that was started: of which rule, for which keys of its `repeat:`, and how far it got."""

    remediation: str
    rule: str
    keys: dict[str, str]
    at: Micros
    state: str
    changed_at: Micros = 0

    @classmethod
    def of(cls, remediation: str, rule: Rule, facts: Facts, state: str) -> "Run":
        """The run that a rule begins now."""
        found = {repeat.per: key_of(repeat.per, rule, facts)[0] for repeat in rule.repeat if repeat.per}
        keys = {per: key for per, key in found.items() if key is not None}
        return cls(remediation, rule.name, keys, facts.now, state, facts.now)


class Repetition(msgspec.Struct, frozen=True):
    """What `repeat:` says of starting now: why it is skipped, or whether it waits, or whether somebody is asked."""

    skip: str = ""
    together: str = ""
    """What is skipped for the same key, and so told as one; until `window` after the first of them."""
    window: Micros = 0
    wait: bool = False
    ask: bool = False
    because: tuple[str, ...] = ()


def remember_run(runs: Sequence[Run], remediation: str, state: str, now: Micros) -> list[Run]:
    """The runs after one of them reached a state; those too old for any window are let go."""
    kept = [run for run in runs if run.at > now - KEPT or run.state in UNDER_WAY][-MAX_RUNS:]
    return [
        msgspec.structs.replace(run, state=state, changed_at=now) if run.remediation == remediation else run
        for run in kept
    ]


def repeats(rule: Rule, facts: Facts, runs: Sequence[Run]) -> Repetition:
    """What the rule's `repeat:` says of starting now. A key that is unknown skips: it may be the same."""
    found = Repetition()
    for repeat in rule.repeat:
        if repeat.form == "again":
            continue
        key, why = key_of(repeat.per, rule, facts)
        if key is None:
            return Repetition(skip=f"repeat: {repeat.text}: {why}")
        same = [run for run in runs if run.rule == rule.name and run.keys.get(repeat.per) == key]
        hindered = _hindered(repeat, same, facts.now)
        if not hindered:
            continue
        because = f"repeat: {repeat.text}: {hindered}"
        if repeat.way == "wait":
            return Repetition(wait=True, because=(because,))
        if repeat.way == "summarize":
            return Repetition(skip=because, together=f"{repeat.per} {key}", window=repeat.window)
        if repeat.way != "ask":
            return Repetition(skip=because)
        found = Repetition(ask=True, because=(*found.because, because))
    return found


def _hindered(repeat: Repeat, same: Sequence[Run], now: Micros) -> str:
    """What stands against starting, in a sentence, or ""."""
    if repeat.form == "running":
        going = [run for run in same if run.state in UNDER_WAY]
        return f"remediation {going[-1].remediation} is {going[-1].state}" if going else ""
    window = format_duration(repeat.window)
    if repeat.form == "success":
        helped = [run for run in same if run.state == "succeeded" and run.changed_at > now - repeat.window]
        return f"remediation {helped[-1].remediation} succeeded less than {window} ago" if helped else ""
    started = [run for run in same if run.at > now - repeat.window and run.state not in ("refused", "superseded")]
    return f"{len(started)} started in the last {window}" if len(started) >= repeat.count else ""
