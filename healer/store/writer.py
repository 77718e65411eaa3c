"""How a group of writes becomes one transaction, each with its own fate. Used by the runs, on whatever thread they have.

A group is synced once however many wait for it, and what is cheaper for many is done for all of them at once. When one fails,
the group is executed again with a savepoint each, so that it fails alone: a write may be executed twice, and touches nothing
but the database.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from healer.journey.ports import StoreUnavailable
from healer.journey.records import Entry, decode
from healer.seams import Clock
from healer.store.joint import Joint
from healer.store.session import Session
from healer.store.transaction import Transaction
from healer.store.transactions import audit, journal

PAGE = 256
"""Entries that are read at once of what nobody was told of."""


class Write:
    """A function of a Transaction that waits to be executed; then its `result`, or its `failure` when that is not None."""

    __slots__ = ("args", "failure", "name", "result", "work")

    def __init__(self, name: str, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.name = name
        self.work = work
        self.args = args
        self.result: Any = None
        self.failure: Exception | None = None


class Writer:
    """Executes groups on the one session that writes. Not for two threads at once."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._transaction = Transaction(session.connection, clock)
        self._head_known = False
        self._heard: int | None = None
        self._found: list[Entry] = []

    def execute(self, group: Sequence[Write]) -> list[Entry]:
        """Execute the group; the journal entries that are durable now and were not made known before, in order.

        Sets `result` or `failure` of each write; raises nothing that the database or a write caused.
        """
        self._found = []
        try:
            self._begin()
        except self._session.errors as error:
            self._try_to_roll_back()
            _fail(group, self._session.failed(error, "begin"))
            return self._found
        if not self._together(group) and not (len(group) > 1 and self._apart(group)):
            return self._found
        transaction = self._transaction
        try:
            self._session.commit()
        except self._session.errors as error:
            self._head_known = False
            _fail(group, self._session.failed_commit(error))
            self._try_to_roll_back()
            return self._found
        self._heard = transaction.position
        return self._found + transaction.appended

    def _begin(self) -> None:
        """Begin, and make sure where the journal ends. What is in it that nobody was told of is found here: a commit whose
        answer was lost, and what other processes wrote."""
        self._session.begin()
        transaction = self._transaction
        transaction.begin(self._session.connection)
        if self._head_known and not self._session.shared:
            return
        transaction.read_head()
        if self._heard is not None:
            self._found += _between(transaction, self._heard)
        self._heard = transaction.position
        self._head_known = True

    def _together(self, group: Sequence[Write]) -> bool:
        """Execute all without savepoints, as nearly every group can be. Rolls everything back when one fails."""
        start = self._transaction.mark()
        write = group[0]
        try:
            for writes in _by_kind(group):
                write = writes[0]
                if isinstance(write.work, Joint):
                    results = write.work.many(self._transaction, [each.args for each in writes])
                    for each, result in zip(writes, results, strict=True):
                        each.result = result
                else:
                    write.result = write.work(self._transaction, *write.args)
            _insert_what_waits(self._transaction)
        except Exception as error:  # noqa: BLE001 - a write's failure is its caller's, and not the writer's end
            write.failure = self._session.failed(error, write.name)
            self._transaction.back_to(start)
            self._try_to_roll_back()
            return False
        return True

    def _apart(self, group: Sequence[Write]) -> bool:
        """Execute the group again, each to a savepoint of its own. False when the whole transaction is rolled back."""
        start = self._transaction.mark()
        try:
            self._begin()
            start = self._transaction.mark()
            for write in group:
                self._one(write)
        except self._session.errors as error:
            self._transaction.back_to(start)
            self._try_to_roll_back()
            _fail(group, self._session.failed(error, "rollback"))
            return False
        return True

    def _one(self, write: Write) -> None:
        """Raises one of the session's errors when there is no going back to before this write alone."""
        mark = self._transaction.mark()
        write.failure = None
        self._session.execute("SAVEPOINT mine")
        try:
            write.result = write.work(self._transaction, *write.args)
            _insert_what_waits(self._transaction)
        except Exception as error:  # noqa: BLE001 - as above
            write.failure = self._session.failed(error, write.name)
            self._transaction.back_to(mark)
            # A full disk can make SQLite roll back everything by itself: then this savepoint is gone too.
            self._session.execute("ROLLBACK TO mine")
        self._session.execute("RELEASE mine")

    def _try_to_roll_back(self) -> None:
        try:
            self._session.roll_back()
        except self._session.errors:
            self._head_known = False  # the next group rolls back first


def _by_kind(group: Sequence[Write]) -> Iterable[Sequence[Write]]:
    """In their order; those that are done together at the place of the first. All wait, so nobody knows another order."""
    kinds: dict[object, list[Write]] = {}
    for write in group:
        kinds.setdefault(write.work if isinstance(write.work, Joint) else write, []).append(write)
    return kinds.values()


def _insert_what_waits(transaction: Transaction) -> None:
    journal.insert_rows(transaction)
    audit.insert_notes(transaction)


def _between(transaction: Transaction, heard: int) -> Iterator[Entry]:
    """The journal's entries after a position, to its end."""
    while heard < transaction.position and (rows := journal.read(transaction.connection, heard, PAGE)):
        for row in rows:
            yield Entry(row.position, row.at, decode(row.data))
        heard = rows[-1].position


def _fail(group: Sequence[Write], failure: Exception) -> None:
    """Nothing of the group was stored: those that did not fail by themselves share its fate, each with its own exception."""
    ambiguous = isinstance(failure, StoreUnavailable) and failure.ambiguous
    for write in group:
        if write.failure is None:
            write.failure = StoreUnavailable(f"{write.name}: {failure}", ambiguous=ambiguous)
