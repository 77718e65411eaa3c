"""Which channels hear of an incident: by labels and the hour, of one route or of several."""

import msgspec

from healer.alerts.matchers import parse_matchers
from healer.journey.charter import Charter
from healer.journey.fold import Fold
from healer.notification.settings import Route
from healer.times import HOUR, SECOND
from tests.unit.journey.world import DECIDING, INSTALLATION, START, World, chartered, cut, ends, fires

CRITICAL = parse_matchers(['severity="critical"'])
DAY = ("wed 09:00-11:00",)
"""The world begins on a Wednesday at 10:00 UTC."""
HOUR_S = HOUR // SECOND


def routed(*routes: Route) -> Charter:
    return chartered(msgspec.structs.replace(DECIDING, channels=("duty", "day", "night", "log"), routes=routes))


def hears(charter: Charter, severity: str = "critical", at: float = 0) -> set[str]:
    """Who hears of an alert that begins then."""
    world = World(charter)
    world.applied(at, fires("Hot@host/a", at=at, severity=severity))
    world.until(at + 10)
    return {one.channel for one in world.diary.wanted if one.opens}


def test_the_first_route_that_matches_is_the_only_one() -> None:
    """Without `continue` nobody looks further."""
    charter = routed(Route(match=CRITICAL, channels=("duty",)), Route(channels=("log",)))
    assert hears(charter) == {"duty"}
    assert hears(charter, "warning") == {"log"}


def test_a_route_that_goes_on_is_told_with_those_below() -> None:
    """`continue: true` adds channels and leaves the choice of the others to what follows."""
    charter = routed(Route(channels=("log",), go_on=True), Route(match=CRITICAL, channels=("duty",)))
    assert hears(charter) == {"log", "duty"}
    assert hears(charter, "warning") == {"log"}


def test_a_route_matches_in_its_hours_only() -> None:
    """By day those of the day, then those of the night."""
    charter = routed(Route(hours=DAY, channels=("day",)), Route(channels=("night",)))
    assert hears(charter) == {"day"}
    assert hears(charter, at=2 * HOUR_S) == {"night"}


def test_hours_are_of_the_zone_of_the_route() -> None:
    """10:00 UTC is 18:00 in Shanghai."""
    charter = routed(Route(hours=("18:00-19:00",), zone="Asia/Shanghai", channels=("day",)), Route(channels=("night",)))
    assert hears(charter) == {"day"}


def test_whoever_heard_by_day_hears_of_the_end_by_night() -> None:
    """News at another hour go to those of that hour as well, and still to those who were told first."""
    world = World(routed(Route(hours=DAY, channels=("day",)), Route(channels=("night",))))
    world.applied(0, fires("Hot@host/a"))
    world.until(10)
    world.applied(2 * HOUR_S, ends("Hot@host/a", at=2 * HOUR_S))
    world.until(2 * HOUR_S + 60)
    incident = world.incident.id
    assert {world.story(incident, channel).state for channel in ("day", "night")} == {"over"}


def test_how_steps_were_cut_changes_nothing_about_who_hears() -> None:
    """A step that holds what came before an hour and after it tells those of both."""
    world = World(routed(Route(hours=DAY, channels=("day",)), Route(channels=("night",))))
    world.applied(0, fires("Hot@host/a"))
    world.until(10)
    world.applied(2 * HOUR_S, ends("Hot@host/a", at=2 * HOUR_S))
    world.until(2 * HOUR_S + 4_000)
    again = cut(world.entries, world.charters, (), Fold(world.charter, INSTALLATION))
    assert again.decided()["told"] == world.diary.decided()["told"]
    assert {channel for _, channel in again.told} == {"day", "night"}
    assert START % HOUR == 0
