"""What a function that writes is handed: the connection inside an open transaction, and the journal's head.

Made by a `healer.store.run.Run` for each group of writes; used by the functions in `healer.store.transactions`.
"""

from sqlalchemy import Connection

from healer.audit.chain import Head
from healer.journey.records import Entry
from healer.seams import Clock
from healer.store.driver import Driver, driver_of
from healer.store.prepared import Plain
from healer.times import Micros

_HEAD = Plain("SELECT position, at FROM journal ORDER BY position DESC LIMIT 1")


class Transaction:
    """`position` and `at` are the newest journal row's; `appended` is what this transaction added to the journal.

    Positions are given here and not by the database, so that they follow commit order and a rolled back write leaves no
    gap: the run calls `mark` before each write and `back_to` when that write failed.

    Rows of the journal and of the audit log wait in `rows` and `notes` and are inserted together, before the transaction ends:
    nothing that writes reads them. `sealed` is the audit log's head with what waits; None until somebody asked.
    """

    __slots__ = ("_clock", "appended", "at", "connection", "notes", "position", "rows", "sealed")

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self.connection = connection
        self.appended: list[Entry] = []
        self.rows: list[tuple[object, ...]] = []
        self.notes: list[tuple[object, ...]] = []
        self.sealed: Head | None = None
        self.position = 0
        self.at: Micros = 0
        self._clock = clock

    @property
    def raw(self) -> Driver:
        """The driver's connection."""
        return driver_of(self.connection)

    def now(self) -> Micros:
        """When a record appended now is accepted. It never goes back, even when the clock does."""
        return max(self._clock.now(), self.at)

    def read_head(self) -> None:
        """Learn the head from the journal itself: when opening, when it is unclear what a failed commit left, and always
        where others write too."""
        found = _HEAD.execute(self.connection).fetchone()
        self.position, self.at = found or (0, 0)

    def begin(self, connection: Connection) -> None:
        """Nothing was written yet."""
        self.connection = connection
        self.appended, self.rows, self.notes, self.sealed = [], [], [], None

    def mark(self) -> tuple[int, Micros, int]:
        """Where it is, with nothing that waits to be inserted."""
        return self.position, self.at, len(self.appended)

    def back_to(self, mark: tuple[int, Micros, int]) -> None:
        """Forget what came after a mark; the database forgets it by itself."""
        self.position, self.at, kept = mark
        del self.appended[kept:]
        self.rows, self.notes, self.sealed = [], [], None
