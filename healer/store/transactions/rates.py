"""What left by each rate of a channel, where processes keep the rates together. Called by `healer.store.store`."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete, select

from healer.journey.ports import T
from healer.notification.ports import Left, Use
from healer.store import schema
from healer.store.dialect import store_clock, upsert
from healer.store.transaction import Transaction
from healer.times import Micros

_left = msgspec.msgpack.Decoder(Left).decode


def use(transaction: Transaction, keys: Sequence[str], use: Use[T], now: Micros) -> T:
    """What `use` says, by the store's clock; what it gives back is kept. What says nothing any more is forgotten."""
    connection, table = transaction.connection, schema.rate
    now = store_clock(connection, now)
    connection.execute(delete(table).where(table.c.until <= now))
    rows = connection.execute(select(table.c.key, table.c.data).where(table.c.key.in_(keys)))
    said, changed = use(dict.fromkeys(keys, Left()) | {key: _left(data) for key, data in rows}, now)
    for key, left in changed.items():
        statement = upsert(table).values(key=key, until=left.until, data=msgspec.msgpack.encode(left))
        newer = {"until": statement.excluded.until, "data": statement.excluded.data}
        connection.execute(statement.on_conflict_do_update(index_elements=["key"], set_=newer))
    return said
