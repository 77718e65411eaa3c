"""`except:` holds at the moment of the effect, as it held when the plan was made."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from healer.executors.memory import Moment
from healer.remediation.guards import refuse
from healer.remediation.model import Refused
from tests.simulation.loop import SimLoop
from tests.unit.remediation.build import RESTART, Charter, plan, rule, ruleset
from tests.unit.remediation.night import Night
from tests.unit.remediation.test_guards import WELL
from tests.unit.remediation.test_runner import lived

FREEZE = rule("shop", 'except: calendar("freeze")', "verify: resolved stable 30s within 5m")
ASKS = rule(
    "shop", "except: query(\"deploying{node='{{ node.name }}'}\") == 1", "verify: resolved stable 30s within 5m"
)
ALWAYS = ((0, 1 << 62),)


@pytest.fixture
def loop() -> Iterator[SimLoop]:
    """Time is virtual."""
    with SimLoop(3) as loop:
        yield loop


@pytest.fixture
def night(loop: SimLoop) -> Night:
    return Night(loop)


def goes_by(night: Night, text: str, *, frozen: bool) -> None:
    """The rule in force, and whether the calendar has an entry now."""
    rules = ruleset(text)
    named = rules.named("shop")
    assert named is not None
    night.converged.charter = Charter(rules, {}, calendars={"freeze": ALWAYS if frozen else ()})
    night.plan = msgspec.structs.replace(night.plan, rule_version=named.version)


def test_a_freeze_that_began_since_makes_room(loop: SimLoop, night: Night) -> None:
    """What was planned before is not begun in it: it is superseded, and the rule is asked again when the freeze is over."""
    goes_by(night, FREEZE, frozen=True)

    async def work() -> None:
        ended = await night.until("superseded")
        assert ended.detail.startswith('except: calendar("freeze") has an entry now')
        assert await night.intents() == []

    lived(loop, night, work)


def test_a_free_calendar_stops_nothing(loop: SimLoop, night: Night) -> None:
    """An exception that does not hold is no reason to wait."""
    goes_by(night, FREEZE, frozen=False)

    async def work() -> None:
        await night.until("verifying")
        assert night.started() == ["r1.0.0"]

    lived(loop, night, work)


def test_a_freeze_that_begins_at_the_last_moment_stops_it(loop: SimLoop, night: Night) -> None:
    """The target was ready, and the freeze began on the way there."""
    goes_by(night, FREEZE, frozen=False)

    async def on_the_way(moment: Moment) -> None:
        if moment == "ready":
            goes_by(night, FREEZE, frozen=True)

    night.on_the_way = on_the_way

    async def work() -> None:
        assert (await night.until("superseded", "waiting")).state == "waiting"
        await night.until("superseded")
        assert night.started() == []

    lived(loop, night, work)


def test_an_exception_that_nobody_can_tell_holds(loop: SimLoop, night: Night) -> None:
    """Unknown takes the careful side: it waits, and says for what."""
    goes_by(night, ASKS, frozen=False)

    async def work() -> None:
        waiting = await night.until("waiting")
        assert waiting.detail.startswith("except: query(")
        assert "is unknown: nobody to ask" in waiting.detail
        await asyncio.sleep(60)
        assert night.started() == []

    lived(loop, night, work)


def test_what_tidies_up_is_exempt() -> None:
    """A cordon is not left behind because a freeze began."""
    frozen = msgspec.structs.replace(WELL, excepted="it is Friday")
    closing = msgspec.structs.replace(RESTART, closing=True)

    assert refuse(plan(), RESTART, frozen) == Refused("except", "it is Friday", ends="superseded")
    assert refuse(plan(), closing, frozen) is None
