"""A running healer goes on by other settings, rules and sources: one record says what decides, and nothing else is disturbed."""

import asyncio

import msgspec
import pytest

from healer.journey.charter import RuleText
from healer.journey.records import Adopted
from tests.unit.survey.fields import Life, Said, Stage, played, rack


def test_the_same_again_is_no_record() -> None:
    """A reload of what is in force leaves the journal as it was."""

    async def play(stage: Stage) -> None:
        async with Life(stage, Said("cmdb", rack("a"))) as life:
            await asyncio.sleep(5)
            before = await life.records()
            assert not await life.healer.take(life.healer.plan, life.healer.ports)
            await asyncio.sleep(5)
            assert await life.records() == before

    played(play)


def test_other_settings_are_one_record_that_keeps_the_topology() -> None:
    """What sources said since the start goes on to count, and so do the new settings when sources say more."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", rack("a"))
        async with Life(stage, source) as life:
            await asyncio.sleep(15)
            source.graph = rack("a", "b")
            await asyncio.sleep(15)
            plan = life.healer.plan
            changed = msgspec.structs.replace(plan, deciding=msgspec.structs.replace(plan.deciding, heartbeat="Other"))
            before = [one for one in await life.records() if isinstance(one, Adopted)]
            assert await life.healer.take(changed, life.healer.ports)
            (after,) = [one for one in await life.records() if isinstance(one, Adopted)][len(before) :]
            assert (after.topology, after.rules) == (before[-1].topology, before[-1].rules)
            assert life.edges == {("rack/r", "host/a"), ("rack/r", "host/b")}
            source.graph = rack("a", "b", "c")
            await asyncio.sleep(15)
            assert ("rack/r", "host/c") in life.edges
            assert life.healer.owner.fold.charter.settings.heartbeat == "Other"

    played(play)


def test_rules_that_do_not_compile_leave_everything_as_it_was() -> None:
    """They never get into the journal, where every restart would meet them."""

    async def play(stage: Stage) -> None:
        async with Life(stage, Said("cmdb", rack("a"))) as life:
            await asyncio.sleep(5)
            before, plan = await life.records(), life.healer.plan
            bad = msgspec.structs.replace(plan, rules=(RuleText("bad.heal", 'rule "x"\n  whenever: no\n'),))
            with pytest.raises(ValueError, match=r"bad\.heal:1"):
                await life.healer.take(bad, life.healer.ports)
            assert life.healer.plan is plan
            assert await life.records() == before

    played(play)


def test_sources_come_go_and_stay() -> None:
    """One that stays is not asked anew, one that comes is asked, and the nodes of one that left go after a while."""

    async def play(stage: Stage) -> None:
        stays, leaves, comes = Said("cmdb", rack("a")), Said("old", rack("b")), Said("new", rack("c"))
        async with Life(stage, stays, leaves) as life:
            await asyncio.sleep(3)
            asked = stays.asked
            healer = life.healer
            plan = msgspec.structs.replace(healer.plan, sources=(("cmdb", "http"), ("new", "http")))
            await healer.take(plan, msgspec.structs.replace(healer.ports, sources=(stays, comes)))
            await asyncio.sleep(3)
            assert stays.asked == asked
            assert comes.asked == 1
            gone = leaves.asked
            await asyncio.sleep(300)
            assert leaves.asked == gone
            assert life.edges == {("rack/r", "host/a"), ("rack/r", "host/c")}

    played(play)


def test_a_source_that_fails_and_is_taken_out_is_no_trouble_any_more() -> None:
    """Nobody else would end its incident."""

    async def play(stage: Stage) -> None:
        stays, fails = Said("cmdb", rack("a")), Said("cluster")
        async with Life(stage, stays, fails) as life:
            await asyncio.sleep(400)
            assert await life.troubles() == [("topology cluster", True)]
            healer = life.healer
            plan = msgspec.structs.replace(healer.plan, sources=(("cmdb", "http"),))
            await healer.take(plan, msgspec.structs.replace(healer.ports, sources=(stays,)))
            assert await life.troubles() == [("topology cluster", True), ("topology cluster", False)]

    played(play)
