"""An open incident that nobody is on is told again, at the interval of its route."""

import msgspec

from healer.alerts.matchers import parse_matchers
from healer.convergence.people import Said
from healer.journey.charter import Charter
from healer.journey.fold import Fold, remembered
from healer.notification.calling import REMINDER
from healer.notification.settings import Route
from healer.times import HOUR, MINUTE, SECOND
from tests.unit.journey.world import DECIDING, INSTALLATION, START, World, chartered, ends, fires, read

CRITICAL = parse_matchers(['severity="critical"'])
HOUR_S = HOUR // SECOND


def repeating(*routes: Route) -> Charter:
    routes = routes or (Route(match=CRITICAL, channels=("duty",), repeat=HOUR), Route(channels=("log",)))
    return chartered(msgspec.structs.replace(DECIDING, channels=("duty", "log"), routes=routes))


def told(world: World) -> None:
    world.applied(0, fires("Hot@host/a"))
    world.until(10)


def reminders(world: World) -> list[tuple[str, float]]:
    """The channels that were reminded, and how many hours after the start."""
    return [
        (one.channel, (step.now - START) // HOUR)
        for step in world.diary.steps
        for one in step.wanted
        if one.matter == REMINDER and one.opens
    ]


def test_it_is_said_again_at_each_interval() -> None:
    """In a new message each, with the story as it is by then."""
    world = World(repeating())
    told(world)
    world.until(HOUR_S - 60)
    assert reminders(world) == []
    for hour in (1, 2, 3):
        world.until(hour * HOUR_S + 60)
    assert reminders(world) == [("duty", 1), ("duty", 2), ("duty", 3)]
    last = [one for one in world.diary.wanted if one.matter == REMINDER][-1]
    assert (read(last.story).title, last.urgent) == (world.story(world.incident.id).title, True)


def test_without_an_interval_nothing_is_said_again() -> None:
    """The default, also for the routes beside one that repeats."""
    world = World(repeating())
    world.applied(0, fires("Hot@host/a", severity="warning"))
    world.until(9 * HOUR_S)
    assert reminders(world) == []


def test_whoever_is_on_it_is_left_alone() -> None:
    """An acknowledgement ends it, and so does the end."""
    world = World(repeating())
    told(world)
    world.until(HOUR_S + 60)
    world.applied(HOUR_S + 70, Said("ack", world.incident.id, by="ada"))
    world.until(9 * HOUR_S)
    assert reminders(world) == [("duty", 1)]

    world = World(repeating())
    told(world)
    world.applied(HOUR_S - 600, ends("Hot@host/a", at=HOUR_S - 600))
    world.until(9 * HOUR_S)
    assert reminders(world) == []
    assert world.fold.dump() == Fold.load(remembered(world.fold.dump()), world.charter, INSTALLATION).dump()


def test_the_last_reminder_learns_the_end() -> None:
    """Whoever was told of a firing incident is told of its end, in that message too."""
    world = World(repeating())
    told(world)
    world.until(HOUR_S + 60)
    world.applied(HOUR_S + 70, ends("Hot@host/a", at=HOUR_S + 70))
    world.until(HOUR_S + 200)
    last = [one for one in world.diary.wanted if one.matter == REMINDER][-1]
    assert (last.opens, read(last.story).state) == (False, "over")


def test_of_several_routes_the_shortest_interval_counts() -> None:
    """And those of each that has one are reminded."""
    charter = repeating(
        Route(channels=("log",), go_on=True, repeat=2 * HOUR), Route(channels=("duty",), repeat=30 * MINUTE)
    )
    world = World(charter)
    told(world)
    world.until(HOUR_S - 60)
    assert reminders(world) == [("log", 0), ("duty", 0)]


def test_it_is_remembered_in_another_process() -> None:
    """A fold that goes on elsewhere reminds when the first one would have."""
    world = World(repeating())
    told(world)
    world.fold = Fold.load(remembered(world.fold.dump()), world.charter, INSTALLATION)
    world.until(HOUR_S + 60)
    assert reminders(world) == [("duty", 1)]
