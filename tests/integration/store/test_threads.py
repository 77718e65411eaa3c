import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection

from healer.journey.ports import StoreUnavailable
from healer.journey.records import Entry
from healer.seams import SystemClock
from healer.store.connections import raw_of
from healer.store.joint import Joint
from healer.store.migrations import prepare
from healer.store.run import ThreadRun
from healer.store.sqlite import SqliteDatabase
from healer.store.store import Store
from healer.store.transaction import Transaction
from tests.contracts.store.given import record


@pytest.fixture
def database(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(tmp_path / "healer.db")
    session = database.writer()
    prepare(session, "test")
    session.close()
    return database


@pytest.fixture
async def store(database: SqliteDatabase) -> AsyncIterator[Store]:
    store = Store(ThreadRun(database, SystemClock(), waiting_limit=20), "test")
    yield store
    await store.close()


class Gate:
    """A write that keeps the writer busy until it is opened, so that others wait."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._entered = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, transaction: Transaction) -> None:
        self._loop.call_soon_threadsafe(self._entered.set)
        assert self._open.wait(10)

    async def hold(self, store: Store) -> "asyncio.Future[None]":
        held = asyncio.ensure_future(store.run.write("gate", self))
        await self._entered.wait()
        return held

    def open(self) -> None:
        self._open.set()


async def test_all_that_waits_shares_one_commit(store: Store) -> None:
    """While one commit is under way the others gather, and are synced together."""
    heard: list[Sequence[Entry]] = []
    store.on_append(heard.append)
    gate = Gate()
    held = await gate.hold(store)
    waiting = [asyncio.ensure_future(store.append([record(f"a{number}")])) for number in range(10)]
    await asyncio.sleep(0)
    gate.open()
    await asyncio.gather(held, *waiting)
    assert [[entry.position for entry in entries] for entries in heard] == [list(range(1, 11))]


async def test_one_that_fails_in_a_group_fails_alone(store: Store) -> None:
    """Its neighbours in the same commit are stored, it is rolled back, and its caller gets what it raised."""

    def fail(transaction: Transaction) -> None:
        transaction.raw.execute("INSERT INTO version (digest, kind, content) VALUES ('d', 'k', x'00')")
        raise LookupError("on purpose")

    gate = Gate()
    held = await gate.hold(store)
    first = asyncio.ensure_future(store.append([record("a")]))
    failing = asyncio.ensure_future(store.run.write("fail", fail))
    second = asyncio.ensure_future(store.append([record("b")]))
    await asyncio.sleep(0)
    gate.open()
    await held
    with pytest.raises(LookupError, match="on purpose"):
        await failing
    assert [(await each)[0][0] for each in (first, second)] == [1, 2]
    with pytest.raises(KeyError):
        await store.version("d")


async def test_nothing_is_answered_before_the_commit(store: Store) -> None:
    """A write of a group that is still open has no answer, and nobody can read it."""
    gate = Gate()
    held = await gate.hold(store)
    again = Gate()
    waiting = asyncio.ensure_future(store.append([record()]))
    after = asyncio.ensure_future(store.run.write("gate", again))
    await asyncio.sleep(0)
    gate.open()
    await held
    await again._entered.wait()
    assert not waiting.done()
    assert await store.read(0, 10) == []
    again.open()
    await asyncio.gather(waiting, after)
    assert len(await store.read(0, 10)) == 1


async def test_a_full_queue_refuses_at_once(store: Store) -> None:
    """More than the limit may not wait; when there is room again it works again."""
    gate = Gate()
    held = await gate.hold(store)
    waiting = [asyncio.ensure_future(store.append([record()])) for _ in range(19)]
    await asyncio.sleep(0)
    with pytest.raises(StoreUnavailable, match="20 others wait for the disk already"):
        await store.append([record()])
    gate.open()
    await asyncio.gather(held, *waiting)
    assert await store.append([record()])


async def test_nobody_waits_for_ever(database: SqliteDatabase) -> None:
    """With a patience, who waits for longer hears that it may have happened; and when it did, it is there."""
    store = Store(ThreadRun(database, SystemClock(), patience_s=0.05), "test")
    gate = Gate()
    held = await gate.hold(store)
    with pytest.raises(StoreUnavailable, match=r"append: no answer within 0\.05 s") as caught:
        await store.append([record()])
    assert caught.value.ambiguous
    gate.open()
    with pytest.raises(StoreUnavailable):
        await held
    while not await store.read(0, 10):
        await asyncio.sleep(0.005)
    await store.close()


async def test_who_goes_away_does_not_disturb_the_others(store: Store) -> None:
    """A caller that is cancelled while it waits costs nobody else an answer."""
    gate = Gate()
    held = await gate.hold(store)
    gone = asyncio.ensure_future(store.append([record("a")]))
    stays = asyncio.ensure_future(store.append([record("b")]))
    await asyncio.sleep(0)
    gone.cancel()
    gate.open()
    await asyncio.gather(held, stays)
    assert [row.position for row in await store.read(0, 10)][-1] == stays.result()[0][0]


async def test_closing_finishes_what_waits(database: SqliteDatabase) -> None:
    """What was accepted before the close is answered; what comes after is refused."""
    store = Store(ThreadRun(database, SystemClock()), "test")
    waiting = [asyncio.ensure_future(store.append([record()])) for _ in range(10)]
    await asyncio.sleep(0)
    await store.close()
    await store.close()
    assert sorted([(await each)[0][0] for each in waiting]) == list(range(1, 11))
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.append([record()])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("store-")]


async def test_a_listener_that_fails_costs_nobody_an_answer(store: Store) -> None:
    """Its exception goes to the loop's handler; what was stored is answered."""
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(context["exception"]))

    def fail(entries: Sequence[Entry]) -> None:
        raise LookupError("on purpose")

    store.on_append(fail)
    assert (await store.append([record()]))[0][0] == 1
    assert [type(each) for each in said] == [LookupError]


async def test_wrong_sql_looks_like_a_mistake(store: Store) -> None:
    """A bug is not an outage: it comes out as it is, for reads and for writes."""
    wrong = "SELECT * FROM nowhere"
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.run.write("wrong", lambda transaction: transaction.raw.execute(wrong))
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await store.run.read("wrong", lambda connection: raw_of(connection).execute(wrong))


async def test_who_asks_the_same_before_a_read_begins_shares_it(database: SqliteDatabase) -> None:
    """A joint read that waits takes in whoever comes; who comes after it began gets one of their own; a failure is each one's."""
    store = Store(ThreadRun(database, SystemClock(), readers=1), "test")
    entered, opened = threading.Event(), threading.Event()
    asked: list[list[tuple[int]]] = []

    def busy(_: Connection) -> None:
        entered.set()
        assert opened.wait(10)

    def many(_: Connection, each: Sequence[tuple[int]]) -> list[int]:
        asked.append(list(each))
        if (0,) in each:
            raise ValueError("none")
        return [-number for (number,) in each]

    kind: Joint[Connection, int, int] = Joint(many)
    held = asyncio.ensure_future(store.run.read("busy", busy))
    await asyncio.to_thread(entered.wait, 10)
    asking = [asyncio.ensure_future(store.run.read("same", kind, number)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    opened.set()
    assert await asyncio.gather(*asking) == [-1, -2, -3]
    assert await store.run.read("same", kind, 4) == -4
    assert asked == [[(1,), (2,), (3,)], [(4,)]]
    with pytest.raises(ValueError, match="none"):
        await store.run.read("same", kind, 0)
    await held
    await store.close()
