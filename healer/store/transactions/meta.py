"""Can anything be written at all? Asked by whoever has to tell people when it cannot."""

from healer.store.dialect import upsert
from healer.store.schema import meta
from healer.store.transaction import Transaction


def probe(transaction: Transaction) -> None:
    """Change one row, so that the commit has something to sync."""
    statement = upsert(meta).values(key="probed", value=str(transaction.now()))
    again = statement.on_conflict_do_update(index_elements=["key"], set_={"value": statement.excluded.value})
    transaction.connection.execute(again)
