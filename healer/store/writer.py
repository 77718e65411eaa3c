"""How a group of writes becomes one transaction, each with its own fate. Used by the runs, on whatever thread they have.

A group is synced once however many wait for it. When one fails, the group is executed again with a savepoint each, so
that it fails alone: a write may be executed twice, and touches nothing but the database.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from healer.journey.ports import StoreUnavailable
from healer.journey.records import Entry
from healer.seams import Clock
from healer.store.connections import raw_of
from healer.store.failure import failed_commit, translate
from healer.store.transaction import Transaction


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
    """Executes groups on the one connection that writes. Not for two threads at once."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._raw = raw_of(connection)
        self._transaction = Transaction(connection, self._raw, clock)
        self._head_known = False
        self._doubtful: list[Entry] = []

    def execute(self, group: Sequence[Write]) -> list[Entry]:
        """Execute the group; the journal entries that are durable now and were not made known before, in order.

        Sets `result` or `failure` of each write; raises nothing that the database or a write caused.
        """
        found: list[Entry] = []
        try:
            found = self._know_head()
            self._raw.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            _fail(group, translate(error, "begin"))
            return found
        if not self._together(group) and not (len(group) > 1 and self._apart(group)):
            return found
        transaction = self._transaction
        try:
            self._raw.execute("COMMIT")
        except sqlite3.Error as error:
            self._head_known = False
            self._doubtful = transaction.appended
            _fail(group, failed_commit(error))
            self._try_to_roll_back()
            return found
        return found + transaction.appended

    def _know_head(self) -> list[Entry]:
        """Make sure where the journal ends; what of a doubtful commit turns out to be in it."""
        transaction = self._transaction
        transaction.appended = []
        if self._head_known:
            return []
        self._roll_back()
        transaction.read_head()
        found = [entry for entry in self._doubtful if entry.position <= transaction.position]
        self._doubtful = []
        self._head_known = True
        return found

    def _together(self, group: Sequence[Write]) -> bool:
        """Execute all without savepoints, as nearly every group can be. Rolls everything back when one fails."""
        start = self._transaction.mark()
        for write in group:
            try:
                write.result = write.work(self._transaction, *write.args)
            except Exception as error:  # noqa: BLE001 - a write's failure is its caller's, and not the writer's end
                write.failure = translate(error, write.name)
                self._transaction.back_to(start)
                self._try_to_roll_back()
                return False
        return True

    def _apart(self, group: Sequence[Write]) -> bool:
        """Execute the group again, each to a savepoint of its own. False when the whole transaction is rolled back."""
        start = self._transaction.mark()
        try:
            self._raw.execute("BEGIN IMMEDIATE")
            for write in group:
                self._one(write)
        except sqlite3.Error as error:
            self._transaction.back_to(start)
            self._try_to_roll_back()
            _fail(group, translate(error, "rollback"))
            return False
        return True

    def _one(self, write: Write) -> None:
        """Raises sqlite3.Error when there is no going back to before this write alone."""
        mark = self._transaction.mark()
        write.failure = None
        self._raw.execute("SAVEPOINT mine")
        try:
            write.result = write.work(self._transaction, *write.args)
        except Exception as error:  # noqa: BLE001 - as above
            write.failure = translate(error, write.name)
            self._transaction.back_to(mark)
            # A full disk can make SQLite roll back everything by itself: then this savepoint is gone too.
            self._raw.execute("ROLLBACK TO mine")
        self._raw.execute("RELEASE mine")

    def _roll_back(self) -> None:
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    def _try_to_roll_back(self) -> None:
        try:
            self._roll_back()
        except sqlite3.Error:
            self._head_known = False  # the next group rolls back first


def _fail(group: Sequence[Write], failure: Exception) -> None:
    """Nothing of the group was stored: those that did not fail by themselves share its fate, each with its own exception."""
    ambiguous = isinstance(failure, StoreUnavailable) and failure.ambiguous
    for write in group:
        if write.failure is None:
            write.failure = StoreUnavailable(f"{write.name}: {failure}", ambiguous=ambiguous)
