"""The trace of an incident, read from its timeline; and when it is handed over, in virtual time."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import msgspec
import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import StatusCode

from healer.convergence.outcome import Happening, Incident, Stage
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.telemetry.exporting import LOOK_S, PATIENCE, NotTaken, TraceExport
from healer.telemetry.trace import EVENTS, Part, parts, root_span_id, spans
from healer.times import SECOND, Micros
from notifiers import tracing
from tests.contracts.store.given import NOON, closed, step, wanted
from tests.contracts.store.given import incident as given_incident
from tests.simulation.loop import SimLoop
from tests.simulation.world import SimClock

RESOURCE = Resource({"service.name": "healer"})


def at(seconds: float) -> Micros:
    return NOON + int(seconds * SECOND)


def line(seconds: float, stage: Stage, code: str, **facts: str) -> Happening:
    return Happening("i1", at(seconds), stage, code, facts)


def moved(seconds: float, state: str, stage: Stage = "execute", detail: str = "", remediation: str = "r1") -> Happening:
    return line(seconds, stage, state, remediation=remediation, state=state, detail=detail, what="restart shop")


def over(**changes: Any) -> Incident:
    """It began at noon, was heard of 5 s later, told at 20 s, and ended after 3 minutes."""
    found = given_incident("i1", status="resolved")
    root = msgspec.structs.replace(found.root, onset=at(0))
    times = {"began_at": at(5), "opened_at": at(20), "resolved_at": at(180), "resolution": "sent"}
    return msgspec.structs.replace(found, root=root, **(times | changes))


HEALED = [
    line(20, "detect", "arrived"),
    line(20, "converge", "opened"),
    line(21, "notify", "told", channel="duty", said="broken", wanted_at=str(at(20))),
    line(50, "decide", "matched", rule="shop", state="planned", what="restart shop", because="duration is 50s"),
    moved(51, "executing"),
    moved(53, "verifying", "verify"),
    moved(90, "verifying", "verify"),
    line(54, "notify", "edited", channel="duty", said="healing", wanted_at=str(at(53))),
    line(120, "converge", "resolved"),
    moved(150, "succeeded", "verify", "alert resolved"),
    line(151, "notify", "edited", channel="duty", said="healed", wanted_at=str(at(150))),
]


def stages(found: Sequence[Part]) -> list[tuple[str, float, float]]:
    return [(one.stage, (one.began - NOON) / SECOND, (one.ended - NOON) / SECOND) for one in found]


def test_every_stage_has_its_recorded_begin_and_end() -> None:
    """From the onset to the last word that people were told."""
    assert stages(parts(over(), HEALED)) == [
        ("detect", 0, 5),
        ("converge", 5, 20),
        ("notify", 20, 21),
        ("decide", 20, 50),
        ("execute", 51, 53),
        ("verify", 53, 150),
        ("notify", 53, 54),
        ("notify", 150, 151),
    ]


def test_a_stage_that_did_not_do_what_it_was_for_says_why() -> None:
    """A failed step, a verification that saw nothing good, a recipient that was not reached."""
    found = parts(
        over(),
        [
            moved(51, "executing"),
            moved(52, "failed", detail="exited with 3"),
            moved(60, "executing", remediation="r2"),
            moved(61, "verifying", "verify", remediation="r2"),
            moved(99, "not_verified", "verify", "up is 0", remediation="r2"),
            line(100, "notify", "dead", channel="duty", why="chat not found"),
        ],
    )
    assert [(one.stage, one.failed) for one in found[2:]] == [
        ("execute", "exited with 3"),
        ("execute", ""),
        ("verify", "up is 0"),
        ("notify", "chat not found"),
    ]


def test_two_remediations_do_not_end_each_others_stages() -> None:
    """Each is followed by its own id."""
    timeline = [
        moved(10, "executing"),
        moved(11, "executing", remediation="r2"),
        moved(12, "verifying", "verify", remediation="r2"),
        moved(20, "verifying", "verify"),
    ]
    executed = [one for one in stages(parts(over(), timeline)) if one[0] == "execute"]
    assert executed == [("execute", 10, 20), ("execute", 11, 12)]


def test_a_step_that_is_run_again_is_two_stages() -> None:
    """Each attempt is one span."""
    timeline = [moved(10, "executing"), moved(12, "planned"), moved(13, "executing"), moved(15, "failed")]
    executed = [one for one in stages(parts(over(), timeline)) if one[0] == "execute"]
    assert executed == [("execute", 10, 12), ("execute", 13, 15)]


def test_one_trace_with_finished_spans_under_one_root() -> None:
    """Its id is the incident's, its root is what `traceparent` names on all that goes out, and every span is sampled."""
    root, *children = spans(over(), HEALED, RESOURCE)
    incident = over()
    assert root.name == "incident"
    assert root.parent is None
    parent = tracing.headers(incident.trace_id)["traceparent"].split("-")[2]
    assert f"{root_span_id(incident.trace_id):016x}" == parent
    everything = [root, *children]
    ids = set()
    for span in everything:
        context = span.get_span_context()
        assert context is not None
        assert f"{context.trace_id:032x}" == incident.trace_id
        assert context.trace_flags.sampled
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time <= span.end_time
        ids.add(context.span_id)
    assert len(ids) == len(everything)
    assert all(child.parent == root.get_span_context() for child in children)
    assert (root.start_time, root.end_time) == (NOON * 1000, at(180) * 1000)


def test_the_same_incident_gives_the_same_trace() -> None:
    """So that one that is exported twice is there once."""
    first, second = ([span.to_json() for span in spans(over(), HEALED, RESOURCE)] for _ in range(2))
    assert first == second


def test_the_spans_say_what_happened() -> None:
    """Attributes of the stage, its failure as the span's status, the timeline as events of the root."""
    timeline = [*HEALED, line(170, "notify", "dead", channel="boss", why="blocked")]
    root, *children = spans(over(), timeline, RESOURCE)
    assert root.attributes is not None
    assert root.attributes["healer.incident"] == "i1"
    assert root.attributes["healer.resolution"] == "sent"
    assert [event.name for event in root.events][:2] == ["detect: arrived", "converge: opened"]
    by_name = {child.name: child for child in children}
    assert by_name["decide"].attributes is not None
    assert by_name["decide"].attributes["healer.because"] == "duration is 50s"
    assert by_name["notify"].status.status_code is StatusCode.ERROR
    assert by_name["notify"].status.description == "blocked"
    assert by_name["execute"].status.status_code is StatusCode.UNSET


def test_a_trace_ends_with_its_last_stage() -> None:
    """Verification and the last edit may come after the alert's end."""
    root, *_ = spans(over(resolved_at=at(60)), HEALED, RESOURCE)
    assert root.end_time == at(151) * 1000


def test_clocks_that_disagree_give_no_span_that_ends_before_it_begins() -> None:
    """A sender ahead of us, or a wall clock that went back."""
    incident = over(began_at=at(-30), opened_at=at(-60))
    assert all(one.began <= one.ended for one in parts(incident, HEALED))


def test_a_long_timeline_keeps_its_end() -> None:
    """An event per line, and not more than a collector takes."""
    root, *_ = spans(over(), [line(number, "converge", "noted") for number in range(EVENTS + 5)], RESOURCE)
    assert len(root.events) == EVENTS
    assert root.events[-1].timestamp == at(EVENTS + 4) * 1000


class Collector:
    """Takes spans, or does not."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.refusals: list[NotTaken] = []

    async def export(self, spans: Sequence[ReadableSpan]) -> None:
        if self.refusals:
            raise self.refusals.pop()
        (id,) = {str((span.attributes or {}).get("healer.incident")) for span in spans if span.parent is None}
        self.taken.append(id)


class Stand:
    def __init__(self, loop: SimLoop, memory: Memory, sample: float = 1.0) -> None:
        self.clock = SimClock(loop, epoch=NOON)
        self.store = Store(InlineRun(memory, self.clock), "test")
        self.collector = Collector()
        self.export = TraceExport(self.store, self.collector, self.clock, sample=sample)
        self.steps = 0

    async def ends(self, *ids: str, **more: Any) -> None:
        if not self.steps:
            await self.store.take_over("one")
        self.steps += 1
        incidents = tuple(given_incident(id, status="resolved") for id in ids)
        now = self.clock.now()
        ended = step(self.steps, 1, 0, now=now, incidents=incidents, closed=tuple(closed(id) for id in ids), **more)
        await self.store.commit(ended)


def play(work: Any, sample: float = 1.0) -> None:
    with closing(Memory()) as memory, SimLoop(1) as loop:

        async def all_of_it() -> None:
            stand = Stand(loop, memory, sample)
            task = loop.create_task(stand.export.run())
            await work(stand)
            task.cancel()

        loop.run(all_of_it())


def test_each_incident_is_exported_once_also_over_a_restart() -> None:
    """The mark is in the store."""

    async def work(stand: Stand) -> None:
        await stand.ends("i1", "i2")
        await asyncio.sleep(3 * LOOK_S)
        assert stand.collector.taken == ["i1", "i2"]
        await TraceExport(stand.store, stand.collector, stand.clock).look()
        await stand.ends("i3")
        await asyncio.sleep(2 * LOOK_S)
        assert stand.collector.taken == ["i1", "i2", "i3"]

    play(work)


def test_a_collector_that_is_away_is_asked_again() -> None:
    """Nothing is lost, and nothing is marked."""

    async def work(stand: Stand) -> None:
        stand.collector.refusals = [NotTaken("503", again=True)] * 3
        await stand.ends("i1", "i2")
        await asyncio.sleep(6 * LOOK_S)
        assert stand.collector.taken == ["i1", "i2"]

    play(work)


def test_a_trace_that_is_refused_for_good_keeps_nobody_else_from_being_exported() -> None:
    """It is logged and given up."""

    async def work(stand: Stand) -> None:
        stand.collector.refusals = [NotTaken("400", again=False)]
        await stand.ends("i1", "i2")
        await asyncio.sleep(3 * LOOK_S)
        assert stand.collector.taken == ["i2"]

    play(work)


def test_a_trace_waits_for_its_last_recipient_within_patience() -> None:
    """Who cannot be told for hours does not keep the trace for as long."""

    async def work(stand: Stand) -> None:
        await stand.ends("i1", wanted=(wanted("i1"),))
        await asyncio.sleep(PATIENCE / SECOND - LOOK_S)
        assert stand.collector.taken == []
        await asyncio.sleep(3 * LOOK_S)
        assert stand.collector.taken == ["i1"]

    play(work)


@pytest.mark.parametrize(("sample", "least", "most"), [(0.0, 0, 0), (0.5, 20, 80), (1.0, 100, 100)])
def test_a_sample_is_a_share_of_incidents(sample: float, least: int, most: int) -> None:
    """Whole traces or none, chosen by the trace id; what is left out is not looked at again."""

    async def work(stand: Stand) -> None:
        await stand.ends(*(f"i{number}" for number in range(100)))
        await asyncio.sleep(4 * LOOK_S)
        assert least <= len(stand.collector.taken) <= most
        assert await stand.store.untraced(patience_ended=stand.clock.now(), limit=10) == []

    play(work, sample)
