"""`healer report` asks a running healer, over its real HTTP side and a real store in memory."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from healer.cli.main import main
from healer.convergence.outcome import Happening
from healer.notification.budget import Budget, budget
from healer.times import DAY, MINUTE, Micros
from tests.integration.cli.test_looking import INCIDENT
from tests.integration.web.stand import NOW, Stand, standing

Captured = pytest.CaptureFixture[str]


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """A healer that told one incident, edited that, and met a refusal."""
    asked: list[Stand] = []

    async def of(duration: Micros) -> Budget:
        now = asked[0].clock.now()
        return budget(await asked[0].store.period(now - duration, now), {})

    async with standing(budget=of) as (stand, _):
        asked.append(stand)
        notes = [
            Happening("abc123", NOW + MINUTE, "notify", code, {"channel": "duty"})
            for code in ("told", "edited", "dead")
        ]
        await stand.decide(incidents=(INCIDENT,), timeline=tuple(notes))
        yield stand


async def test_a_report_says_what_it_cost_and_what_it_spared(stand: Stand, capsys: Captured) -> None:
    """In words for people, in JSON for programs."""
    assert await asyncio.to_thread(main, ["report", "--url", stand.url]) == 0
    said = capsys.readouterr().out
    assert "1, 1 of them open (1 critical)" in said
    assert "1 new, 1.0 for each incident; 0 at night; 1 edit; 1 dead letter" in said
    assert "0 begun, 0 helped, 0 did not; 0 incidents healed without a person" in said
    assert "2m to the first message" in said
    assert "SwitchDown 1" in said
    assert await asyncio.to_thread(main, ["report", "--json", "--since", "24h", "--url", stand.url]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)
    assert (found["incidents"], found["messages"], found["median_seconds"]["to_tell"]) == (1, 1, 120.0)
    assert found["channels"] == {"duty": {"new": 1, "at_night": 0, "edits": 1, "dead": 1}}


async def test_a_time_without_anything_is_a_report_too(stand: Stand, capsys: Captured) -> None:
    """It divides nothing by nothing."""
    stand.clock.instant = NOW + 30 * DAY
    assert await asyncio.to_thread(main, ["report", "--url", stand.url]) == 0
    assert "0 new; 0 at night; 0 edits" in capsys.readouterr().out


async def test_a_time_that_is_none_is_refused(stand: Stand, capsys: Captured) -> None:
    """With what would be one."""
    assert await asyncio.to_thread(main, ["report", "--since", "soon", "--url", stand.url]) == 2
    assert "since: 'soon' is no duration: write 30s, 5m" in capsys.readouterr().err
