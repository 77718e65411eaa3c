"""What rules have earned is a part of the fold: it comes out of the journal again, and a blame in it takes it back."""

import msgspec

from healer.convergence.people import Said
from healer.journey.fold import Fold, remembered
from healer.journey.records import Progressed
from healer.remediation.autonomy import Autonomy
from healer.times import DAY, SECOND
from tests.unit.journey.world import DECIDING, INSTALLATION, START, World, chartered, cut, ends, fires

RULES = """rule "clean"
  on event: "DiskDown"
  then: execute("clean_disk")
  verify: disk_used < 80% within 5m
  limit: 100 per 1h per node
  mode: auto
"""
TERMS = Autonomy(successes=1, without_mistake=DAY)
CHARTER = chartered(msgspec.structs.replace(DECIDING, autonomy=TERMS), rules=RULES)


def lived() -> World:
    """It asks, and helps; then it acts alone, helps, and somebody says that another node was the cause; then it asks again."""
    world = World(CHARTER)
    for number, at in enumerate((10, 1_000, 2_000)):
        world.applied(at, fires("DiskDown@host/a", at=at))
        world.until(at + 20)
        planned = world.diary.planned[number]
        incident = planned.plan.incident
        for later, state in enumerate(("executing", "verifying", "succeeded")):
            moment = at + 30 + later
            record = Progressed(planned.remediation, incident, state, "", START + moment * SECOND)
            world.applied(moment, record)
        if number == 1:
            world.applied(at + 40, Said("blame", incident, "ada", node="switch/s"))
        world.applied(at + 50, ends("DiskDown@host/a", at=at + 50))
        world.until(at + 900)
    return world


def test_the_record_decides_and_the_timeline_says_so() -> None:
    world = lived()
    assert [one.state for one in world.diary.planned] == ["awaiting_approval", "planned", "awaiting_approval"]
    (said,) = [one for one in world.diary.timeline if one.code == "demoted"]
    assert said.incident == world.diary.planned[1].plan.incident
    assert said.facts["why"].startswith("ada blamed another node")


def test_the_same_journal_gives_the_same_record() -> None:
    """However it was cut into steps, and from a snapshot in its middle."""
    world = lived()
    trust = remembered(world.fold.dump()).trust
    assert trust.standings
    again = Fold(CHARTER, INSTALLATION)
    diary = cut(world.entries, world.charters, [], again)
    assert remembered(again.dump()).trust == trust
    assert [one.state for one in diary.planned] == [one.state for one in world.diary.planned]
    middle = len(world.entries) // 2
    first = Fold(CHARTER, INSTALLATION)
    for entry in world.entries[:middle]:
        first.apply(entry, CHARTER)
    second = Fold.load(remembered(first.dump()), CHARTER, INSTALLATION)
    for entry in world.entries[middle:]:
        second.apply(entry)
    assert remembered(second.dump()).trust == trust
