"""`healer notifications`: what each channel was told, in whose place, and dead letters that get another chance."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from healer.cli.main import main
from healer.journey.ports import Wanted
from healer.times import MINUTE
from tests.integration.web.stand import Stand, standing


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """A healer that was refused by one channel and passed that on, and that calls people there by now."""
    async with standing() as (stand, _):
        await stand.decide(wanted=(Wanted("i1", "duty", 1, b"", urgent=True),))
        (claim,) = await stand.store.claim("duty", now=stand.clock.now(), lease=MINUTE, limit=1)
        await stand.store.failed(claim, now=0, why="403 Forbidden: bot was blocked", dead=True, fallback="ops")
        await stand.decide(wanted=(Wanted("i1", "duty", 2, b"", urgent=True, matter="r1 approval"),))
        yield stand


async def test_the_list_says_in_whose_place_and_what_for(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows of one incident and channel can be told apart, and a dead letter has its reason and what to do."""
    assert await asyncio.to_thread(main, ["notifications", "list", "--url", stand.url]) == 0
    said = capsys.readouterr()
    lines = sorted(" ".join(line.split()) for line in said.out.splitlines()[1:])
    assert lines == [
        "i1 duty dead 1 403 Forbidden: bot was blocked",
        "i1 duty: r1 approval waiting",
        "i1 ops (for duty) waiting",
    ]
    assert "healer notifications resend --all" in said.err


async def test_a_dead_letter_is_sent_again(stand: Stand, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, or one by its name; one that is none is refused."""
    assert await asyncio.to_thread(main, ["notifications", "resend", "--all", "--url", stand.url]) == 0
    assert "1 notification will be tried again at once" in capsys.readouterr().out
    assert "dead" not in {row.state for row in await stand.store.rows()}
    assert await asyncio.to_thread(main, ["notifications", "resend", "i1", "ops", "--url", stand.url]) != 0
    assert "it is no dead letter: it is waiting" in capsys.readouterr().err
