"""What comes and goes is marked, told once, and left alone until it is calm for as long."""

import msgspec

from healer.convergence.engine import Engine
from healer.convergence.freeze import Frozen
from healer.convergence.settings import Convergence
from tests.unit.convergence.world import World

ALONE = "host/a"


def coming_and_going(times: int, every: int = 60) -> World:
    """An alert that fires for half of the time, so often."""
    history = "\n".join(
        f"{at}s LinkDown on host/a critical{' again' if at else ''}\n{at + every // 2}s LinkDown on host/a ends"
        for at in range(0, times * every, every)
    )
    return World(ALONE).play(history)


def test_four_changes_in_ten_minutes() -> None:
    """Three changes are none, the fourth is flapping: the alert and its incident say so."""
    world = coming_and_going(2).play("120s LinkDown on host/a critical again")
    assert world["LinkDown@host/a"].flapping
    assert world.incident("LinkDown@host/a").flapping
    world = coming_and_going(2)
    assert not world["LinkDown@host/a"].flapping


def test_told_once() -> None:
    """However often it comes and goes from then on, one incident stays open; its timeline says since when and until when."""
    world = coming_and_going(10)
    assert len(world.incidents) == 1
    incident = world.open[0]
    assert (incident.flapping, incident.firing) == (True, 0)
    world.until("30m")
    incident = world.incidents[incident.id]
    assert (incident.status, incident.flapping) == ("resolved", False)
    codes = world.happened(incident)
    assert (codes.count("flapping"), codes.count("calm"), codes.count("resolved")) == (
        1,
        1,
        codes.count("reopened") + 1,
    )


def test_beyond_settle() -> None:
    """An alert that is forgotten between two intervals flaps as well."""
    world = coming_and_going(4, every=240)
    assert world.open[0].flapping


def test_whatever_else_comes_and_goes() -> None:
    """Changes that are older than `within` do not count, whether other alerts changed since or not."""

    def played(between: str) -> World:
        world = World(f"{ALONE}; host/b").play("0s LinkDown on host/a critical\n30s LinkDown on host/a ends")
        world.play(f"{between}\n11m LinkDown on host/a critical again\n690s LinkDown on host/a ends")
        return world.play("700s LinkDown on host/a again\n710s LinkDown on host/a ends")

    alone = played("4m Slow on host/b warning")
    beside = played("4m Slow on host/b warning\n645s Slow on host/b ends")
    assert (alone["LinkDown@host/a"].flapping, beside["LinkDown@host/a"].flapping) == (False, False)


def test_shorter_than_its_hold() -> None:
    """An alert that always ends within its hold is told when it is seen to flap."""
    world = coming_and_going(4, every=20)
    assert len(world.incidents) == 1


def test_a_calm_alert_is_not_marked() -> None:
    """Ten minutes without a change, and it is an alert like any other."""
    world = coming_and_going(2).play("2m LinkDown on host/a critical again")
    assert world.until("11m59s")["LinkDown@host/a"].flapping
    world.until("12m")
    assert not world["LinkDown@host/a"].flapping
    assert not world.incident("LinkDown@host/a").flapping
    assert world.incident("LinkDown@host/a").status == "open"


def test_three_reopenings_of_a_node() -> None:
    """Alerts of one node that take turns flap together, though none of them does alone."""
    world = World(ALONE)
    for number, name in enumerate(("Hot", "Slow", "Full", "Odd")):
        world.play(f"{number}m {name} on host/a critical\n{number * 60 + 30}s {name} on host/a ends")
    assert [one.flapping for one in world.incidents.values()] == [True]
    assert world.until("17m59s").open
    assert not world.until("18m").open


def test_a_restart_changes_nothing() -> None:
    """What is flapping is remembered."""
    world = coming_and_going(3)
    frozen = msgspec.msgpack.decode(msgspec.msgpack.encode(world.engine.freeze()), type=Frozen)
    world.engine = Engine.thawed(frozen, Convergence(), world.graph, "test")
    world.play("3m LinkDown on host/a critical again")
    assert world["LinkDown@host/a"].flapping
    assert len(world.incidents) == 1


def test_what_was_watched_is_forgotten() -> None:
    """What did not change for ten minutes is not remembered beyond the next change."""
    world = coming_and_going(5).play("20m Hot on host/a critical\n21m Hot on host/a ends")
    state = world.engine.state
    assert (len(state.changes), state.flapping, state.unsettled) == (1, {}, {})
