"""What each source of the topology said last: one row a source."""

from sqlalchemy import Connection, delete, select

from healer.store import schema
from healer.store.dialect import upsert
from healer.store.transaction import Transaction
from healer.topology.answers import Answer


def keep(transaction: Transaction, answer: Answer) -> None:
    """Keep it in the place of what the source said before."""
    table = schema.source_answer
    statement = upsert(table).values(source=answer.source, at=answer.at, data=answer.data)
    now = {"at": statement.excluded.at, "data": statement.excluded.data}
    transaction.connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=now))


def drop(transaction: Transaction, source: str) -> None:
    """Forget a source that is none any more."""
    table = schema.source_answer
    transaction.connection.execute(delete(table).where(table.c.source == source))


def everything(connection: Connection) -> list[Answer]:
    """What all of them said, by their names."""
    table = schema.source_answer
    rows = connection.execute(select(table.c.source, table.c.at, table.c.data).order_by(table.c.source))
    return [Answer(*row) for row in rows]
