"""`healer oncall` says who is on call, over the real HTTP side."""

import asyncio

import msgspec
import pytest

from healer.cli.main import main
from healer.notification.oncall.reach import Rota
from healer.notification.oncall.settings import Layer, Oncall, Override, Person, Schedule
from tests.integration.web.stand import standing

Captured = pytest.CaptureFixture[str]
PRIMARY = Schedule(
    zone="Europe/Berlin",
    layers=(Layer(people=("ann", "bo"), since="2026-01-05 09:00"),),
    overrides=(Override(people=("old hand",), since="2026-03-01", to="2026-03-02"),),
)
ROTA = Rota(
    Oncall(people={"ann": Person(channels=("sms",)), "bo": Person(channels=("mail",))}, schedules={"primary": PRIMARY}),
    ("sms", "mail"),
)


async def test_who_is_on_call_and_who_is_next(capsys: Captured) -> None:
    """Now, in the zone of the schedule, at another time, and of schedules that there are."""
    async with standing(rota=lambda: ROTA) as (stand, _):

        async def said(*words: str) -> tuple[int, str, str]:
            code = await asyncio.to_thread(main, ["oncall", *words, "--url", stand.url])
            return code, *capsys.readouterr()

        code, out, _ = await said()
        assert code == 0
        row = out.split("\n")[1]
        assert (row[:7], "ann" in row, "layer 1" in row, row[-28:]) == (
            "primary",
            True,
            True,
            "Mon 2026-01-12 09:00 CET  bo",
        )
        code, out, _ = await said("--at", "2026-07-20T09:00:00+02:00", "--json")
        (item,) = msgspec.json.decode(out)["items"]
        assert item["people"] == [{"name": "ann", "channels": ["sms"]}]
        assert (item["until"], item["next"]["people"][0]["name"]) == ("2026-07-27T07:00:00.000Z", "bo")
        code, out, errors = await said("--at", "2026-03-01T12:00:00Z")
        assert (code, "old hand (no channel)" in out, "goes on to its next step" in errors) == (1, True, True)
        code, _, errors = await said("--schedule", "nights")
        assert (code, "schedules: primary" in errors) == (1, True)
        code, _, errors = await said("--at", "tomorrow")
        assert (code, "'tomorrow' is no time" in errors) == (2, True)
