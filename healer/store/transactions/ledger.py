"""The told ledger: what each recipient should know, what it was told, and who is telling it now.

`want` is part of T2; the rest is called by `healer.store.store` for delivery. A row's way:

    waiting -> claimed -> told -> waiting (a newer revision) ...          claimed -> waiting | dead (it failed)
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from healer.convergence.outcome import Happening
from healer.journey.ports import Wanted
from healer.notification.ports import Claim, LedgerRow
from healer.store import schema
from healer.store.dialect import greatest, upsert
from healer.store.prepared import Prepared
from healer.store.schema import told
from healer.store.transaction import Transaction
from healer.store.transactions import incidents
from healer.times import Micros

_FRESH: dict[str, object] = {
    "state": "waiting",
    "not_before": 0,
    "claimed_until": 0,
    "told_revision": 0,
    "message_id": "",
    "said": "",
    "tried": 0,
    "attempts": 0,
    "why": "",
}
_UNTOLD = or_(told.c.state == "waiting", told.c.state == "claimed")


def _wanting() -> Prepared:
    statement = upsert(told)
    new = statement.excluded
    newer = {
        "wanted_revision": new.wanted_revision,
        "story": new.story,
        # Bad news that nobody heard stays urgent under the calmer news that replaces it.
        "urgent": case((_UNTOLD, greatest(told.c.urgent, new.urgent)), else_=new.urgent),
        "since": case((_UNTOLD, told.c.since), else_=new.since),
        "state": case((told.c.state == "claimed", "claimed"), else_="waiting"),
        "attempts": case((_UNTOLD, told.c.attempts), else_=0),
        "not_before": case((_UNTOLD, told.c.not_before), else_=0),
    }
    # What a person must act on is told as it was: nothing newer takes its place before it was heard.
    heard = or_(told.c.matter == "", told.c.told_revision > 0)
    later = and_(new.wanted_revision > told.c.wanted_revision, heard)
    place = ("incident", "channel", "matter")
    columns = (*place, "wanted_revision", "story", "urgent", "since", *_FRESH)
    return Prepared(statement.on_conflict_do_update(index_elements=place, set_=newer, where=later), columns)


def _claimable() -> Prepared:
    free = and_(told.c.state == "waiting", told.c.not_before <= bindparam("at"))
    ran_out = and_(told.c.state == "claimed", told.c.claimed_until <= bindparam("at"))
    names = ("incident", "channel", "wanted_revision", "story", "told_revision", "message_id", "attempts")
    order = (told.c.urgent.desc(), told.c.since, told.c.incident, told.c.channel, told.c.matter)
    until = bindparam("until", type_=BigInteger)
    query = select(*(told.c[name] for name in names), until, told.c.said, told.c.matter).where(
        told.c.channel == bindparam("on"), or_(free, ran_out)
    )
    return Prepared(query.order_by(*order).limit(bindparam("most")))


_WANT = _wanting()
_DUE_ROWS = _claimable()
_CLAIM = Prepared(
    update(told)
    .where(
        told.c.incident == bindparam("where_incident"),
        told.c.channel == bindparam("where_channel"),
        told.c.matter == bindparam("where_matter"),
    )
    .values(state="claimed", tried=1),
    ("claimed_until",),
)
_NEXT_DUE = Prepared(
    select(func.min(case((told.c.state == "claimed", told.c.claimed_until), else_=told.c.not_before))).where(
        told.c.channel == bindparam("on"), _UNTOLD
    )
)


def want(connection: Connection, wanted: Sequence[Wanted], now: Micros) -> None:
    """A newer revision replaces an untold older one. What was told stays; a dead letter gets another chance with it.

    What does not open is wanted only by those who may have heard already; a first notice that nobody tried is withdrawn. A
    matter of its own is wanted by those alone, too: for others the story that holds it is a new message; and what became of it
    by those who were called.
    """
    wanted = [each for each in wanted if _is_wanted(connection, each)]
    if not wanted:
        return
    rows = [
        {
            **_FRESH,
            "incident": each.incident,
            "channel": each.channel,
            "matter": each.matter,
            "wanted_revision": each.revision,
            "story": each.story,
            "urgent": int(each.urgent),
            "since": now,
        }
        for each in wanted
    ]
    _WANT.execute_many(connection, rows)


def claim(transaction: Transaction, channel: str, now: Micros, lease: Micros, limit: int) -> list[Claim]:
    """Claim due rows of a channel, urgent and oldest first, until `now + lease`; among them those whose claim ran out."""
    asked = {"on": channel, "at": now, "until": now + lease, "most": limit}
    found = _DUE_ROWS.execute(transaction.connection, asked)
    claims = [Claim(*row) for row in found]
    for taken in claims:
        place = {"where_incident": taken.incident, "where_channel": taken.channel, "where_matter": taken.matter}
        _CLAIM.execute(transaction.connection, {**place, "claimed_until": taken.until})
    return claims


def free(transaction: Transaction) -> None:
    """Let go of every claim: whoever held one is gone."""
    held = told.c.state == "claimed"
    transaction.connection.execute(update(told).where(held).values(claimed_until=0))


def record_told(transaction: Transaction, claim: Claim, message_id: str, now: Micros, said: str) -> None:
    """What was sent was sent, even by a claim that ran out: only who holds the row decides what comes next."""
    row = _row(transaction.connection, claim)
    if row is None:
        return
    if (row.message_id, row.said) != (message_id, said):
        how = "edited" if message_id == row.message_id else "told"
        _note(transaction, claim, now, how, message_id=message_id, said=said, wanted_at=str(row.since))
    revision = max(row.told_revision, claim.revision)
    if claim.matter and claim.revision == row.wanted_revision:
        row = _caught_up(transaction, claim, row)
    if row.state == "claimed" and row.claimed_until == claim.until:
        again = row.wanted_revision > claim.revision
        _set(
            transaction,
            claim,
            state="waiting" if again else "told",
            since=now if again else row.since,
            told_revision=revision,
            message_id=message_id,
            said=said,
            attempts=0,
            not_before=0,
            claimed_until=0,
            why="",
        )
    else:
        _set(transaction, claim, told_revision=revision, message_id=row.message_id or message_id, said=said)


def _caught_up(transaction: Transaction, claim: Claim, row: "_Held") -> "_Held":
    """People are called with what was so when they were wanted; what the story came to since then follows as an edit."""
    story = and_(told.c.incident == claim.incident, told.c.channel == claim.channel, told.c.matter == "")
    newer = and_(story, told.c.wanted_revision > claim.revision)
    found = transaction.connection.execute(select(told.c.wanted_revision, told.c.story).where(newer)).first()
    if found is None:
        return row
    _set(transaction, claim, wanted_revision=found[0], story=found[1])
    return msgspec.structs.replace(row, wanted_revision=found[0])


def record_failed(
    transaction: Transaction, claim: Claim, not_before: Micros, why: str, dead: bool, counts: bool
) -> None:
    """Give the row back; it is dead only as long as nothing newer is wanted. A claim that ran out changes nothing."""
    row = _row(transaction.connection, claim)
    if row is None or row.state != "claimed" or row.claimed_until != claim.until:
        return
    buried = dead and row.wanted_revision == claim.revision
    state = "dead" if buried else "waiting"
    attempts = row.attempts + counts
    if buried:
        _note(transaction, claim, transaction.now(), "dead", why=why)
    _set(transaction, claim, state=state, attempts=attempts, not_before=not_before, claimed_until=0, why=why)


def next_due(connection: Connection, channel: str) -> Micros | None:
    """When the channel's next row may be tried; a claimed one when its claim runs out."""
    found: Micros | None = _NEXT_DUE.execute(connection, {"on": channel}).fetchone()[0]
    return found


def rows(connection: Connection, incident: str, state: str, limit: int) -> list[LedgerRow]:
    """Rows as people read them, newest first."""
    columns = [told.c[name] for name in LedgerRow.__struct_fields__]
    query = select(*columns).order_by(told.c.since.desc(), told.c.incident, told.c.channel, told.c.matter).limit(limit)
    if incident:
        query = query.where(told.c.incident == incident)
    if state:
        query = query.where(told.c.state == state)
    return [LedgerRow(*row) for row in connection.execute(query)]


def told_incidents(connection: Connection) -> list[str]:
    """Open incidents that at least one recipient was told of."""
    incident = schema.incident
    query = (
        select(incident.c.id)
        .where(incident.c.status == "open", exists().where(told.c.incident == incident.c.id, told.c.told_revision > 0))
        .order_by(incident.c.opened_at, incident.c.id)
    )
    return list(connection.execute(query).scalars())


def resend(transaction: Transaction, incident: str, channel: str, now: Micros) -> bool:
    """Wake a dead letter. False when there is none."""
    dead = and_(told.c.incident == incident, told.c.channel == channel, told.c.state == "dead")
    changed = update(told).where(dead).values(state="waiting", attempts=0, not_before=now)
    return transaction.connection.execute(changed).rowcount > 0


def _is_wanted(connection: Connection, wanted: Wanted) -> bool:
    if wanted.opens and not wanted.matter:
        return True
    there = "" if wanted.opens else wanted.matter
    row = and_(told.c.incident == wanted.incident, told.c.channel == wanted.channel, told.c.matter == there)
    if not wanted.matter:
        connection.execute(delete(told).where(row, told.c.tried == 0, told.c.wanted_revision < wanted.revision))
    return connection.execute(select(told.c.tried).where(row)).scalar() == 1


class _Held(msgspec.Struct, frozen=True):
    state: str
    claimed_until: Micros
    wanted_revision: int
    told_revision: int
    message_id: str
    said: str
    attempts: int
    since: Micros


def _row(connection: Connection, claim: Claim) -> _Held | None:
    columns = [told.c[name] for name in _Held.__struct_fields__]
    row = connection.execute(select(*columns).where(_place(claim))).first()
    return None if row is None else _Held(*row)


def _place(claim: Claim) -> ColumnElement[bool]:
    return and_(told.c.incident == claim.incident, told.c.channel == claim.channel, told.c.matter == claim.matter)


def _note(transaction: Transaction, claim: Claim, at: Micros, code: str, **facts: str) -> None:
    """A line of the incident's timeline."""
    matter = {"matter": claim.matter} if claim.matter else {}
    told_of = {"channel": claim.channel, "revision": str(claim.revision), **matter, **facts}
    incidents.tell(transaction.connection, [Happening(claim.incident, at, "notify", code, told_of)])


def _set(transaction: Transaction, claim: Claim, **values: object) -> None:
    transaction.connection.execute(update(told).where(_place(claim)).values(**values))
