"""Does the past decide itself the same way again? The recorded journal through the real fold, digest by digest. Pure.

Called by `healer replay`. Nothing is sent, run or written.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import Protocol

import msgspec

from healer.convergence.outcome import Happening, Incident
from healer.journey.ports import Step, StepMark
from healer.journey.refold import Again, Charters, Gap, Past, Refold
from healer.times import Micros

MAX_TOLD = 20
"""Differences of one step that are told."""

MAX_SHOWN = 120
"""Characters of one value that are shown."""

Heard = Callable[[StepMark], None]
"""Hears of every step that was folded."""


class Records(Past, Protocol):
    """What a store kept of decisions besides their digests: projections, which say what a digest cannot."""

    async def incident(self, id: str) -> Incident | None: ...

    async def timeline(self, incident: str) -> list[Happening]: ...


class Span(msgspec.Struct, frozen=True):
    """From when until when, both included."""

    since: Micros = 0
    until: Micros = (1 << 63) - 1

    def __contains__(self, at: Micros) -> bool:
        return self.since <= at <= self.until


class Difference(msgspec.Struct, frozen=True):
    """The first step that came out otherwise, with what can be said of how."""

    step: int
    now: Micros
    recorded: str
    replayed: str
    sentences: tuple[str, ...]


class Proof(msgspec.Struct, frozen=True):
    """How many steps were compared, from where the fold began, and the first that differs, if one does.

    `began_at` is the step of the snapshot that it began with; 0 is the beginning of the journal. `last` is the last step folded.
    """

    began_at: int
    compared: int
    records: int
    last: int
    difference: Difference | None = None
    gap: str = ""

    @property
    def same(self) -> bool:
        return self.difference is None and not self.gap


async def prove(past: Records, charters: Charters, installation: str, span: Span, heard: Heard) -> Proof:
    """Fold the past again and compare each step in the span; stop at the first that differs."""
    refold = Refold(past, charters, installation)
    await begin(refold, past, span)
    began_at = refold.number
    compared = records = 0
    before: Micros = 0
    difference, gap = None, ""
    try:
        async with aclosing(refold.run()) as steps:
            async for again in steps:
                if again.mark.now > span.until:
                    break
                heard(again.mark)
                if again.mark.now not in span:
                    before = again.mark.now
                    continue
                compared += 1
                records += len(again.entries)
                if not again.same:
                    difference = await _difference(past, again, before)
                    break
                before = again.mark.now
    except Gap as missing:
        gap = str(missing)
    return Proof(began_at, compared, records, refold.number, difference, gap)


async def begin(refold: Refold, past: Past, span: Span) -> None:
    """Begin as early as has to be: at the beginning while it is there, else with the oldest snapshot; at `since` for a span."""
    steps, rows = await past.steps(0, 1), await past.read(0, 1)
    whole = bool(steps and rows) and (steps[0].number, rows[0].position) == (1, 1)
    if not steps or (whole and not span.since):
        return
    newest = (1 << 63) - 1
    if span.since:
        await refold.open(newest, until=span.since)
    if refold.fold is None and not whole:
        while (snapshot := await past.snapshot(before=newest)) is not None:
            newest = snapshot.number
        await refold.open(newest + 1)


async def _difference(past: Records, again: Again, before: Micros) -> Difference:
    """`before` is when the step before it was."""
    step = again.step
    sentences = await _told(past, (before, again.mark.now), step) if step else []
    if step is None:
        sentences.append("a decision was recorded, and none is made now")
    if not sentences:
        sentences.append(
            "the digest is another; incidents and timelines are as recorded, so it is plans, messages or the form of a record"
        )
    replayed = step.digest if step else ""
    return Difference(again.mark.number, again.mark.now, again.mark.digest, replayed, tuple(sentences[:MAX_TOLD]))


async def _told(past: Records, between: tuple[Micros, Micros], step: Step) -> list[str]:
    """What the step says now of its incidents, beside what was recorded of them and of the time between."""
    sentences: list[str] = []
    touched = dict.fromkeys([incident.id for incident in step.incidents] + [line.incident for line in step.timeline])
    for id in touched:
        lines = [line for line in step.timeline if line.incident == id]
        recorded = await past.timeline(id)
        then = [line for line in recorded if between[0] < line.at <= between[1]]
        sentences += [f"{_line(line)}: decided now, not recorded" for line in lines if line not in recorded]
        sentences += [f"{_line(line)}: recorded, not decided now" for line in then if line not in lines]
    for incident in step.incidents:
        kept = await past.incident(incident.id)
        if kept is None:
            sentences.append(f"incident {incident.id} ({incident.title}): opened now, not recorded")
        elif kept.revision == incident.revision:
            sentences += _fields(kept, incident)
    return sentences


def _line(line: Happening) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in line.facts.items())
    return f"incident {line.incident}: {line.code}" + (f" ({facts})" if facts else "")


def _fields(kept: Incident, now: Incident) -> list[str]:
    return [
        f"incident {now.id}: {name} is {_shown(getattr(now, name))} now, {_shown(getattr(kept, name))} was recorded"
        for name in Incident.__struct_fields__
        if getattr(now, name) != getattr(kept, name)
    ]


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "..."
