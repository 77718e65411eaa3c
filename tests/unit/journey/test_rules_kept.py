"""Incidents keep the rules that they began with: other rules are for what comes after them."""

import logging

import pytest

from healer.journey.charter import Charter
from healer.journey.fold import VERSION, Fold, remembered
from healer.journey.ports import Planned, Row, Snapshot, StepMark
from healer.journey.records import Adopted, Progressed
from healer.journey.refold import Refold
from healer.times import SECOND
from tests.unit.journey.world import INSTALLATION, START, World, chartered, ends, fires

RULE = """rule "restart"
  on event: "ServiceDown"
  when: duration > 20s
  then: execute("restart_service", unit: "{unit}.service")
  verify: resolved within {within}
  mode: auto
"""
OLD = chartered(rules=RULE.format(unit="old", within="5m"))
NEW = chartered(rules=RULE.format(unit="new", within="9m"))
NONE = chartered(rules="")


def units(planned: list[Planned]) -> list[tuple[str, str]]:
    """On which node, and which unit."""
    return [(step.node, str(dict(step.parameters)["unit"])) for one in planned for step in one.plan.steps]


def begun() -> World:
    """An incident began under the old rules, the new ones were adopted, and another incident began."""
    world = World(OLD)
    world.applied(1, fires("ServiceDown@host/a", at=1))
    world.until(10)
    world.adopts(11, NEW)
    world.applied(12, fires("ServiceDown@host/c", at=12))
    return world


def test_an_incident_under_way_goes_on_by_the_rules_that_it_began_with() -> None:
    """... and the next one by those that are in force when it begins; each plan names the version of its rule."""
    world = begun()
    world.until(60)
    assert units(world.diary.planned) == [("host/a", "old.service"), ("host/c", "new.service")]
    old, new = (charter.ruleset.rules[0] for charter in (OLD, NEW))
    assert [one.plan.rule_version for one in world.diary.planned] == [old.version, new.version]
    assert world.fold.planner.rule("restart", old.version) == old
    assert world.fold.planner.rule("restart", new.version) == new


def test_a_rule_that_is_gone_still_ends_what_it_began() -> None:
    world = World(OLD)
    world.applied(1, fires("ServiceDown@host/a", at=1))
    world.until(10)
    world.adopts(11, NONE)
    world.until(60)
    assert units(world.diary.planned) == [("host/a", "old.service")]


def test_rules_that_nothing_goes_by_any_more_are_let_go() -> None:
    """Once the last incident that began with them is over for good."""
    world = begun()
    world.until(60)
    (first, _) = world.diary.planned
    version = OLD.ruleset.rules[0].version
    done = Progressed(first.remediation, first.plan.incident, "succeeded", "", START + 70 * SECOND)
    world.applied(70, done)
    world.applied(71, ends("ServiceDown@host/a", at=71))
    assert world.fold.planner.rule("restart", version) is not None
    world.until(4_000)
    assert world.fold.planner.rule("restart", version) is None
    assert remembered(world.fold.dump()).eras == {}


@pytest.mark.parametrize("known", [True, False])
def test_a_snapshot_names_the_rules_of_incidents_under_way(known: bool) -> None:
    """After a restart they are made again; where that fails, those of today take over."""
    world = begun()
    memory = remembered(world.fold.dump())
    assert memory.eras == {OLD.ruleset.version: OLD.adopted}
    earlier = {OLD.ruleset.version: OLD} if known else {}
    world.fold = Fold.load(memory, NEW, INSTALLATION, earlier)
    world.until(60)
    assert units(world.diary.planned) == [
        ("host/a", "old.service" if known else "new.service"),
        ("host/c", "new.service"),
    ]


class Kept:
    """A store with one snapshot and nothing else."""

    def __init__(self, data: bytes) -> None:
        self._snapshot = Snapshot(3, 3, START, VERSION, data)

    async def read(self, after: int, limit: int) -> list[Row]:
        return []

    async def steps(self, after: int, limit: int) -> list[StepMark]:
        return []

    async def snapshot(self, before: int = 0) -> Snapshot | None:
        return self._snapshot


@pytest.mark.parametrize("lost", [None, KeyError("gone"), ValueError("does not compile")])
async def test_a_new_owner_makes_them_again(lost: Exception | None, caplog: pytest.LogCaptureFixture) -> None:
    """From what the snapshot names; what cannot be made any more gives way to the rules of today, and is no reason to stop."""

    async def charters(adopted: Adopted) -> Charter:
        if adopted == OLD.adopted and lost is not None:
            raise lost
        return {OLD.adopted: OLD, NEW.adopted: NEW}[adopted]

    refold = Refold(Kept(begun().fold.dump()), charters, INSTALLATION)
    with caplog.at_level(logging.WARNING):
        await refold.open(9)
    assert refold.fold is not None
    known = refold.fold.planner.rule("restart", OLD.ruleset.rules[0].version)
    assert (known is None, "rules of today" in caplog.text) == ((False, False) if lost is None else (True, True))
