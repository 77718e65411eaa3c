"""Drills over HTTP: which there are, how the last run went, and who may begin one; and how the command line tells it."""

import asyncio
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

import pytest

from healer.cli import connection
from healer.cli import drill as command
from healer.cli.main import parser_of
from healer.cli.output import Output
from healer.rehearsal.drill import Drill
from healer.rehearsal.drilling import Drilling
from healer.seams import Supervisor, SystemClock, SystemRandom
from healer.web.rights import right_of
from tests.integration.web.stand import standing

OWN = {"canary": Drill(labels={"canary": "unit"})}


async def test_a_drill_begins_once() -> None:
    """A POST puts its alert into the journal and says how it goes; a second one begins no second run."""
    spawn, records = Supervisor(), SimpleNamespace()
    drilling = Drilling(cast("Any", records), SystemClock(), SystemRandom(), spawn, lambda: OWN, lambda _: False)
    async with standing(drills=drilling) as (stand, client):
        for name in ("append", "incidents", "incident", "timeline", "remediations"):
            setattr(records, name, getattr(stand.store, name))
        async with client.get("/api/v1/drills/canary") as response:
            assert response.status == 404
            assert "has not been run yet" in (await response.json())["detail"]
        found = []
        for _ in range(2):
            async with client.post("/api/v1/drills/canary") as response:
                assert response.status == 200
                found.append(await response.json())
        assert found[0]["run"] == found[1]["run"]
        assert found[0]["state"] == "running"
        async with client.get("/api/v1/drills") as response:
            listed = {each["name"]: each for each in (await response.json())["items"]}
        assert listed["alert"]["expects"] == "told"
        assert listed["canary"]["last"]["run"] == found[0]["run"]
        async with client.post("/api/v1/drills/parrot") as response:
            assert response.status == 404
            assert "alert, canary" in (await response.json())["detail"]
        async with asyncio.timeout(10):
            while not await stand.delivered():
                await asyncio.sleep(0.02)
        await spawn.stop(1.0)
        assert len(await stand.delivered()) == 1


async def test_a_store_that_is_full() -> None:
    """A drill whose alert cannot be stored has failed, says why, and may be begun again."""
    spawn, records = Supervisor(), SimpleNamespace()
    drilling = Drilling(cast("Any", records), SystemClock(), SystemRandom(), spawn, lambda: OWN, lambda _: False)
    async with standing(drills=drilling) as (stand, _client):
        records.append = stand.store.append
        stand.disk.full = True
        first = drilling.start("canary")
        async with asyncio.timeout(10):
            while (found := await drilling.last("canary")) is None or found["state"] == "running":
                await asyncio.sleep(0.02)
        assert found["why"].startswith("its alert could not be stored")
        second = drilling.start("canary")
        assert first is not None
        assert second is not None
        assert first["run"] != second["run"]
        await spawn.stop(1.0)
        stand.disk.full = False


def test_who_may_begin_one() -> None:
    """It repairs something, if only a canary: it takes the right to operate."""
    assert right_of("POST", "/api/v1/drills/{name}") == "operate"


PASSED: dict[str, Any] = {
    "name": "canary",
    "state": "passed",
    "why": None,
    "incident": "i1",
    "rule": "mend it",
    "remediation": "r1",
    "trace_id": "t1",
    "began_at": "2026-01-07T10:00:00.000Z",
    "ended_at": "2026-01-07T10:00:20.000Z",
    "times_ms": {"detect": 30, "decide": 0, "act": 1090, "verify": None, "tell": 15002},
}


@pytest.mark.parametrize(("found", "code"), [(PASSED, 0), (PASSED | {"state": "failed", "why": "too late"}, 1)])
def test_the_report_in_a_terminal(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any], code: int) -> None:
    """Each stage with its time, a dash for what was not reached; the exit code says whether it passed."""

    class Link:
        def post(self, path: str, _: object) -> dict[str, Any]:
            assert path == "/api/v1/drills/canary"
            return found

    monkeypatch.setattr(connection, "connect", lambda *_: Link())
    said = StringIO()
    arguments = parser_of("drill", command).parse_args(["canary"])
    assert command.run(arguments, Output(said, StringIO())) == code
    text = said.getvalue()
    assert f"The drill canary {found['state']}." in text
    for words in ("detect  30ms", "decide  0s", "act     1s90ms", "verify  -", "tell    15s2ms"):
        assert words in text
