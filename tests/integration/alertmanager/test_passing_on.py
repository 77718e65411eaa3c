"""What people silence at healer is silenced at a real Alertmanager too, for as long as it holds here."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from healer.alertmanager.client import AlertmanagerClient, Unreachable
from healer.alertmanager.passing_on import LASTS, RENEW, PassingOn
from healer.alerts.silences import OWN, Silence, SilenceMatcher
from healer.times import DAY, HOUR, MINUTE, SECOND
from tests.integration.alertmanager.stand import NOBODY, HandClock
from tests.servers.alertmanager import Alertmanager
from tests.servers.process import get

MINE = "installation-1"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path, NOBODY) as server:
        yield server


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as shared:
        yield shared


def active(server: Alertmanager) -> list[dict[str, Any]]:
    found = json.loads(get(f"{server.url}/api/v2/silences"))
    return [one for one in found if one["status"]["state"] == "active"]


async def test_what_holds_here_holds_there(server: Alertmanager, session: aiohttp.ClientSession) -> None:
    """With its matchers and its end, once, whoever looks how often; ended or changed here it is so there; one until its incident
    is over holds for an hour at a time. healer does not take its own for another's word, and leaves those of others alone."""
    client, clock = AlertmanagerClient(server.url, None, 5 * SECOND, session, MINE), HandClock()
    now = clock.now()
    by_time = Silence("s1", OWN, (SilenceMatcher("host", "web-.*", True),), now, now + HOUR, "ann", "a press")
    while_open = Silence("s2", OWN, (SilenceMatcher("host", "db"),), now, now + 7 * DAY, "bob", "b", incident="inc1")
    theirs = Silence("x", server.url, (SilenceMatcher("host", "other"),), now, now + HOUR, "jo", "mirrored")
    known = [by_time, while_open, theirs]
    passing_on = PassingOn(lambda: known, lambda: True, clock)
    await AlertmanagerClient(server.url, None, 5 * SECOND, session, "another").keep(
        msgspec.structs.replace(by_time, id="s9"), now + HOUR, None
    )
    for _ in range(2):
        await passing_on.look(client)
    kept = await client.kept()
    assert kept.keys() == {"s1", "s2"}
    assert abs(kept["s1"].ends_at - by_time.ends_at) < 1_000
    assert abs(kept["s2"].ends_at - now - LASTS) < 10 * SECOND
    (first,) = [one for one in active(server) if "s1" in one["comment"]]
    assert first["matchers"] == [{"isEqual": True, "isRegex": True, "name": "host", "value": "web-.*"}]
    assert (first["createdBy"], "by ann: a press" in first["comment"]) == ("healer", True)
    assert [one.comment.partition(" (")[0] for one in await client.silences()] == ["said to healer another"]

    clock.ahead = LASTS - RENEW + MINUTE
    await passing_on.look(client)
    again = await client.kept()
    assert abs(again["s2"].ends_at - clock.now() - LASTS) < 10 * SECOND
    known[0] = msgspec.structs.replace(by_time, ends_at=by_time.ends_at + HOUR)
    await passing_on.look(client)
    assert abs((await client.kept())["s1"].ends_at - known[0].ends_at) < 1_000
    known[:] = [msgspec.structs.replace(by_time, ends_at=clock.now())]
    await passing_on.look(client)
    assert await client.kept() == {}
    assert len(active(server)) == 1


async def test_one_that_is_away_is_no_failure(session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and looked at again."""
    away = AlertmanagerClient("http://127.0.0.1:9", None, SECOND, session, MINE)
    with pytest.raises(Unreachable):
        await away.kept()
    passing_on = PassingOn(list, lambda: True, HandClock())
    passing_on.use([away])
    await passing_on._try(away)
    assert "not passed on" in caplog.text
