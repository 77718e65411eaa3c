"""One connection to a database, and how its transactions are begun and ended: what the runs need of either database.

`healer.store.sqlite` and `healer.store.postgresql` have one each; all that happens inside a transaction is the same for both.
"""

from typing import Protocol

from sqlalchemy import Connection

from healer.journey.ports import StoreUnavailable


class Session(Protocol):
    """Not for two threads at once. What the database itself refuses is raised as one of `errors`."""

    errors: tuple[type[Exception], ...]
    shared: bool
    """Whether other processes write to the same database: then the journal's head is read in each transaction."""

    @property
    def connection(self) -> Connection:
        """The connection of the transaction that was begun last; after an outage it may be a new one."""
        ...

    def begin(self) -> None:
        """Begin to write, after whatever was left is rolled back. From here until the end nobody else writes."""
        ...

    def view(self) -> None:
        """Begin to read what is committed now."""
        ...

    def execute(self, sql: str) -> None:
        """A statement about the transaction itself."""
        ...

    def commit(self) -> None:
        """Returns once it is durable."""
        ...

    def roll_back(self) -> None:
        """End the transaction, if there is one, without a trace."""
        ...

    def failed(self, error: Exception, what: str) -> Exception:
        """StoreUnavailable when the database cannot work now; anything else, our own mistakes above all, as it is."""
        ...

    def failed_commit(self, error: Exception) -> StoreUnavailable:
        """For everyone whose commit failed: whether it may have happened all the same."""
        ...

    def close(self) -> None: ...


class Database(Protocol):
    """Where sessions come from. Both may raise what the sessions' `errors` name."""

    def writer(self) -> Session: ...

    def reader(self) -> Session: ...
