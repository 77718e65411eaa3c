"""What is connected is one incident, by default: that too depends on what fires, and not on the order in which it came."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.model import Alert
from healer.convergence import connected, incidents, regroup
from healer.convergence.episode import Episode, Place
from healer.convergence.state import State
from healer.times import SECOND
from tests.unit.convergence.histories import JOINED, QUIET, Event, Kind, Story, Telling, random_story, stories
from tests.unit.convergence.oracle_of_faults import Faults
from tests.unit.convergence.promises import check_fixed_point, check_incidents, check_statuses, partition
from tests.unit.convergence.test_promises import arrive, sets, verdicts
from tests.unit.convergence.world import START, Graph, World

STORIES = 120
Patch = Callable[[pytest.MonkeyPatch], None]


@given(sets(), st.integers(0, 3), st.integers(0, 7))
def test_order_of_arrival(drawn: tuple[Graph, list[Alert], list[Alert], list[int]], ending: int, far: int) -> None:
    """A3: the same alerts in another order, at another pace, come to the same incidents with the same roots and names."""
    graph, alerts, shuffled, gaps = drawn
    ends = alerts[:ending]
    one = arrive(graph, alerts, gaps, ends, JOINED)
    other = arrive(
        graph, shuffled, [gap + 20 * (place == far) for place, gap in enumerate(reversed(gaps))], ends, JOINED
    )
    assert roots(one) == roots(other)
    assert ends or partition(one) == partition(other)
    assert verdicts(one) == verdicts(other)


def roots(world: World) -> dict[frozenset[bytes], bytes]:
    """Without what the incidents are named after: once something ended, that knows the past of the one that survived."""
    return {labels: root for labels, (root, _, _) in partition(world).items()}


def tell(story: Story) -> None:
    """Play a story in which nothing ends, and hold the incidents to those of the oracle when all is quiet."""
    telling = Telling(story, JOINED)
    for at, events in story.deliveries:
        telling.tell(at, events)
        check(telling)
    for second in (3, 5, 10, QUIET):
        telling.pass_to(story.deliveries[-1][0] + second)
        telling.compare(story.deliveries[-1][0] + second)
        check(telling)
    parts = {frozenset(map(bytes.decode, labels)) for labels in partition(telling.world)}
    assert parts == Faults(telling.oracle).incidents()
    check_faces(telling)


def check(telling: Telling) -> None:
    check_statuses(telling.world, telling.arrived)
    check_incidents(telling.world)
    check_fixed_point(telling.world)


def check_faces(telling: Telling) -> None:
    """Of an incident's roots the most severe, then the earliest, is the one it is about."""
    world = telling.world
    for incident in world.open:
        roots = [view for view in world.engine.alerts() if view.incident == incident.id and view.status == "root"]
        levels = ("warning", "error", "critical")
        worst = min(roots, key=lambda view: (-levels.index(view.severity), view.onset, view.labels))
        assert incident.root.labels == worst.labels
        assert incident.severity == worst.severity


@given(stories(ends=False))
def test_agrees(story: Story) -> None:
    """Engine and oracle draw the same incidents around what is connected."""
    tell(story)


@given(stories())
def test_numbers_hold_when_alerts_end(story: Story) -> None:
    """Whatever ends and comes again, what is told has an open incident that counts it, and in the end all are over."""
    telling = Telling(story, JOINED)
    for at, events in story.deliveries:
        telling.tell(at, events)
        check(telling)
    last = story.deliveries[-1][0]
    for second in (5, 15, 16, QUIET):
        telling.pass_to(last + second)
        check(telling)
    world, gone = telling.world, START + (last + QUIET + 1) * SECOND
    world.deliver(gone, tuple(Alert(one.labels, False, one.starts_at, gone) for one in world.engine.alerts()))
    world.until(f"{last + 2 * QUIET}s")
    state = world.engine.state
    assert (world.open, state.cases, state.places) == ([], {}, {})


def random_stories(number: int) -> Iterator[Story]:
    """From seeds: any graph, and racks of which several things go down together. Nothing ends."""
    for seed in range(number):
        story = random_story(seed)
        fires = [(at, tuple(event for event in events if event.what == "fires")) for at, events in story.deliveries]
        yield replace(story, deliveries=tuple((at, events) for at, events in fires if events))
        yield rack(seed)
        yield calls(seed)


def calls(seed: int) -> Story:
    """Services of which one calls two others, that are slow, and seldom slow itself."""
    chance = random.Random(seed)
    edges = tuple((called, caller) for called in ("n0", "n1", "n2") for caller in ("n3", "n4") if chance.random() < 0.6)
    nodes = ("n0", "n1", "n2", "n3", "n4")
    slow = [Kind("Hot", chance.choice(nodes), chance.choice(("warning", "error"))) for _ in range(3)]
    told = [(100 + 7 * at, (Event(who, "fires", chance.randint(0, 25), False),)) for at, who in enumerate(slow)]
    return Story(edges, nodes, tuple(told))


def rack(seed: int) -> Story:
    chance = random.Random(seed)
    things = [f"n{number}" for number in range(2, 8)]
    edges = [("n0", thing) for thing in things if chance.random() < 0.8]
    edges += [("n1", thing) for thing in things if chance.random() < 0.3]
    at, told = 100, []
    for _ in range(7):
        at += chance.randint(0, 6)
        who = Kind(chance.choice(("Down", "Down", "Hot")), chance.choice(things), chance.choice(("error", "critical")))
        told.append((at, (Event(who, "fires", chance.randint(0, 25), False),)))
    return Story(tuple(edges), ("n0", "n1", *things), tuple(told))


def caught() -> bool:
    """Whether any of the stories fails a check."""
    for story in random_stories(STORIES):
        try:
            tell(story)
        except AssertionError:
            return True
    return False


def as_it_came(patch: pytest.MonkeyPatch) -> None:
    """What was connected when it came is one incident, whatever came later."""
    patch.setattr(regroup, "regroup", lambda *_: None)


def nothing_parts(patch: pytest.MonkeyPatch) -> None:
    """What joined an incident stays in it."""
    patch.setattr(regroup, "may_part", lambda _: False)


def first_is_root(patch: pytest.MonkeyPatch) -> None:
    """An incident is about the place where it opened."""
    patch.setattr(incidents, "crown", lambda *_: None)
    patch.setattr(regroup, "crown", lambda *_: None)


def only_roots_connect(patch: pytest.MonkeyPatch) -> None:
    """What a root explains connects it with nothing."""
    real = connected._with_any_at

    def with_root_at(state: State, node: int, roots: list[Episode]) -> Iterator[Place]:
        return (other for other in real(state, node, roots) if other.key == node)

    patch.setattr(connected, "symptoms", lambda _: [])
    patch.setattr(connected, "_with_any_at", with_root_at)


def nothing_beside(patch: pytest.MonkeyPatch) -> None:
    """Two things that one depends on have nothing to do with one another."""
    patch.setattr(connected, "_beside", lambda *_: {})


def whenever(patch: pytest.MonkeyPatch) -> None:
    """What is connected is one fault, however far apart in time."""
    patch.setattr(connected, "_about_then", lambda *_: True)


def down_joins_degraded(patch: pytest.MonkeyPatch) -> None:
    """What is down is part of what is slow beside it."""
    patch.setattr(connected, "is_down", lambda _: False)


def down_one_by_one(patch: pytest.MonkeyPatch) -> None:
    """Two things that are down together are enough to suspect what is above both."""
    patch.setattr(connected, "SEVERAL", 2)


def down_whenever(patch: pytest.MonkeyPatch) -> None:
    """What went down beneath one node is one fault, however far apart in time."""
    patch.setattr(connected, "_in_one_row", lambda _place, fallen, _slack: fallen)


MUTANTS = (
    as_it_came,
    nothing_parts,
    first_is_root,
    only_roots_connect,
    nothing_beside,
    whenever,
    down_joins_degraded,
    down_one_by_one,
    down_whenever,
)


def test_unbroken() -> None:
    """The engine as it is passes every story that the mutants are tried on."""
    assert not caught()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_mutant_is_caught(mutant: Patch, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is broken in one small way fails a check of these tests."""
    mutant(monkeypatch)
    assert caught()
