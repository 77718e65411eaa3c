"""Quiet hours of a channel: what is critical or needs somebody passes, the rest waits for the morning and comes together."""

import asyncio

from healer.notification.conduct import Conduct
from healer.times import MINUTE, SECOND, to_datetime
from tests.unit.notification.test_deliver import Stand, play


def quiet(stand: Stand, *, bundles: bool = True) -> float:
    """Quiet for the next ten minutes; how many seconds that is."""
    now = to_datetime(stand.clock.now())
    end = to_datetime(stand.clock.now() + 10 * MINUTE)
    hours = f"{now:%H:%M}-{end:%H:%M}"
    conduct = Conduct(quiet=(hours,), bundles=bundles)
    stand.deliverer.use(stand.chats, "", conduct={"chat": conduct})
    return (conduct.quiet_until(stand.clock.now()) - stand.clock.now()) / SECOND


def test_what_is_not_urgent_waits_for_the_end_of_the_hours() -> None:
    """And is told within seconds of it, as it is by then."""

    async def work(stand: Stand) -> None:
        left = quiet(stand)
        assert 9 * MINUTE / SECOND <= left <= 10 * MINUTE / SECOND
        await stand.told(1, severity="warning")
        await stand.told(2, severity="warning")
        await asyncio.sleep(left - 10)
        assert stand.chat.requests == []
        await asyncio.sleep(20)
        assert stand.chat.requests == ["send i1 2 broken"]

    play(work)


def test_what_is_urgent_passes() -> None:
    """Also what becomes urgent while it waits."""

    async def work(stand: Stand) -> None:
        quiet(stand)
        await stand.told(1, incident="i1", urgent=True)
        await stand.told(1, incident="i2", severity="warning")
        assert stand.chat.requests == ["send i1 1 broken"]
        await stand.told(2, "needs you", incident="i2", urgent=True)
        assert stand.chat.requests[1:] == ["send i2 2 needs you"]

    play(work)


def test_what_was_told_stays_current() -> None:
    """An edit makes no sound; where nothing can be edited the news waits."""

    async def work(stand: Stand) -> None:
        await stand.told(1, title="[WARN broken] a")
        left = quiet(stand)
        await stand.told(2, "over", title="[WARN over] a")
        assert stand.chat.requests[1:] == ["edit [WARN over] a"]
        stand.chat.can_edit = False
        await stand.told(3, "broken", title="[WARN broken] a")
        assert len(stand.chat.requests) == 2
        await asyncio.sleep(left + 10)
        assert stand.chat.requests[2:] == ["send [WARN broken] a"]

    play(work)


def test_the_morning_brings_one_message() -> None:
    """What waited is told together."""

    async def work(stand: Stand) -> None:
        left = quiet(stand)
        for incident in ("i1", "i2", "i3"):
            await stand.told(1, incident=incident)
        await asyncio.sleep(left + 10)
        assert stand.chat.requests == ["send i1 1 broken +2"]

    play(work)


def test_each_has_its_own_message_where_nothing_is_bundled() -> None:
    """`bundle: false`."""

    async def work(stand: Stand) -> None:
        left = quiet(stand, bundles=False)
        for incident in ("i1", "i2"):
            await stand.told(1, incident=incident)
        await asyncio.sleep(left + 10)
        assert stand.chat.requests == ["send i1 1 broken", "send i2 1 broken"]

    play(work)
