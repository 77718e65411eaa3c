"""What must not matter does not: the order of arrival, how deliveries and steps are cut, the process that decides."""

import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from healer.alerts.model import Alert
from healer.convergence.outcome import AlertView, Happening, Incident
from healer.convergence.settings import Convergence
from healer.times import SECOND
from tests.unit.convergence.histories import JOINED, QUIET, SHORT, Event, Kind, Story, Telling, random_story, stories
from tests.unit.convergence.promises import check_incidents, partition
from tests.unit.convergence.world import START, Graph, World

ENDS = 160
"""When something ends again, in seconds after `START`: all has arrived by then."""


@st.composite
def sets(draw: st.DrawFn) -> tuple[Graph, list[Alert], list[Alert], list[int]]:
    """A graph, a set of alerts with their onsets, the same in another order, and gaps between arrivals, in seconds."""
    story = draw(stories(ends=False, deliveries=1))
    kind = st.builds(
        Kind, st.sampled_from(("Hot", "Down")), st.sampled_from(story.nodes), st.sampled_from(("error", "critical"))
    )
    kinds = draw(st.lists(kind, min_size=2, max_size=8, unique=True))
    alerts = [Alert(one.labels, True, START + draw(st.integers(0, 60)) * SECOND, 0) for one in kinds]
    return story.graph, alerts, draw(st.permutations(alerts)), draw(st.lists(st.integers(0, 9), min_size=8, max_size=8))


def arrive(
    graph: Graph, alerts: list[Alert], gaps: list[int], ends: list[Alert], settings: Convergence = SHORT
) -> World:
    """The alerts arrive one after the other; then some of them end; then all holds and settles run out."""
    world, at = World(graph, settings), 60
    for alert, gap in zip(alerts, gaps, strict=False):
        at += gap
        world.deliver(START + at * SECOND, (alert,))
    world.until(f"{ENDS - 10}s")
    gone = START + ENDS * SECOND
    world.deliver(gone, tuple(Alert(one.labels, False, one.starts_at, gone) for one in ends))
    return world.until(f"{ENDS + QUIET}s")


@given(sets(), st.integers(0, 3))
def test_order_of_arrival(drawn: tuple[Graph, list[Alert], list[Alert], list[int]], ending: int) -> None:
    """A3: the same alerts in another order, at another pace, come to the same incidents with the same roots."""
    graph, alerts, shuffled, gaps = drawn
    ends = alerts[:ending]
    one = arrive(graph, alerts, gaps, ends)
    other = arrive(graph, shuffled, gaps[::-1], ends)
    assert partition(one) == partition(other)
    assert verdicts(one) == verdicts(other)


def verdicts(world: World) -> dict[bytes, tuple[str, bytes, str, int]]:
    return {view.labels: (view.status, view.by, view.code, view.onset) for view in world.engine.alerts()}


def explained(world: World) -> dict[bytes, bytes]:
    return {view.labels: view.by for view in world.engine.alerts() if view.status == "suppressed"}


def deliveries(story: Story) -> list[tuple[int, tuple[Alert, ...]]]:
    """The story as it arrives, each alert at most once in a delivery, those that end before those that fire.

    What ends keeps its last verdict, so an end before or after the arrival of its cause are two histories.
    """
    began: dict[Kind, int] = {}
    told = []
    for at, events in story.deliveries:
        now, alerts = START + at * SECOND, []
        for event in {event.who: event for event in events}.values():
            if event.what == "ends":
                alerts.append(Alert(event.who.labels, False, began.get(event.who, now), now))
            else:
                if not event.copy or event.who not in began:
                    began[event.who] = now - event.lag * SECOND
                alerts.append(Alert(event.who.labels, True, began[event.who], 0))
        told.append((now, tuple(sorted(alerts, key=lambda alert: alert.firing))))
    return told


FACE_ENDS = Story(
    edges=(("n0", "n1"),),
    nodes=("n0", "n1"),
    deliveries=(
        (100, (Event(Kind("Hot", "n1", "warning"), "fires", 0, False),)),
        (101, (Event(Kind("Down", "n1", "warning"), "fires", 0, False),)),
        (
            105,
            (
                Event(Kind("Hot", "n1", "warning"), "ends", 0, False),
                Event(Kind("Hot", "n0", "warning"), "fires", 0, False),
                Event(Kind("Hot", "n0", "error"), "fires", 0, False),
            ),
        ),
    ),
)
"""An incident's face ends in the delivery that explains what else was told of it."""


DOWN_TURNS_WORSE = Story(
    edges=(("n0", "n2"), ("n1", "n2")),
    nodes=("n0", "n1", "n2"),
    deliveries=(
        (
            100,
            (
                Event(Kind("Hot", "n0", "warning"), "fires", 0, False),
                Event(Kind("Hot", "n1", "warning"), "fires", 0, False),
                Event(Kind("Down", "n0", "warning"), "fires", 0, False),
            ),
        ),
        (
            105,
            (
                Event(Kind("Down", "n0", "error"), "fires", 0, False),
                Event(Kind("Down", "n0", "warning"), "ends", 0, False),
            ),
        ),
    ),
)
"""What is down ends with one severity and fires with another, beside something else that is only hot."""


A_SIDE_TAKES_OVER = Story(
    edges=(("n0", "n1"),),
    nodes=("n0", "n1"),
    deliveries=(
        (100, (Event(Kind("Hot", "n0", "warning"), "fires", 0, False),)),
        (100, (Event(Kind("Hot", "n0", "error"), "fires", 0, False),)),
        (100, (Event(Kind("Hot", "n0", "error"), "ends", 0, False),)),
        (108, (Event(Kind("Hot", "n1", "error"), "fires", 0, False),)),
        (115, (Event(Kind("Down", "n1", "critical"), "fires", 0, False),)),
        (
            115,
            (
                Event(Kind("Hot", "n0", "error"), "fires", 0, False),
                Event(Kind("Down", "n1", "critical"), "ends", 0, False),
            ),
        ),
    ),
)
"""The root of an incident ends at the instant at which one of its sides explains all else that was told of it."""


@pytest.mark.parametrize("settings", [SHORT, JOINED], ids=["apart", "joined"])
@given(stories())
@example(FACE_ENDS)
@example(DOWN_TURNS_WORSE)
@example(A_SIDE_TAKES_OVER)
def test_split_deliveries(settings: Convergence, story: Story) -> None:
    """One delivery, or one for each of its alerts at the same instant: the same verdicts, and in the end the same incidents.

    Ids may differ, since they are hashes of the position in the journal.
    """
    whole, split = World(story.graph, settings), World(story.graph, settings)
    for at, alerts in deliveries(story):
        whole.deliver(at, alerts)
        for alert in alerts:
            split.deliver(at, (alert,))
        explained = [
            {key: found[1:2] for key, found in verdicts(world).items() if found[1]} for world in (whole, split)
        ]
        assert explained[0].keys() == explained[1].keys()
        check_incidents(split)
    for world in (whole, split):
        world.until("1000s")
    assert verdicts(whole) == verdicts(split)
    assert partition(whole) == partition(split)


LET_GO = Story(
    edges=(("n0", "n1"),),
    nodes=("n0", "n1"),
    deliveries=(
        (100, (Event(Kind("Hot", "n1", "warning"), "fires", 0, False),)),
        (
            105,
            (
                Event(Kind("Hot", "n1", "warning"), "ends", 0, False),
                Event(Kind("Hot", "n0", "warning"), "fires", 0, False),
            ),
        ),
        (105, (Event(Kind("Hot", "n1", "warning"), "fires", 0, False),)),
        (105, (Event(Kind("Hot", "n1", "warning"), "fires", 1, False),)),
    ),
)
"""An incident ends, and its alert fires again elsewhere."""

CAUSE_JOINS = Story(
    edges=(("n0", "n2"), ("n1", "n2")),
    nodes=("n0", "n1", "n2"),
    deliveries=(
        (
            100,
            (
                Event(Kind("Hot", "n0", "error"), "fires", 0, False),
                Event(Kind("Down", "n2", "warning"), "fires", 9, False),
            ),
        ),
        (101, (Event(Kind("Hot", "n1", "warning"), "fires", 2, False),)),
    ),
    groups=(("n2", 1, ("n0", "n1")),),
)
"""The cause that an incident is shown beside joins another incident a moment later."""

ENDS_TWICE = Story(
    edges=(),
    nodes=("n0", "n1"),
    deliveries=(
        (
            100,
            (
                Event(Kind("Hot", "n0", "warning"), "fires", 0, False),
                Event(Kind("Hot", "n0", "error"), "fires", 0, False),
            ),
        ),
        (100, (Event(Kind("Hot", "n0", "error"), "ends", 0, False),)),
        (105, (Event(Kind("Hot", "n0", "warning"), "ends", 0, False),)),
        (105, (Event(Kind("Hot", "n0", "error"), "fires", 0, True),)),
        (106, (Event(Kind("Hot", "n0", "error"), "ends", 0, False),)),
    ),
)
"""An alert comes back as a copy when its incident is just over, and ends once more."""


@pytest.mark.parametrize("settings", [SHORT, JOINED], ids=["apart", "joined"])
@given(stories(), st.lists(st.integers(1, 400), max_size=20))
@example(LET_GO, [])
@example(CAUSE_JOINS, [])
@example(ENDS_TWICE, [])
def test_more_or_fewer_steps(settings: Convergence, story: Story, looks: list[int]) -> None:
    """How often time is let pass, and how often what changed is taken between records and timers, changes nothing that is told.

    Ids and times included, and what is said of incidents that are over.
    """
    told = deliveries(story)
    often, seldom = World(story.graph, settings), World(story.graph, settings)
    times = sorted({START + second * SECOND for second in looks})
    for position, (at, alerts) in enumerate(told, 1):
        for time in [time for time in times if time <= at]:
            often.engine.advance(time)
            often.take()
        times = [time for time in times if time > at]
        often.deliver(at, alerts)
        seldom.pass_to(at)
        seldom.engine.deliver("prometheus", alerts, position, at)
        seldom.take()
    for time in range(406, 1000, 7):
        often.until(f"{time}s")
    often.until("1000s")
    seldom.pass_to(START + 1000 * SECOND)
    assert list(often.engine.alerts()) == list(seldom.engine.alerts())
    assert often.timeline == seldom.timeline
    assert outcomes(often) == outcomes(seldom)


def outcomes(world: World) -> dict[str, Incident]:
    """The incidents but for the number of times that they were written."""
    return {id: msgspec.structs.replace(one, revision=0) for id, one in world.incidents.items()}


@pytest.mark.parametrize("settings", [SHORT, JOINED], ids=["apart", "joined"])
@given(stories(), st.integers(0, 13))
def test_memory_as_bytes(settings: Convergence, story: Story, cut: int) -> None:
    """An engine that is frozen and thawed between two deliveries goes on as if nothing had happened."""
    through, cut_short = World(story.graph, settings), World(story.graph, settings)
    for number, (at, alerts) in enumerate(deliveries(story)):
        through.deliver(at, alerts)
        cut_short.deliver(at, alerts)
        if number == cut:
            frozen = msgspec.msgpack.encode(cut_short.engine.freeze())
            thawed = msgspec.msgpack.decode(frozen, type=type(cut_short.engine.freeze()))
            cut_short.engine = type(cut_short.engine).thawed(thawed, settings, story.graph, "test")
    for world in (through, cut_short):
        world.until("1000s")
    assert list(through.engine.alerts()) == list(cut_short.engine.alerts())
    assert (through.incidents, through.timeline) == (cut_short.incidents, cut_short.timeline)


def taken(seeds: int) -> bytes:
    """All that many stories tell, as bytes."""
    told: list[tuple[list[AlertView], dict[str, Incident], list[Happening]]] = []
    for seed in range(seeds):
        telling = Telling(random_story(seed))
        for at, events in telling.story.deliveries:
            telling.tell(at, events)
        telling.pass_to(1000)
        told.append((list(telling.world.engine.alerts()), telling.world.incidents, telling.world.timeline))
    return msgspec.json.encode(told)


def test_any_process() -> None:
    """The same history gives the same bytes in processes that hash strings differently."""
    script = "import sys; from tests.unit.convergence.test_promises import taken; sys.stdout.buffer.write(taken(40))"
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "4242")
    ]
    assert len(said[0]) > 10_000
    assert said[0] == said[1]
