"""Which tables there are. Read by every transaction, by `healer.store.migrations` and by `healer.store.opening`.

A table that is a projection of a frozen Struct keeps its msgpack in `data`, and beside it only the columns that are
queried. Instants are `Micros`. The journal has `data` before `details`: SQLite reads a long row from the front, so replay
never touches the pages of the details.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

from healer.store.dialect import NAME, NUMBER

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", NAME, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Facts about the store itself: `schema` (its version) and `installation` (its id)."""

owner = Table(
    "owner",
    metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("name", NAME, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("applied", BigInteger, nullable=False),
    Column("now", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False, server_default="0"),
    Column("url", Text, nullable=False, server_default=""),
)
"""One row: who converges, until when by the store's clock where several may, and the last step that was committed."""

journal = Table(
    "journal",
    metadata,
    Column("position", NUMBER, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("alerts", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("details", LargeBinary, nullable=False),
)

refused = Table(
    "refused",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("reason", NAME, nullable=False),
    Column("detail", Text, nullable=False),
    Column("labels", Text, nullable=False),
)

step = Table(
    "step",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("now", BigInteger, nullable=False),
    Column("digest", NAME, nullable=False),
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("number", NUMBER, primary_key=True, autoincrement=False),
    Column("applied", BigInteger, nullable=False),
    Column("now", BigInteger, nullable=False),
    Column("version", NAME, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

version = Table(
    "version",
    metadata,
    Column("digest", NAME, primary_key=True),
    Column("kind", NAME, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

source_answer = Table(
    "source_answer",
    metadata,
    Column("source", NAME, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""What each source of the topology said last."""

incident = Table(
    "incident",
    metadata,
    Column("id", NAME, primary_key=True),
    Column("status", NAME, nullable=False),
    Column("began_at", BigInteger, nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("traced", Integer, nullable=False, server_default="0"),
    Index("incident_newest", "opened_at", "id"),
    Index("incident_status", "status", "opened_at", "id"),
)
"""`traced` is 1 once the incident's trace was exported."""
Index(
    "incident_untraced",
    incident.c.status,
    sqlite_where=text("traced = 0"),
    postgresql_where=text("traced = 0"),
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", NUMBER, primary_key=True),
    Column("incident", NAME, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("timeline_incident", "incident", "id"),
)

closed = Table(
    "closed",
    metadata,
    Column("incident", NAME, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("alerts", LargeBinary, nullable=False),
)
"""The alerts of ended incidents, as they stood at the step that closed them (`at`)."""

told = Table(
    "told",
    metadata,
    Column("incident", NAME, primary_key=True),
    Column("channel", NAME, primary_key=True),
    Column("matter", NAME, primary_key=True, server_default=""),
    Column("meant_for", NAME, nullable=False, server_default=""),
    Column("state", NAME, nullable=False),
    Column("urgent", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("claimed_until", BigInteger, nullable=False),
    Column("wanted_revision", BigInteger, nullable=False),
    Column("told_revision", BigInteger, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("tried", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("why", Text, nullable=False),
    Column("story", LargeBinary, nullable=False),
    Column("claimed_by", NAME, nullable=False, server_default=""),
    Index("told_due", "channel", "state"),
)
"""The told ledger. `matter` is "" for the story that stays current, else what a person must act on, which is told in a message of
its own; `meant_for` is the channel in whose place this one is told, "" for none.
`state` is waiting, claimed, told or dead; `since` is when the oldest untold revision was wanted; `said`
is what the recipient was last told in a word or two; `tried` is 1 once anybody claimed the row, from when on its recipient
may have heard; `claimed_by` names the process that claimed it last, "" where there is only one."""
Index(
    "told_claimed",
    told.c.claimed_by,
    sqlite_where=text("state = 'claimed'"),
    postgresql_where=text("state = 'claimed'"),
)

rate = Table(
    "rate",
    metadata,
    Column("key", NAME, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)
"""What left by each rate of a channel, where several processes keep it together and have no Redis. Empty where there is one."""

remediation = Table(
    "remediation",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("id", NAME, nullable=False, unique=True),
    Column("incident", NAME, nullable=False),
    Column("state", NAME, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("remediation_incident", "incident", "number"),
    Index("remediation_state", "state", "number"),
)

intent = Table(
    "intent",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("id", NAME, nullable=False, unique=True),
    Column("remediation", NAME, nullable=False),
    Column("target", NAME, nullable=False),
    Column("unsettled", Integer, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Index("intent_remediation", "remediation", "number"),
)
Index(
    "intent_unsettled",
    intent.c.target,
    unique=True,
    sqlite_where=text("unsettled = 1"),
    postgresql_where=text("unsettled = 1"),
)

reserved = Table(
    "reserved",
    metadata,
    Column("key", NAME, primary_key=True),
    Column("remediation", NAME, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Index("reserved_key", "key", "at"),
    Index("reserved_at", "at"),
    Index("reserved_remediation", "remediation"),
)
"""Which remediation last wrote an intent, and when, under the key of each limit of its plan."""

target = Table(
    "target",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("token", BigInteger, nullable=False),
)

switch = Table(
    "switch",
    metadata,
    Column("scope", NAME, primary_key=True),
    Column("thrown", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", NAME, nullable=False),
    Column("detail", Text, nullable=False),
    Column("writer", NAME, nullable=False, server_default=""),
    Column("place", BigInteger, nullable=False, server_default="0"),
    Column("incident", NAME, nullable=False, server_default=""),
    Column("digest", NAME, nullable=False, server_default=""),
    Index("audit_place", "writer", "place", unique=True),
    Index("audit_incident", "incident", "number"),
)
"""Append-only: no statement of healer's changes or removes a row. See `healer.audit.chain`."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("writer", NAME, primary_key=True),
    Column("place", BigInteger, nullable=False),
    Column("digest", NAME, nullable=False),
)
"""The newest entry of each writer's chain: read and moved in the transaction that the next entry belongs to."""

anchor = Table(
    "anchor",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("writer", NAME, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("statement", Text, nullable=False),
)
"""Signed heads that were made for the outside, as they went there."""
