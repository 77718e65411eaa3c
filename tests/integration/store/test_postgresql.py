"""What only a server can do to a store: several processes at once, outages, sessions that it ends."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import Connection, text

from healer.journey import records
from healer.journey.ports import Arrival, Overtaken, StoreUnavailable
from healer.journey.records import Entry
from healer.notification.ports import Claim
from healer.remediation.guards import Place
from healer.remediation.model import Intent, Refused
from healer.seams import SystemClock
from healer.store import migrations
from healer.store.migrations import prepare
from healer.store.opening import CannotOpen, open_store
from healer.store.postgresql import connections
from healer.store.postgresql.session import PostgresqlDatabase, PostgresqlSession
from healer.store.run import Run, ThreadRun
from healer.store.store import Store
from healer.store.transaction import Transaction
from healer.times import HOUR, SECOND
from tests.contracts.store.given import NOON, RESTART, HandClock, delivered, plan, planned, record, step, wanted
from tests.servers.postgres import Postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def url(server: Postgres) -> str:
    return server.emptied("healer")


def process(url: str) -> Store:
    """A store as another process has it, beside others."""
    database = PostgresqlDatabase(url, alone=False)
    session = database.writer()
    prepare(session, "test")
    session.close()
    return Store(ThreadRun(database, HandClock(), readers=1), "test")


@pytest.fixture
async def two(url: str) -> AsyncIterator[tuple[Store, Store]]:
    stores = process(url), process(url)
    yield stores
    for store in stores:
        await store.close()


class Held:
    """A write of one process that has done its work and does not commit before it is let go."""

    def __init__(self, work: Callable[..., Any], *args: Any) -> None:
        self._work = work
        self._args = args
        self.fails = False
        self.done = asyncio.Event()
        self._go = threading.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, transaction: Transaction) -> Any:
        result = self._work(transaction, *self._args)
        self._loop.call_soon_threadsafe(self.done.set)
        assert self._go.wait(10)
        if self.fails:
            raise LookupError("on purpose")
        return result

    def let_go(self) -> None:
        self._go.set()


async def waiting(server: Postgres) -> None:
    """Until a write waits for another one's lock."""
    async with asyncio.timeout(5):
        while not server.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
            await asyncio.sleep(0.01)


class Instead:
    """A run whose next write is one that is held."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.held: asyncio.Future[Held] = asyncio.get_running_loop().create_future()

    async def write(self, name: str, work: Callable[..., Any], *args: Any) -> Any:
        held = Held(work, *args)
        self.held.set_result(held)
        return await self._run.write(name, held)


async def held_back(store: Store, call: Callable[[Store], Any]) -> tuple[Held, "asyncio.Future[Any]"]:
    """A call on the store, at the point where it has done all but commit."""
    run = Instead(store.run)
    calling = asyncio.ensure_future(call(Store(run, store.installation)))  # type: ignore[arg-type] # it writes, and no more
    async with asyncio.timeout(5):
        held = await run.held
        await held.done.wait()
    return held, calling


async def test_a_higher_position_is_never_seen_before_a_lower_one(server: Postgres, two: tuple[Store, Store]) -> None:
    """Who appends while another's append is not committed gets the position after it, and cannot commit before it."""
    one, other = two
    held, first = await held_back(one, lambda store: store.append([record("a")]))
    second = asyncio.ensure_future(other.append([record("b")]))
    await waiting(server)
    assert await other.read(0, 10) == []
    assert not second.done()
    held.let_go()
    assert [(await first)[0][0], (await second)[0][0]] == [1, 2]
    assert [records.decode(row.data) for row in await one.read(0, 10)] == [delivered("a"), delivered("b")]


async def test_a_position_that_was_rolled_back_is_given_again(server: Postgres, two: tuple[Store, Store]) -> None:
    """An append that failed leaves no gap for who waited behind it."""
    one, other = two

    held, first = await held_back(one, lambda store: store.append([record("a")]))
    second = asyncio.ensure_future(other.append([record("b")]))
    await waiting(server)
    held.fails = True
    held.let_go()
    with pytest.raises(LookupError):
        await first
    assert (await second)[0][0] == 1


async def test_everyone_hears_what_others_appended(two: tuple[Store, Store]) -> None:
    """A process learns with its own next write what the others wrote before, in order and without gaps."""
    one, other = two
    heard: list[Entry] = []
    other.on_append(heard.extend)
    await other.append([record("a")])
    await one.append([record("b"), record("c")])
    await other.append([record("d")])
    assert [(entry.position, entry.record) for entry in heard] == [
        (number, delivered(name)) for number, name in enumerate("abcd", 1)
    ]


async def test_an_owner_of_an_older_epoch_is_overtaken(server: Postgres, two: tuple[Store, Store]) -> None:
    """A step that waits while somebody takes over is refused, though its epoch held when it was made."""
    one, other = two
    await one.take_over("one")
    await one.append([record("a")])
    held, taking = await held_back(other, lambda store: store.take_over("other"))
    committing = asyncio.ensure_future(one.commit(step(1, 1, 1)))
    await waiting(server)
    held.let_go()
    assert (await taking).epoch == 2
    with pytest.raises(Overtaken, match="epoch 1, the store is at 2"):
        await committing
    assert await one.steps(0, 10) == []


async def test_two_intents_for_one_target_cannot_be_written_at_once(server: Postgres, two: tuple[Store, Store]) -> None:
    """The second T3 waits for the first, sees its intent, and is refused; the token was raised once."""
    one, other = two
    await one.take_over("one")
    await one.commit(step(1, 1, 0, planned=tuple(planned(id, plan()) for id in ("r1", "r2"))))
    first, second = await one.under_way()

    def asking(store: Store, which: Any, intent: str) -> Any:
        return store.write_intent(
            which, RESTART, intent=intent, deadline=NOON + 30 * SECOND, now=NOON, place=Place(("all",))
        )

    held, writing = await held_back(one, lambda store: asking(store, first, "e1"))
    late = asyncio.ensure_future(asking(other, second, "e2"))
    await waiting(server)
    held.let_go()
    written, refused = await writing, await late
    assert isinstance(written, Intent)
    assert written.token == 1
    assert isinstance(refused, Refused)
    assert refused.guard == "unsettled"
    assert await other.unsettled() == [msgspec.structs.replace(written)]


async def test_a_claim_that_ran_out_is_taken_by_one(server: Postgres, two: tuple[Store, Store]) -> None:
    """Of two that see the same claim run out at the same instant one gets it, and who held it decides nothing any more."""
    one, other = two
    await one.take_over("one")
    await one.commit(step(1, 1, 0, wanted=(wanted("i1"),)))
    (gone,) = await one.claim("chat", now=NOON, lease=0, limit=1)
    held, claiming = await held_back(one, lambda store: store.claim("chat", now=NOON, lease=60 * SECOND, limit=1))
    losing = asyncio.ensure_future(other.claim("chat", now=NOON, lease=60 * SECOND, limit=1))
    await waiting(server)
    held.let_go()
    taken: list[Claim] = await claiming
    assert [claim.until - gone.until >= 60 * SECOND for claim in taken] == [True]
    assert await losing == []
    await other.failed(gone, now=0, why="too late", dead=True)
    assert [row.state for row in await other.rows()] == ["claimed"]
    await other.told(taken[0], message_id="m1", now=NOON)
    assert [(row.state, row.message_id) for row in await one.rows()] == [("told", "m1")]


async def test_clocks_that_differ_cut_no_claim_short(two: tuple[Store, Store]) -> None:
    """A claim, and the pause after a failure, last as long by whichever clock: one process is an hour ahead of the other."""
    one, other = two
    await one.take_over("one")
    await one.commit(step(1, 1, 0, wanted=(wanted("i1"),)))
    (mine,) = await one.claim("chat", now=NOON, lease=60 * SECOND, limit=1)
    ahead = NOON + HOUR
    assert await other.claim("chat", now=ahead, lease=60 * SECOND, limit=1) == []
    due = await other.next_due("chat", now=ahead)
    assert due is not None
    assert 0 < due - ahead <= 60 * SECOND
    await one.failed(mine, now=NOON, pause=60 * SECOND, why="429")
    assert await other.claim("chat", now=ahead, lease=60 * SECOND, limit=1) == []
    due = await one.next_due("chat", now=NOON)
    assert due is not None
    assert 0 < due - NOON <= 60 * SECOND


async def test_who_waits_too_long_for_another_is_refused(
    server: Postgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that another process holds up is refused after the lock's time-out, and nothing of it happened."""
    monkeypatch.setitem(connections._SESSION, "lock_timeout", "200")
    one, other = process(url), process(url)
    held, first = await held_back(one, lambda store: store.append([record("a")]))
    with pytest.raises(StoreUnavailable, match="lock timeout") as caught:
        await other.append([record("b")])
    assert not caught.value.ambiguous
    held.let_go()
    await first
    assert (await other.append([record("c")]))[0][0] == 2
    await one.close()
    await other.close()


async def test_a_process_that_stops_in_a_write_does_not_hold_up_the_others(
    server: Postgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends its session after a while: the others write on, it hears that it did not, and then can again."""
    monkeypatch.setitem(connections._SESSION, "idle_in_transaction_session_timeout", "300")
    one, other = process(url), process(url)
    held, stopped = await held_back(one, lambda store: store.append([record("a"), record("a")]))
    assert await other.append([record("b")]) == [(1, NOON)]
    held.let_go()
    with pytest.raises(StoreUnavailable):
        await stopped
    assert await one.append([record("c")]) == [(2, NOON)]
    assert [records.decode(row.data) for row in await other.read(0, 10)] == [delivered("b"), delivered("c")]
    await one.close()
    await other.close()


async def test_a_second_process_is_refused_with_who_is_there(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second is told where the first is; when that has closed, it may open."""
    monkeypatch.setitem(connections._SESSION, "lock_timeout", "200")
    store = open_store(url, SystemClock(), installation="first")
    with pytest.raises(CannotOpen, match=r"in use by a healer at 127\.0\.0\.1"):
        open_store(url, SystemClock(), installation="second")
    await store.close()
    store = open_store(url, SystemClock(), installation="second")
    await store.close()


async def test_an_outage_refuses_and_ends_by_itself(server: Postgres, url: str) -> None:
    """While the server is gone writes and reads are refused; when it is back, what was answered is there and all goes on."""
    store = open_store(url, SystemClock(), installation="test")
    heard: list[Entry] = []
    store.on_append(heard.extend)
    await store.append([record("a")])
    server.stop()
    with pytest.raises(StoreUnavailable, match="tried again"):
        await store.append([record("b")])
    with pytest.raises(StoreUnavailable):
        await store.read(0, 10)
    server.start()
    ((position, _),) = await store.append([record("c")])
    assert [records.decode(row.data) for row in await store.read(0, 10)] == [delivered("a"), delivered("c")]
    assert [entry.position for entry in heard] == [1, 2] == [1, position]
    server.restart()
    assert (await store.append([record("d")]))[0][0] == 3, "a restart that nobody noticed costs nobody an answer"
    await store.close()


async def test_a_session_that_the_server_ends_fails_one_write(server: Postgres, url: str) -> None:
    """What was in it is rolled back and refused; the next write is on a new one."""
    store = open_store(url, SystemClock(), installation="test")

    def suicide(transaction: Transaction) -> None:
        transaction.raw.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreUnavailable):
        await store.run.write("suicide", suicide)
    assert (await store.append([record("a")]))[0][0] == 1
    await store.close()


async def test_a_commit_whose_answer_was_lost_is_made_known(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller hears that it may have happened; who listens hears of it with the next write, first and once."""
    store = open_store(url, HandClock(), installation="test")
    heard: list[Entry] = []
    store.on_append(heard.extend)
    commit = PostgresqlSession.commit

    def cut(session: PostgresqlSession) -> None:
        monkeypatch.setattr(PostgresqlSession, "commit", commit)
        commit(session)
        session._raw.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(PostgresqlSession, "commit", cut)
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        await store.append([record("a")])
    assert caught.value.ambiguous
    assert heard == []
    await store.append([record("b")])
    assert [(entry.position, entry.record) for entry in heard] == [(1, delivered("a")), (2, delivered("b"))]
    await store.close()


async def test_a_failure_that_nobody_noticed_is_no_commit(url: str) -> None:
    """A write that goes on after a statement failed is not answered as if it were stored."""
    store = open_store(url, SystemClock(), installation="test")

    def careless(transaction: Transaction) -> None:
        with pytest.raises(psycopg.errors.UndefinedTable):
            transaction.raw.execute("SELECT * FROM nowhere")

    with pytest.raises(StoreUnavailable, match="answered COMMIT with ROLLBACK") as caught:
        await store.run.write("careless", careless)
    assert not caught.value.ambiguous
    await store.close()


async def test_wrong_sql_looks_like_a_mistake(url: str) -> None:
    """A bug is not an outage: it comes out as it is."""
    store = open_store(url, SystemClock(), installation="test")
    with pytest.raises(psycopg.errors.UndefinedTable):
        await store.run.write("wrong", lambda transaction: transaction.raw.execute("SELECT * FROM nowhere"))
    await store.close()


async def test_text_with_a_nul_is_kept(url: str) -> None:
    """What PostgreSQL's text cannot hold is kept with U+FFFD in its place, and costs nobody a request."""
    store = open_store(url, SystemClock(), installation="test")
    await store.append([record("a")])
    await store.act("note", {"plain": "x"}, now=1)
    await store.paid("a\0b", 3)
    assert await store.owed("a\0b") == []
    await store.close()


async def test_readers_cannot_write(url: str) -> None:
    """A read that writes is refused by the server."""
    store = open_store(url, SystemClock(), installation="test")

    def sly(connection: Any) -> None:
        connection.exec_driver_sql("DELETE FROM journal")

    with pytest.raises(Exception, match="read-only transaction"):
        await store.run.read("sly", sly)
    await store.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("fsync=off",), "fsync off: what it kept would not survive"),
        (("default_transaction_read_only=on",), "read-only"),
    ],
)
async def test_a_server_that_cannot_keep_is_refused(
    server: Postgres, url: str, options: Sequence[str], said: str
) -> None:
    """A1 needs a server that syncs, and one that writes."""
    server.stop()
    server.options = options
    server.start()
    try:
        with pytest.raises(CannotOpen, match=said):
            open_store(url, SystemClock(), installation="test")
    finally:
        server.stop()
        server.options = ()
        server.start()


def test_a_server_that_is_not_there_is_said() -> None:
    """Who cannot connect says to whom, and no password."""
    with pytest.raises(CannotOpen, match="refused") as caught:
        open_store("postgresql://healer@127.0.0.1:1/x", SystemClock(), installation="x", password="hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("fails", [True, False])
async def test_a_change_of_the_schema_happens_whole_or_not_at_all(
    server: Postgres, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """A step that fails takes the steps before it with it, tables and version; one that works brings all up."""
    url = server.schema(f"older_{fails}".lower())
    store = open_store(url, SystemClock(), installation="first")
    await store.append([record("a")])
    await store.close()

    def add(connection: Connection) -> None:
        connection.execute(text("ALTER TABLE journal ADD COLUMN more BIGINT NOT NULL DEFAULT 7"))

    def fail(connection: Connection) -> None:
        connection.execute(text("SELECT * FROM nowhere"))

    steps = (*migrations.STEPS, add, *([fail] if fails else []))
    with monkeypatch.context() as newer:
        newer.setattr(migrations, "STEPS", steps)
        newer.setattr(migrations, "NEWEST", migrations.OLDEST + len(steps))
        if fails:
            with pytest.raises(CannotOpen, match="nowhere"):
                open_store(url, SystemClock(), installation="x")
        else:
            await open_store(url, SystemClock(), installation="x").close()
            assert server.sql(f"SELECT more FROM older_{fails}.journal") == [(7,)]
    if not fails:
        with pytest.raises(CannotOpen, match="start the version of healer that wrote it"):
            open_store(url, SystemClock(), installation="x")
        return
    store = open_store(url, SystemClock(), installation="x")
    assert (await store.append([record("b")]))[0][0] == 2
    await store.close()


async def test_somebody_elses_schema_is_refused(server: Postgres) -> None:
    """A schema with other tables is not touched."""
    url = server.schema("songs")
    server.sql("CREATE TABLE songs.songs (title text)")
    with pytest.raises(CannotOpen, match="tables that are not healer's"):
        open_store(url, SystemClock(), installation="x")


def replica(url: str, name: str) -> Store:
    """A store as one of several healers has it."""
    return open_store(url, SystemClock(), installation="test", name=name)


async def test_processes_with_names_share_a_store(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two names are two processes; the same name again, or one that wants to be alone, is refused with who is there."""
    monkeypatch.setitem(connections._SESSION, "lock_timeout", "200")
    one, other = replica(url, "one"), replica(url, "other")
    with pytest.raises(CannotOpen, match=r"127\.0\.0\.1.* under the name one: .*store\.replica"):
        replica(url, "one")
    with pytest.raises(CannotOpen, match="in use by a healer"):
        open_store(url, SystemClock(), installation="test")
    assert (await one.append([record("a")]))[0][0] == 1
    assert (await other.append([record("b")]))[0][0] == 2
    await one.close()
    await replica(url, "one").close()
    await other.close()
    alone = open_store(url, SystemClock(), installation="test")
    with pytest.raises(CannotOpen, match="which wants to be alone"):
        replica(url, "one")
    await alone.close()


async def test_only_what_the_gone_had_claimed_is_let_go(url: str) -> None:
    """Who starts lets go of what its own name held, and who converges of what those held that are not connected any more; what
    another living process claimed is its."""
    one, other, third = replica(url, "one"), replica(url, "other"), replica(url, "third")
    taken = await one.stand_in("one", "", lease=60 * SECOND, now=0)
    assert taken is not None
    await one.commit(step(1, taken.epoch, 0, wanted=tuple(wanted(f"i{number}") for number in range(3))))
    for store in (one, other, third):
        assert len(await store.claim("chat", now=NOON, lease=SECOND * 60, limit=1)) == 1
    await other.free_claims()
    again = await third.claim("chat", now=NOON, lease=SECOND * 60, limit=9)
    assert [claim.incident for claim in again] == ["i1"], "those of the other alone"
    await one.renew("one", taken.epoch, lease=60 * SECOND, now=0)
    assert await other.claim("chat", now=NOON, lease=SECOND * 60, limit=9) == []
    await third.close()
    left: list[Claim] = []
    async with asyncio.timeout(10):
        while len(left) < 2:  # the server lets go of a lock a moment after its holder has gone
            await one.renew("one", taken.epoch, lease=60 * SECOND, now=0)
            left += await other.claim("chat", now=NOON, lease=SECOND * 60, limit=9)
    assert [claim.incident for claim in left] == ["i1", "i2"], "those of the third, and not one's"
    for store in (one, other):
        await store.close()


async def test_of_two_who_stand_in_at_once_one_does(server: Postgres, two: tuple[Store, Store]) -> None:
    """The second waits for the first, sees its term, by the server's clock, and is refused."""
    one, other = two
    held, taking = await held_back(one, lambda store: store.stand_in("one", "http://one", lease=60 * SECOND, now=0))
    late = asyncio.ensure_future(other.stand_in("other", "http://other", lease=60 * SECOND, now=0))
    await waiting(server)
    held.let_go()
    assert (await taking).epoch == 1
    assert await late is None
    term = await other.term(now=0)
    assert (term.epoch, term.name, term.url) == (1, "one", "http://one")
    assert 0 < term.left <= 60 * SECOND


async def test_effects_of_an_older_epoch_are_refused(server: Postgres, url: str) -> None:
    """After the term is over somebody else stands in: T2, T3 and T4 of the one before write nothing, and its claim to go on
    is refused."""
    one, other = process(url), process(url)
    await one.stand_in("one", "", lease=60 * SECOND, now=0)
    await one.commit(step(1, 1, 0, planned=(planned("r1", plan()),)))
    (remediation,) = await one.under_way()

    def asking(store: Store) -> Any:
        return store.write_intent(
            remediation, RESTART, intent="e1", deadline=NOON + 30 * SECOND, now=NOON, place=Place(("all",))
        )

    intent = await asking(one)
    assert isinstance(intent, Intent)
    assert await other.stand_in("other", "", lease=60 * SECOND, now=0) is None
    await one.hand_over(1)
    assert await other.stand_in("other", "", lease=60 * SECOND, now=0) is not None
    done = msgspec.structs.replace(intent, outcome="done")
    moved = msgspec.structs.replace(remediation, state="verifying")
    late: list[Callable[[], Any]] = [
        lambda: one.commit(step(2, 1, 0)),
        lambda: asking(one),
        lambda: one.move(moved, was="executing", now=NOON),
        lambda: one.settle_intent(done, moved, was="executing", now=NOON),
        lambda: one.begin_probe("e1", now=NOON),
        lambda: one.renew("one", 1, lease=SECOND, now=0),
    ]
    for write in late:
        with pytest.raises(Overtaken):
            await write()
    await one.hand_over(1)
    assert (await other.term(now=0)).left > 0, "who is over cannot end another's term"
    assert await other.unsettled() == [intent]
    assert await other.settle_intent(done, moved, was="executing", now=NOON)
    for store in (one, other):
        await store.close()


async def test_the_journal_is_compressed_by_what_costs_least(url: str, server: Postgres) -> None:
    """By lz4, where the server has it."""
    store = process(url)
    await store.append([Arrival(delivered(*[f"a name of some length, {number}" for number in range(1_000)]))])
    await store.close()
    [(how, kept, whole)] = server.sql(
        "SELECT pg_column_compression(data), pg_column_size(data), octet_length(data) FROM journal", "healer"
    )
    assert (how, kept < whole // 2) == ("lz4", True)
