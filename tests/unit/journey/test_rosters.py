"""A calendar that is published somewhere is followed: what is new is in the journal, and what it said last counts."""

from collections.abc import AsyncIterator

import pytest

from healer.journey.records import Entry, Rostered, Troubled, decode
from healer.journey.rosters import FAILING, Feed, NotRead, Rosters
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.times import MINUTE
from tests.contracts.store.given import HandClock
from tests.unit.journey.world import START, World
from tests.unit.notification.oncall.test_ical import PEOPLE, WEEK, calendar


class Published:
    """A calendar at an address, and who follows it."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.clock = HandClock(START)
        self.store = Store(InlineRun(self.memory, self.clock), "test")
        self.world = World()
        self.content: bytes | None = calendar(WEEK)
        self.rosters = Rosters(self.store, self.clock, lambda: self.world.fold)
        self.feed = Feed("primary", "UTC", PEOPLE, MINUTE, self.read)

    async def read(self) -> bytes:
        if self.content is None:
            raise NotRead("it answered 503")
        return self.content

    async def looked(self) -> list[object]:
        """The records that come of a look, applied."""
        before = len(await self.store.read(0, 100))
        await self.rosters.look(self.feed)
        rows = (await self.store.read(0, 100))[before:]
        for row in rows:
            self.world.fold.apply(Entry(row.position + 1, row.at, decode(row.data)))
        return [decode(row.data) for row in rows]


@pytest.fixture
async def published() -> AsyncIterator[Published]:
    found = Published()
    yield found
    await found.store.close()
    found.memory.close()


async def test_what_is_new_is_recorded_once(published: Published) -> None:
    """And again when it says something else."""
    (record,) = await published.looked()
    assert isinstance(record, Rostered)
    assert [shift.who for shift in record.shifts] == ["ann"]
    assert await published.looked() == []
    published.content = calendar(WEEK.replace("Ann Smith", "bo"))
    (record,) = await published.looked()
    assert isinstance(record, Rostered)
    assert [shift.who for shift in record.shifts] == ["bo"]
    assert published.world.fold.charter.shifts == {"primary": record.shifts}


@pytest.mark.parametrize("content", [None, b"<html>sign in</html>"])
async def test_one_that_fails_for_long_is_told(published: Published, content: bytes | None) -> None:
    """What it said last counts meanwhile; when it can be read again that ends."""
    await published.looked()
    said, published.content = published.content, content
    assert await published.looked() == []
    published.clock.instant += FAILING
    (record,) = await published.looked()
    assert isinstance(record, Troubled)
    assert (record.code, record.firing) == ("calendar primary", True)
    assert await published.looked() == []
    assert [shift.who for shift in published.world.fold.charter.shifts["primary"]] == ["ann"]
    published.content = said
    assert [type(one) for one in await published.looked()] == [Troubled]
    assert not published.world.fold.troubles.has("calendar primary")
