"""A silence that somebody says under the message of an incident: who said it is seen there, and it may end with the incident."""

from healer.alerts.identity import labels_of
from healer.alerts.silences import OWN, Silence, SilenceMatcher, identify
from healer.convergence.engine import Engine
from healer.convergence.outcome import Incident
from healer.convergence.people import Said
from healer.convergence.settings import Convergence
from healer.times import DAY, HOUR, MINUTE, Micros
from tests.unit.convergence.world import START, World

SETTINGS = Convergence(join=False, settle=MINUTE)


def hush(world: World, incident: Incident, lasts: Micros = 0, key: str = "k1") -> str:
    """Silence the root for so long, 0 for until the incident is over; the silence's id."""
    world.position += 1
    matchers = tuple(SilenceMatcher(name, value) for name, value in labels_of(incident.root.labels).items())
    now = world.engine.now
    until = "" if lasts else incident.id
    said = Silence("", OWN, matchers, now, now + (lasts or DAY), "ann", "pressed", incident=until)
    world.engine.hush(said, world.position, incident.id, key)
    world.take()
    return identify("test", world.position)


def ends_at(world: World, id: str) -> Micros:
    found = world.engine.own_silence(id)
    assert found is not None
    return found.ends_at


def test_it_lasts_as_long_as_the_incident() -> None:
    """While that fires, and for `settle` after it; what fires then is told again."""
    world = World("host/a", SETTINGS).play("0s Down on host/a critical").until("1m")
    silence = hush(world, world.incident("Down@host/a"))
    assert (world.status("Down@host/a"), world.incident("Down@host/a").told) == ("silenced", False)
    assert world.until("2h").status("Down@host/a") == "silenced"
    world.play("2h Down on host/a ends\n7210s Down on host/a again critical")
    assert world.status("Down@host/a") == "silenced"
    world.until("125m")
    assert ends_at(world, silence) == START + 2 * HOUR + MINUTE
    assert (world.status("Down@host/a"), world.incident("Down@host/a").told) == ("root", True)


def test_it_is_seen_who_said_it() -> None:
    """On the incident and in its timeline, with the end where there is one."""
    world = World("host/a", SETTINGS).play("0s Down on host/a critical").until("1m")
    hush(world, world.incident("Down@host/a"), HOUR)
    found = world.incident("Down@host/a")
    assert (found.people.silenced_by, found.people.silenced_until) == ("ann", START + MINUTE + HOUR)
    assert "silenced" in world.happened(found)
    hush(world, found, key="k2")
    assert world.incident("Down@host/a").people.silenced_until == 0


def test_said_twice_it_counts_once() -> None:
    """Also for an engine that was thrown away and made again: the key is remembered with all else."""
    world = World("host/a", SETTINGS).play("0s Down on host/a critical").until("1m")
    first = hush(world, world.incident("Down@host/a"), HOUR)
    world.engine = Engine.thawed(world.engine.freeze(), SETTINGS, world.graph, "test")
    world.until("30m")
    second = hush(world, world.incident("Down@host/a"), HOUR)
    assert ends_at(world, first) == START + MINUTE + HOUR
    assert world.engine.own_silence(second) is None


def test_for_what_is_over_there_is_none() -> None:
    """Said too late it would silence what comes next, and never end with what it was about."""
    world = World("host/a", SETTINGS).play("0s Down on host/a critical").until("1m")
    found = world.incident("Down@host/a")
    world.play("2m Down on host/a ends").until("10m")
    silence = hush(world, found)
    assert world.engine.own_silence(silence) is None
    world.play("11m Down on host/a again critical").until("13m")
    assert world.status("Down@host/a") == "root"


def test_it_ends_where_another_incident_speaks_for_this_one() -> None:
    """What was silenced was a story of its own; the one that it belongs to now is not silenced with it."""
    world = World("rack/r > host/a", SETTINGS)
    world.play("0s RackHot on rack/r critical\n1m HostHot on host/a warning since=-5m").until("2m")
    rack, host = world.incident("RackHot@rack/r"), world.incident("HostHot@host/a")
    silence = hush(world, host)
    assert world.status("HostHot@host/a") == "silenced"
    world.engine.say(Said("merge", rack.id, "ann", other=host.id), world.position + 1)
    world.take()
    world.until("10m")
    assert world.incidents[host.id].merged_into == rack.id
    assert ends_at(world, silence) <= START + 4 * MINUTE
