"""A person's word: silences begin, end, move between sources, and hold while their source does not answer."""

from healer.times import HOUR, MINUTE, SECOND
from tests.unit.convergence.world import START, World

TREE = "rack/r > host/a host/b"


def test_silenced_from_the_start() -> None:
    """What arrives under a silence is silenced, by its id, and opens nothing."""
    world = World(TREE).silence("am", ("host/a", "0s", "1h")).play("0s HostDown on host/a critical").until("30m")
    assert (world.status("HostDown@host/a"), world["HostDown@host/a"].silence) == ("silenced", "silence of host/a")
    assert not world.incidents


def test_told_when_it_ends() -> None:
    """When the silence ends, what still fires counts as new: it is held, and then told."""
    world = World(TREE).silence("am", ("host/a", "0s", "1h")).play("0s HostDown on host/a critical").until("1h")
    assert (world.status("HostDown@host/a"), world.incidents) == ("held", {})
    world.until("60m14s")
    assert not world.incidents
    world.until("60m15s")
    assert [(one.title, one.told) for one in world.open] == [("HostDown on host/a", True)]


def test_a_cause_that_comes_back_with_it() -> None:
    """What still fires when its silence ends waits for a cause that fires anew, however long ago it began itself."""
    world = World(TREE).silence("am", ("host/a", "0s", "1h")).play("0s HostDown on host/a critical")
    world.play("3609s RackDown on rack/r critical").until("2h")
    assert world["HostDown@host/a"].code == "BELOW_SINCE_SPOKEN"
    assert [(one.title, one.firing) for one in world.open] == [("RackDown on rack/r", 2)]


def test_what_a_cause_explained_all_along() -> None:
    """Root and symptom that were silenced together are one incident when that ends, and so is a symptom that never was."""
    world = World(TREE).silence("am", ("rack/r", "0s", "1h"), ("host/a", "0s", "1h"))
    world.play("0s RackHot on rack/r critical\n60s HostDown on host/a critical\n61s HostDown on host/b critical")
    assert not world.until("59m").incidents
    world.until("61m")
    assert [(one.title, one.firing) for one in world.open] == [("RackHot on rack/r", 3)]


def test_ended_meanwhile() -> None:
    """What ended while it was silenced tells nobody anything, then or later."""
    world = World(TREE).silence("am", ("host/a", "0s", "1h"))
    world.play("0s HostDown on host/a critical\n50m HostDown on host/a ends").until("2h")
    assert (world.incidents, world.timeline) == ({}, [])


def test_another_takes_over() -> None:
    """Where one silence ends and another goes on, nothing is judged again; the one that lasts longest is named."""
    world = World(TREE).silence("am", ("host/a", "0s", "1h"), ("HostDown@host/a", "30m", "2h"))
    world.play("0s HostDown on host/a critical").until("31m")
    assert world["HostDown@host/a"].silence == "silence of HostDown@host/a"
    assert world.until("61m").status("HostDown@host/a") == "silenced"
    assert world.until("2h").status("HostDown@host/a") == "held"


def test_begins_later() -> None:
    """A silence that begins while an incident is open makes it untold, not closed; its end brings it back."""
    world = World(TREE).silence("am", ("host/a", "5m", "10m")).play("0s HostDown on host/a critical")
    (incident,) = world.until("4m").open
    assert incident.told
    (incident,) = world.until("6m").open
    assert (incident.told, incident.firing) == (False, 1)
    (after,) = world.until("11m").open
    assert (after.told, after.id) == (True, incident.id)


def test_silenced_face() -> None:
    """When the silence concerns the face alone, the most severe of the others is the face while it lasts."""
    world = World(TREE).silence("am", ("HostDown@host/a", "5m", "10m"))
    world.play("0s HostDown on host/a critical\n0s DiskSlow on host/a warning")
    told = [(one.title, one.told) for at in ("1m", "6m", "11m") for one in world.until(at).open]
    assert told == [("HostDown on host/a", True), ("DiskSlow on host/a", True), ("HostDown on host/a", True)]


def test_only_matching() -> None:
    """A silence of one node says nothing of its neighbour."""
    world = World(TREE).silence("am", ("host/a", "0s", "1h"))
    world.play("0s HostDown on host/a critical\n0s HostDown on host/b critical").until("1m")
    assert [one.root.node for one in world.open] == ["host/b"]


def test_withdrawn() -> None:
    """What a source does not repeat is over; what another source says stands."""
    world = World(TREE).silence("one", ("host/a", "0s", "1h")).silence("two", ("host/b", "0s", "1h"))
    world.play("0s HostDown on host/a critical\n0s HostDown on host/b critical").until("1m")
    assert not world.incidents
    world.silence("one").until("2m")
    assert [one.root.node for one in world.open] == ["host/a"]


def test_unreadable_source() -> None:
    """A source that does not answer withdraws nothing."""
    world = World(TREE).silence("am", ("host/a", "0s", "1h")).play("0s HostDown on host/a critical")
    world.silence("am", readable=False).until("10m")
    assert world.status("HostDown@host/a") == "silenced"


def test_silenced_symptom() -> None:
    """A silenced alert beneath a cause is silenced, counts with its incident, and explains nobody."""
    world = (
        World("rack/r > host/a > vm/v")
        .silence("am", ("host/a", "0s", "1h"))
        .play("""
        0s  RackDown on rack/r critical
        0s  HostDown on host/a critical
        0s  VmDown on vm/v critical
    """)
    )
    (incident,) = world.until("1m").open
    assert world.status("HostDown@host/a") == "silenced"
    assert world.by("VmDown@vm/v") == world.by("HostDown@host/a") == "RackDown@rack/r"
    assert incident.firing == 3


def test_beneath_a_silenced_root() -> None:
    """A resolved incident is not opened again by what a silenced alert explains; the end of the silence opens it."""
    world = (
        World("rack/r > host/a")
        .silence("am", ("RackDown@rack/r", "50s", "100s"))
        .play("""
        0s   RackHot on rack/r critical since=-5m
        40s  RackHot on rack/r ends
        50s  RackDown on rack/r critical
        51s  HostHot on host/a critical
    """)
    )
    (incident,) = world.until("90s").incidents.values()
    assert world.by("HostHot@host/a") == "RackDown@rack/r"
    assert incident.status == "resolved"
    assert [(one.id, one.title) for one in world.until("100s").open] == [(incident.id, "RackDown on rack/r")]


def test_ends_while_healer_is_away() -> None:
    """Silences are people's time: one that ran out while nobody stepped is over, not longer by the gap."""
    world = World(TREE).silence("am", ("host/a", "0s", "30m")).play("0s HostDown on host/a critical").until("10m")
    world.engine.resume(HOUR)
    world.take()
    assert world.status("HostDown@host/a") == "held"
    world.engine.advance(START + 70 * MINUTE + 15 * SECOND)
    world.take()
    assert [one.title for one in world.open] == ["HostDown on host/a"]


def test_ends_after_healer_was_away() -> None:
    """A silence that outlasts the gap ends when it says."""
    world = World(TREE).silence("am", ("host/a", "0s", "2h")).play("0s HostDown on host/a critical").until("10m")
    world.engine.resume(HOUR)
    assert world.until("1h59m59s").status("HostDown@host/a") == "silenced"
    assert world.until("2h").status("HostDown@host/a") == "held"
    assert world.until("2h15s").status("HostDown@host/a") == "root"


def test_ends_beneath_a_cause_that_is_over() -> None:
    """What a cause explains that ended lately, and no silence covers any more, makes the incident fire again (rule 12)."""
    world = World(TREE).silence("am", ("host/a", "0s", "90s"))
    world.play("0s RackDown on rack/r critical\n60s RackDown on rack/r ends\n70s HostDown on host/a critical")
    assert not world.until("80s").open
    (incident,) = world.until("91s").open
    assert (incident.reopened, incident.suppressed) == (1, 1)
