"""Rule 13 as people see it: a storm is one message, critical roots are told by name, and its end is told once."""

from healer.convergence.settings import Storm
from healer.journey.fold import Fold, remembered
from healer.journey.records import Adopted, Entry
from healer.notification.own import ALERT
from healer.times import SECOND
from healer.topology.graph import Node, topology
from tests.unit.journey.world import INSTALLATION, START, World, changed, chartered, cut, ends, fires

HOSTS = tuple(f"host/{number:02}" for number in range(40))
GRAPH = topology(map(Node, HOSTS), [])
CHARTER = chartered(changed(storm=Storm(roots=8)).settings, GRAPH)


def odd(first: int, last: int) -> tuple[str, ...]:
    return tuple(f"Odd@{host}" for host in HOSTS[first:last])


def stormy() -> World:
    world = World(CHARTER)
    world.applied(1, fires(*odd(0, 30), at=1, severity="warning"))
    world.applied(2, fires("Hot@host/35", at=2))
    world.until(60)
    return world


def told(world: World) -> set[str]:
    return {incident for incident, _ in world.diary.told}


def test_a_storm_is_one_message() -> None:
    """Who opened before it was a storm, and who is critical, is told by name; all others by the storm's own message."""
    world = stormy()
    named = {world.diary.incidents[id].root.name for id in told(world)}
    assert named == {"Odd", "Hot", ALERT}
    summary = next(one for one in world.open if one.root.name == ALERT)
    assert sum(one.root.name == "Odd" and one.id in told(world) for one in world.open) == 6
    lines = world.story(summary.id).lines
    assert "incidents opened in this storm" in " ".join(lines)
    assert sum(line.startswith("- ") for line in lines) == 11
    assert ALERT not in " ".join(lines), "the message is no fault of its own"
    world.applied(70, ends(*odd(0, 30), at=70, severity="warning"))
    world.until(85)
    assert "None of those since it was noticed is open" in world.story(summary.id).lines[-1]


def test_the_end_is_told_once() -> None:
    """When it is over its message says so, and what still fires is told by name."""
    world = stormy()
    world.applied(70, ends(*odd(0, 20), at=70, severity="warning"))
    world.until(600)
    summary = next(one for one in world.diary.incidents.values() if one.root.name == ALERT)
    assert summary.status == "resolved"
    assert world.story(summary.id).state == "over"
    assert {one.id for one in world.open} <= told(world)
    unnamed = [one for one in world.diary.incidents.values() if one.id not in told(world)]
    assert len(unnamed) == 14
    assert all(one.status == "resolved" for one in unnamed)


def test_however_it_is_cut() -> None:
    """Steps and restarts change nothing of what is told in the end."""
    world = stormy()
    world.applied(70, ends(*odd(0, 20), at=70, severity="warning"))
    one = cut(world.entries, world.charters, [entry.position for entry in world.entries], Fold(CHARTER, INSTALLATION))
    first, rest = world.entries[:3], world.entries[3:]
    fold = Fold(CHARTER, INSTALLATION)
    for entry in first:
        fold.apply(entry, CHARTER if isinstance(entry.record, Adopted) else None)
    fold.take(1, 1, 1, 3)
    fold = Fold.load(remembered(fold.dump()), CHARTER, INSTALLATION)
    other = cut(rest, world.charters, [], fold)
    assert one.incidents.keys() >= other.incidents.keys()
    assert {key[0] for key in one.told} == {key[0] for key in other.told}


def test_what_only_came_and_went_is_not_told_at_the_end() -> None:
    """Nothing fires in it, though it is open until it is calm: it begins for nobody."""
    world = stormy()
    for at in range(70, 130, 10):
        world.applied(at, ends("Odd@host/29", at=at, severity="warning"))
        world.applied(at + 5, fires("Odd@host/29", at=at + 5, severity="warning"))
    world.applied(130, ends(*odd(0, 30), at=130, severity="warning"))
    world.until(560)
    [flapping] = [one for one in world.open if one.flapping]
    assert (flapping.firing, flapping.storm) == (0, False)
    assert not any(one.opens for one in world.diary.wanted if one.incident == flapping.id)
    world.applied(562, fires("Odd@host/29", at=562, severity="warning"))
    assert any(one.opens for one in world.diary.wanted if one.incident == flapping.id), (
        "it fires, so it is told at once"
    )


def test_what_was_critical_is_told_though_it_came_and_went_within_one_step() -> None:
    """As when healer was away for the whole of it: once, as over."""
    world = World(CHARTER)
    for position, record in (
        (1, fires("Hot@host/35", at=1, severity="critical")),
        (2, ends("Hot@host/35", at=30, severity="critical")),
    ):
        world.fold.apply(Entry(world.position + position, START + position * 30 * SECOND, record))
    step = world.fold.take(9, 1, world.position + 1, world.position + 2)
    assert step is not None
    [(story, opens)] = [(one.status, any(wanted.opens for wanted in step.wanted)) for one in step.incidents]
    assert (story, opens) == ("resolved", True)
