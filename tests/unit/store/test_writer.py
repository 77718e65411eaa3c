import sqlite3
from collections.abc import Iterator, Sequence

import pytest

from healer.journey.ports import StoreUnavailable
from healer.store.connections import close, connect_memory
from healer.store.joint import Joint
from healer.store.migrations import prepare
from healer.store.sqlite import SqliteSession
from healer.store.transaction import Transaction
from healer.store.transactions import journal
from healer.store.writer import Write, Writer
from tests.contracts.store.given import NOON, HandClock, record


class Disk:
    """The driver's connection, on a disk whose next COMMIT fails, before or after it happened, or whose next BEGIN does."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw
        self.fails: str = ""
        self.locked = False

    @property
    def in_transaction(self) -> bool:
        return self._raw.in_transaction

    def execute(self, statement: str) -> sqlite3.Cursor:
        if statement == "COMMIT" and self.fails:
            if self.fails == "after":
                self._raw.execute(statement)
            self.fails = ""
            raise sqlite3.OperationalError("disk I/O error")
        if statement == "BEGIN IMMEDIATE" and self.locked:
            self.locked = False
            raise sqlite3.OperationalError("database is locked")
        return self._raw.execute(statement)


@pytest.fixture
def writer() -> Iterator[Writer]:
    connection = connect_memory()
    session = SqliteSession(connection)
    prepare(session, "test")
    yield Writer(session, HandClock())
    close(connection)


def failing(writer: Writer, when: str) -> Disk:
    session = writer._session
    assert isinstance(session, SqliteSession)
    disk = Disk(session._raw)
    disk.fails = when
    session._raw = disk  # type: ignore[assignment] # as much of a connection as the session uses
    return disk


def append(name: str) -> Write:
    return Write("append", journal.append, ([journal.Encoded(record(name))],))


def test_a_commit_that_failed_did_not_move_the_head(writer: Writer) -> None:
    """Everyone in it hears that it is not known, and the next record gets the position that was not used."""
    failing(writer, "before")
    group = [append("a"), append("b")]
    assert writer.execute(group) == []
    assert all(isinstance(write.failure, StoreUnavailable) and write.failure.ambiguous for write in group)
    assert group[0].failure is not group[1].failure
    assert [entry.position for entry in writer.execute([append("c")])] == [1]


def test_a_commit_that_happened_all_the_same_is_made_known(writer: Writer) -> None:
    """If the journal turns out to hold what seemed lost, the listener gets it first, in order, and without gaps."""
    failing(writer, "after")
    assert writer.execute([append("a"), append("b")]) == []
    entries = writer.execute([append("c")])
    assert [(entry.position, entry.record) for entry in entries] == [
        (1, record("a").record),
        (2, record("b").record),
        (3, record("c").record),
    ]


def test_what_was_found_is_made_known_though_the_next_write_fails(writer: Writer) -> None:
    """What a doubtful commit left in the journal is not forgotten again when the database is locked just then."""
    disk = failing(writer, "after")
    writer.execute([append("a")])
    disk.locked = True
    locked = append("b")
    assert writer.execute([locked]) == []
    assert isinstance(locked.failure, StoreUnavailable)
    assert [entry.position for entry in writer.execute([append("c")])] == [1, 2]


def test_when_sqlite_rolled_everything_back_nobody_is_told_otherwise(writer: Writer) -> None:
    """A failure that ends the whole transaction is the failure of all in the group, and of none after it."""

    def end_it_all(transaction: object) -> None:
        writer._session.execute("ROLLBACK")
        raise sqlite3.DatabaseError("database disk image is malformed")

    group = [append("a"), Write("fatal", end_it_all, ()), append("b")]
    assert writer.execute(group) == []
    assert {type(write.failure) for write in group} == {StoreUnavailable}
    assert [entry.position for entry in writer.execute([append("c")])] == [1]


def test_what_is_joint_is_done_once_for_all_who_wait(writer: Writer) -> None:
    """Each gets its own result, whatever stands between them."""
    seen: list[list[tuple[int]]] = []

    def many(_: Transaction, each: Sequence[tuple[int]]) -> list[int]:
        seen.append(list(each))
        return [-number for (number,) in each]

    double: Joint[Transaction, int, int] = Joint(many)
    group = [Write("one", double, (1,)), append("a"), Write("two", double, (2,)), append("b")]
    assert [entry.position for entry in writer.execute(group)] == [1, 2]
    assert [write.result for write in group] == [-1, [(1, NOON)], -2, [(2, NOON)]]
    assert seen == [[(1,), (2,)]]
    assert double(writer._transaction, 3) == -3


def test_of_joint_writes_one_fails_alone(writer: Writer) -> None:
    """What cannot be done together is done again, each by itself, and nothing of the first time stays."""

    def many(transaction: Transaction, each: Sequence[tuple[str]]) -> list[int]:
        for (name,) in each:
            journal.append(transaction, [journal.Encoded(record(name))])
        if ("bad",) in each:
            raise ValueError("bad")
        return [transaction.position] * len(each)

    kind: Joint[Transaction, str, int] = Joint(many)
    group = [Write(name, kind, (name,)) for name in ("a", "bad", "b")]
    assert [entry.record for entry in writer.execute(group)] == [record("a").record, record("b").record]
    assert [str(write.failure) for write in group] == ["None", "bad", "None"]
    assert [write.result for write in group if write.failure is None] == [1, 2]
