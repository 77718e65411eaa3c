"""Who answers for a node hears of it, who is affected hears in one line, and whoever was told hears of the end."""

import msgspec
import pytest

from healer.alerts.matchers import parse_matchers
from healer.convergence.people import Said
from healer.journey.charter import Charter
from healer.journey.fold import Fold, remembered
from healer.notification.settings import Route
from healer.notification.story import Story
from healer.notification.wording import worded
from healer.topology.graph import Node, topology
from tests.unit.journey.world import DECIDING, INSTALLATION, World, chartered, ends, fires

GRAPH = topology(
    [
        Node("switch/s", "switch", attributes={"owner": "net"}),
        Node("rack/r", "rack"),
        Node("host/a", "host", attributes={"team": "web"}),
        Node("host/b", "host"),
        Node("db/d", "db", attributes={"owner": "data"}),
    ],
    [("switch/s", "rack/r"), ("rack/r", "host/a"), ("rack/r", "host/b"), ("host/a", "db/d")],
)
EVERYTHING = ("SwitchDown@switch/s", "HostDown@host/a", "HostDown@host/b", "DbDown@db/d")


def route(matcher: str, *channels: str) -> Route:
    return Route(match=parse_matchers([matcher]) if matcher else parse_matchers([]), channels=channels)


ROUTES = (route('owner="net"', "net"), route('owner=~"web|data"', "apps"), route("", "duty"))


def owned(*routes: Route) -> Charter:
    deciding = msgspec.structs.replace(DECIDING, channels=("duty", "net", "apps"), routes=routes or ROUTES)
    return chartered(deciding, GRAPH)


def story(world: World, channel: str) -> Story:
    """The newest of a channel."""
    newest = [one for one in world.diary.wanted if one.channel == channel][-1]
    return worded(msgspec.msgpack.decode(newest.story, type=Story))


def channels(world: World) -> set[str]:
    return {one.channel for one in world.diary.wanted if one.opens}


@pytest.fixture
def dark() -> World:
    """A switch is down, with the hosts and the database of others beneath it."""
    world = World(owned())
    world.applied(0, fires(*EVERYTHING))
    world.until(10)
    return world


def test_routes_match_the_owner(dark: World) -> None:
    """The owner of the root's node is told all of it, and the incident names them."""
    (incident,) = dark.diary.incidents.values()
    assert incident.owner == "net"
    assert story(dark, "net").lines[3].startswith("SwitchDown")
    assert "duty" not in channels(dark)


def test_owners_are_inherited(dark: World) -> None:
    """A node without an owner has that of the nearest node above it that has one; `team` says the same as `owner`."""
    owner = dark.fold.map.owner
    names = ("host/a", "host/b", "db/d", "rack/r")
    assert [owner(dark.fold.map.id(name)) for name in names] == ["web", "net", "data", "net"]
    assert owner(-1) == ""


def test_one_line_to_whom_it_affects(dark: World) -> None:
    """Owners of critical alerts beneath another team's root hear in one line, in one message; who is told anyway does not."""
    (incident,) = dark.diary.incidents.values()
    assert incident.affected == ("data", "web")
    assert story(dark, "apps").lines == ("Critical alerts of data, web come from this: it is with net.",)
    assert channels(dark) == {"net", "apps"}


def test_it_is_ended(dark: World) -> None:
    """A5: their message is brought to its end with the incident's, over a restart too."""
    fold = Fold.load(remembered(dark.fold.dump()), dark.charter, INSTALLATION)
    dark.fold = fold
    dark.applied(20, ends(*EVERYTHING, at=20))
    dark.until(30)
    assert story(dark, "apps").state == "over"
    assert story(dark, "apps").lines == ("Over. Critical alerts of data, web came from this.",)


def test_not_again_for_numbers(dark: World) -> None:
    """More alerts of the same owners change nothing of what they were told."""
    before = sum(one.channel == "apps" for one in dark.diary.wanted)
    dark.applied(11, fires("DiskDown@db/d", at=11))
    dark.until(60)
    assert sum(one.channel == "apps" for one in dark.diary.wanted) == before


def test_warnings_affect_nobody() -> None:
    """Only critical alerts are worth a line to another team."""
    world = World(owned())
    world.applied(0, fires("SwitchDown@switch/s"))
    world.applied(0, fires("Slow@host/a", severity="warning"))
    world.until(10)
    assert channels(world) == {"net"}


def test_without_routes_nobody_is_told_twice() -> None:
    """Where every channel hears of everything there is nobody left to brief."""
    world = World(chartered(msgspec.structs.replace(DECIDING, channels=("duty", "net")), GRAPH))
    world.applied(0, fires(*EVERYTHING))
    world.until(10)
    assert {
        one.channel: worded(msgspec.msgpack.decode(one.story, type=Story)).lines[3][:6] for one in world.diary.wanted
    } == {
        "duty": "Switch",
        "net": "Switch",
    }


def test_blame_tells_the_right_owner(dark: World) -> None:
    """Another root has another owner, who is told all of it; who heard before goes on hearing, to the end."""
    (incident,) = dark.diary.incidents
    dark.applied(12, Said("blame", incident, "ada", node="host/a"))
    assert dark.diary.incidents[incident].owner == "web"
    assert story(dark, "apps").lines[3].startswith("HostDown")
    assert story(dark, "net").lines[3].startswith("HostDown")
    dark.applied(20, ends(*EVERYTHING, at=20))
    dark.until(40)
    assert {story(dark, channel).state for channel in ("apps", "net")} == {"over"}


def test_a_silent_root_has_an_owner_too() -> None:
    """The owner of a node that is blamed and has no alert is told."""
    world = World(owned())
    world.applied(0, fires("HostDown@host/a"))
    world.until(10)
    (incident,) = world.diary.incidents
    assert channels(world) == {"apps"}
    world.applied(12, Said("blame", incident, "ada", node="switch/s"))
    assert channels(world) == {"apps", "net"}
    assert any("which has no alert of its own" in one for one in story(world, "net").lines)


def test_what_people_say_is_news(dark: World) -> None:
    """An acknowledgement is in the message at once."""
    (incident,) = dark.diary.incidents
    step = dark.applied(11, Said("ack", incident, "ada"))
    assert [one.channel for one in step.wanted] == ["net"]
    assert any(one.startswith("ada is on it") for one in story(dark, "net").lines)
