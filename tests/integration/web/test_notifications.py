"""The told ledger over HTTP: what each channel was told, and dead letters that get another chance."""

import msgspec

from healer.journey.ports import Wanted
from healer.times import MINUTE
from tests.integration.web.stand import Stand, standing


async def wanted(stand: Stand, *channels: str) -> None:
    """The channels are to hear of the incident i1."""
    await stand.decide(
        wanted=tuple(Wanted("i1", channel, 1, msgspec.msgpack.encode({}), False) for channel in channels)
    )


async def dies(stand: Stand, channel: str) -> None:
    """The channel refuses for good."""
    (claim,) = await stand.store.claim(channel, now=stand.clock.now(), lease=MINUTE, limit=1)
    await stand.store.failed(claim, now=0, why="403 Forbidden: bot was blocked", dead=True)


async def test_dead_letters_are_listed_with_their_reason() -> None:
    """Who was not told, and why, is not a matter of log files."""
    async with standing() as (stand, client):
        await wanted(stand, "duty", "ops")
        await dies(stand, "duty")
        async with client.get("/api/v1/notifications", params={"status": "dead"}) as response:
            found = await response.json()
    assert found["total"] == 1
    (row,) = found["items"]
    assert (row["incident"], row["channel"], row["state"]) == ("i1", "duty", "dead")
    assert row["why"] == "403 Forbidden: bot was blocked"


async def test_what_a_channel_would_read_is_shown_and_nobody_is_told() -> None:
    """For an incident under way, and with the reason where there is none."""
    shown = {("i1", "duty"): "[CRIT broken] host web-1 down"}
    async with standing(preview=lambda incident, channel: shown.get((incident, channel))) as (stand, client):
        async with client.get("/api/v1/notifications/i1/duty/preview") as response:
            assert await response.json() == {"incident": "i1", "channel": "duty", "text": shown["i1", "duty"]}
        async with client.get("/api/v1/notifications/i1/nobody/preview") as response:
            assert response.status == 404
            assert "no channel is called nobody" in await response.text()
        assert await stand.store.rows() == []


async def test_pages_follow_one_another() -> None:
    """Each row once, with `next` in between."""
    async with standing() as (stand, client):
        await wanted(stand, "a", "b", "c")
        seen, cursor = [], ""
        while True:
            async with client.get("/api/v1/notifications", params={"limit": "2", "cursor": cursor}) as response:
                page = await response.json()
            seen += [row["channel"] for row in page["items"]]
            cursor = page["next"]
            if not cursor:
                break
    assert sorted(seen) == ["a", "b", "c"]


async def test_a_dead_letter_is_sent_again_when_somebody_asks() -> None:
    """It waits again, to be tried at once."""
    async with standing() as (stand, client):
        await wanted(stand, "duty")
        await dies(stand, "duty")
        async with client.post("/api/v1/notifications/i1/duty/resend") as response:
            assert response.status == 200
            assert (await response.json())["state"] == "waiting"
        assert len(await stand.store.claim("duty", now=stand.clock.now(), lease=MINUTE, limit=1)) == 1


async def test_only_dead_letters_are_sent_again() -> None:
    """What goes on by itself is left alone; what never was is not found."""
    async with standing() as (stand, client):
        await wanted(stand, "duty")
        async with client.post("/api/v1/notifications/i1/duty/resend") as response:
            assert response.status == 409
            assert "it is waiting" in (await response.json())["detail"]
        async with client.post("/api/v1/notifications/i1/nobody/resend") as response:
            assert response.status == 404
