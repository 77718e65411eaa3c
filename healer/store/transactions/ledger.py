"""The told ledger: what each recipient should know, what it was told, and who is telling it now.

`want` is part of T2; the rest is called by `healer.store.store` for delivery. A row's way:

    waiting -> claimed -> told -> waiting (a newer revision) ...          claimed -> waiting | dead (it failed)
"""

from collections.abc import Iterable, Sequence
from functools import cache

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
    text,
    true,
    update,
)

from healer.convergence.outcome import Happening
from healer.journey.ports import Wanted
from healer.notification.budget import UNHEARD
from healer.notification.escalation import is_escalation
from healer.notification.ports import TOGETHER, Claim, LedgerRow, Only
from healer.store import schema
from healer.store.dialect import NAMED, greatest, is_server, store_clock, upsert
from healer.store.prepared import About, Plain, Prepared
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
    "meant_for": "",
}
_UNTOLD = or_(told.c.state == "waiting", told.c.state == "claimed")


def _wanting(*, again: bool = False, anew: bool = False) -> Prepared:
    """`again`: what was told already is told in a new message. `anew`: a matter that was not heard is told as it is by now."""
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
        **({"message_id": "", "told_revision": 0} if again else {}),
    }
    # What a person must act on is told as it was: nothing newer takes its place before it was heard.
    heard = or_(told.c.matter == "", told.c.told_revision > 0)
    later = and_(new.wanted_revision > told.c.wanted_revision, true() if anew else heard)
    place = ("incident", "channel", "matter")
    columns = (*place, "wanted_revision", "story", "urgent", "since", *_FRESH)
    return Prepared(statement.on_conflict_do_update(index_elements=place, set_=newer, where=later), columns)


_URGENT = told.c.urgent == 1
_SHARED = func.substr(told.c.message_id, 1, 1) == TOGETHER
_BEGINNING = and_(told.c.matter == "", or_(told.c.message_id == "", _SHARED))
_WHICH: dict[Only, ColumnElement[bool]] = {
    "all": true(),
    "urgent": _URGENT,
    "urgent or told": or_(_URGENT, told.c.message_id != ""),
    "beginning": _BEGINNING,
    "urgent beginning": and_(_URGENT, _BEGINNING),
}


def _claimable(only: Only) -> Prepared:
    free = and_(told.c.state == "waiting", told.c.not_before <= bindparam("at"))
    ran_out = and_(told.c.state == "claimed", told.c.claimed_until <= bindparam("at"))
    names = ("incident", "channel", "wanted_revision", "story", "told_revision", "message_id", "attempts")
    last = ("said", "matter", "meant_for")
    order = (told.c.urgent.desc(), told.c.since, told.c.incident, told.c.channel, told.c.matter)
    until = bindparam("until", type_=BigInteger)
    query = select(*(told.c[name] for name in names), until, *(told.c[name] for name in last)).where(
        told.c.channel == bindparam("on"), or_(free, ran_out), _WHICH[only]
    )
    return Prepared(query.order_by(*order).limit(bindparam("most")))


def _due(only: Only) -> Prepared:
    at = func.min(case((told.c.state == "claimed", told.c.claimed_until), else_=told.c.not_before))
    return Prepared(select(at).where(told.c.channel == bindparam("on"), _UNTOLD, _WHICH[only]))


_WANT = _wanting()
_CALL_AGAIN = _wanting(again=True)
_ANEW = _wanting(anew=True)
_DUE_ROWS = {only: _claimable(only) for only in _WHICH}
_NEXT_DUE = {only: _due(only) for only in _WHICH}
_THERE = About(
    "SELECT incident, channel, matter, meant_for, tried, wanted_revision FROM told "
    "WHERE incident IN (SELECT key FROM asked) ORDER BY incident, channel, matter"
)
_HERE = and_(
    told.c.incident == bindparam("where_incident"),
    told.c.channel == bindparam("where_channel"),
    told.c.matter == bindparam("where_matter"),
)
_CLAIM = Prepared(update(told).where(_HERE).values(state="claimed", tried=1), ("claimed_until", "claimed_by"))
_DROP = Prepared(delete(told).where(_HERE))
_NEWER = Prepared(
    select(told.c.wanted_revision, told.c.story).where(_HERE, told.c.wanted_revision > bindparam("where_revision"))
)
_CLAIMANTS = Prepared(select(told.c.claimed_by).where(text("state = 'claimed'"), told.c.claimed_until > 0).distinct())
_IS_GONE = Plain(f"SELECT pg_try_advisory_xact_lock({NAMED}, hashtext(current_schema() || ' ' || ?))")


def want(connection: Connection, wanted: Sequence[Wanted], now: Micros) -> int:
    """A newer revision replaces an untold older one. What was told stays; a dead letter gets another chance with it.

    What does not open is wanted only by those who may have heard already; a first notice that nobody tried is withdrawn. A
    matter of its own is wanted by those alone, too: for others the story that holds it is a new message; and what became of it
    by those who were called. A matter that opens once more, after it was heard, is called for again in a new message. A call of
    an escalation is for whoever is called, and tells what is so by then.

    Returns how many first notices were withdrawn because their incidents are over.
    """
    if not wanted:
        return 0
    there = _rows_of(connection, dict.fromkeys(each.incident for each in wanted))
    found = [*wanted, *_in_their_place(there, wanted)]
    unheard = sum(_withdraw(connection, there, each, now) for each in found if not each.opens)
    found = [each for each in found if _is_wanted(there, each)]
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
        for each in found
    ]
    kinds = [_statement(each) for each in found]
    for statement in (_WANT, _CALL_AGAIN, _ANEW):
        chosen = [row for row, kind in zip(rows, kinds, strict=True) if kind is statement]
        if chosen:
            statement.execute_many(connection, chosen)
    return unheard


def _statement(wanted: Wanted) -> Prepared:
    if is_escalation(wanted.matter) and not wanted.opens:
        return _ANEW
    return _CALL_AGAIN if wanted.matter and wanted.opens else _WANT


def announce(transaction: Transaction, wanted: Wanted, now: Micros) -> bool:
    """Want something told that is no incident's, once. False when it was wanted before."""
    values: dict[str, object] = {
        **_FRESH,
        "incident": wanted.incident,
        "channel": wanted.channel,
        "matter": wanted.matter,
        "wanted_revision": wanted.revision,
        "story": wanted.story,
        "urgent": int(wanted.urgent),
        "since": now,
    }
    return _insert(transaction, values)


def _insert(transaction: Transaction, values: dict[str, object]) -> bool:
    """A row, unless there is one in its place."""
    place = ("incident", "channel", "matter")
    insertion = upsert(told).values(values).on_conflict_do_nothing(index_elements=place)
    return transaction.connection.execute(insertion.returning(told.c.incident)).first() is not None


def claim(
    transaction: Transaction,
    channel: str,
    now: Micros,
    lease: Micros,
    limit: int,
    claimant: str = "",
    only: Only = "all",
) -> list[Claim]:
    """Claim due rows of a channel, urgent and oldest first, for so long; among them those whose claim ran out."""
    at = store_clock(transaction.connection, now)
    asked = {"on": channel, "at": at, "until": at + lease, "most": limit}
    found = _DUE_ROWS[only].execute(transaction.connection, asked)
    claims = [Claim(*row) for row in found]
    for taken in claims:
        values = {"claimed_until": taken.until, "claimed_by": claimant}
        _CLAIM.execute(transaction.connection, {**_place(taken), **values})
    return claims


def free(transaction: Transaction, claimant: str = "") -> None:
    """Let go of every claim, or of one claimant's: whoever held them is gone."""
    held = and_(told.c.state == "claimed", told.c.claimed_by == claimant) if claimant else told.c.state == "claimed"
    transaction.connection.execute(update(told).where(held).values(claimed_until=0))


def free_gone(transaction: Transaction, mine: str) -> None:
    """Let go of the claims of processes that are gone. A process holds the lock of its name for as long as it is connected;
    one that only stands still holds it too, and its claims run out."""
    connection = transaction.connection
    if not is_server(connection):
        return
    for (name,) in list(_CLAIMANTS.execute(connection)):
        if name not in ("", mine) and _IS_GONE.execute(connection, (name,)).fetchone()[0]:
            free(transaction, name)


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
    elif message_id == row.message_id and claim.revision < _shown(row):
        # Whoever took the row over said something newer in the meantime, and this may have been written over it.
        state = "waiting" if row.state == "told" else row.state
        _set(transaction, claim, state=state, told_revision=claim.revision, said=said, claimed_until=0)
    else:
        _set(transaction, claim, told_revision=revision, message_id=row.message_id or message_id, said=said)


def _shown(row: "_Held") -> int:
    """The newest revision that people may have read already: of a claimed row its holder may just have sent what is wanted."""
    return row.wanted_revision if row.state == "claimed" else row.told_revision


def _caught_up(transaction: Transaction, claim: Claim, row: "_Held") -> "_Held":
    """People are called with what was so when they were wanted; what the story came to since then follows as an edit."""
    newer = {**_place(claim), "where_matter": "", "where_revision": claim.revision}
    found = _NEWER.execute(transaction.connection, newer).fetchone()
    if found is None:
        return row
    _set(transaction, claim, wanted_revision=found[0], story=found[1])
    return msgspec.structs.replace(row, wanted_revision=found[0])


def record_failed(
    transaction: Transaction,
    claim: Claim,
    now: Micros,
    pause: Micros,
    why: str,
    dead: bool,
    counts: bool,
    fallback: str = "",
) -> None:
    """Give the row back; it is dead, and told elsewhere, only as long as nothing newer is wanted: that is tried at once where it
    may be told elsewhere. A claim that ran out changes nothing."""
    row = _row(transaction.connection, claim)
    if row is None or row.state != "claimed" or row.claimed_until != claim.until:
        return
    newest = row.wanted_revision == claim.revision
    buried = dead and newest
    state = "dead" if buried else "waiting"
    attempts = row.attempts + counts
    if buried:
        _note(transaction, claim, transaction.now(), "dead", why=why)
    not_before = store_clock(transaction.connection, now) + (0 if fallback and not newest else pause)
    _set(transaction, claim, state=state, attempts=attempts, not_before=not_before, claimed_until=0, why=why)
    if fallback and newest:
        _stand_in(transaction, claim, fallback, row, why)


def _stand_in(transaction: Transaction, claim: Claim, fallback: str, row: "_Held", why: str) -> None:
    """Have another channel told in the place of this one. Where it is told anyway, nothing is to be done."""
    values: dict[str, object] = {
        **_FRESH,
        "incident": claim.incident,
        "channel": fallback,
        "matter": claim.matter,
        "wanted_revision": claim.revision,
        "story": claim.story,
        "urgent": row.urgent,
        "since": row.since,
        "meant_for": claim.meant_for or claim.channel,
    }
    if _insert(transaction, values):
        _note(transaction, claim, transaction.now(), "passed on", to=fallback, why=why)


def next_due(connection: Connection, channel: str, now: Micros, only: Only = "all") -> Micros | None:
    """When, by the caller's clock, the channel's next row may be tried; a claimed one when its claim runs out."""
    found: Micros | None = _NEXT_DUE[only].execute(connection, {"on": channel}).fetchone()[0]
    return found if found is None else found - store_clock(connection, now) + now


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
    at = store_clock(transaction.connection, now)
    changed = update(told).where(dead).values(state="waiting", attempts=0, not_before=at)
    return transaction.connection.execute(changed).rowcount > 0


class _There(msgspec.Struct, frozen=True):
    """As much of a row as says whether something is wanted in its place."""

    incident: str
    channel: str
    matter: str
    meant_for: str
    tried: int
    wanted_revision: int


_Rows = dict[tuple[str, str, str], _There]
"""By incident, channel and matter."""


def _rows_of(connection: Connection, incidents: Iterable[str]) -> _Rows:
    rows = [_There(*row) for row in _THERE.execute(connection, [(id, 0) for id in incidents])]
    return {(row.incident, row.channel, row.matter): row for row in rows}


def _withdraw(connection: Connection, there: _Rows, wanted: Wanted, now: Micros) -> bool:
    """Let go of a row that nobody tried and that need not be told any more; whether it was a first notice of what is over, or
    would have been one."""
    if wanted.matter and not wanted.ends:
        return False
    row = there.get(place := (wanted.incident, wanted.channel, wanted.matter))
    if row is not None and not row.tried and row.wanted_revision < wanted.revision:
        _DROP.execute(connection, _place(wanted))
        row = None
        del there[place]
    if wanted.matter or not wanted.ends or row is not None:
        return False
    line = Happening(wanted.incident, now, "notify", UNHEARD, {"channel": wanted.channel})
    before = incidents.timeline(connection, wanted.incident)
    if any((one.code, one.facts) == (line.code, line.facts) for one in before):
        return False
    incidents.tell(connection, [line])
    return True


def _is_wanted(there: _Rows, wanted: Wanted) -> bool:
    if wanted.opens and (not wanted.matter or is_escalation(wanted.matter)):
        return True
    row = there.get((wanted.incident, wanted.channel, "" if wanted.opens else wanted.matter))
    return row is not None and (is_escalation(wanted.matter) or row.tried == 1)


def _in_their_place(there: _Rows, wanted: Sequence[Wanted]) -> list[Wanted]:
    """The same for the channels that were told in the place of these."""
    stand_ins = [row for row in there.values() if row.meant_for]
    return [
        msgspec.structs.replace(each, channel=row.channel)
        for row in stand_ins
        for each in wanted
        if (each.incident, each.channel, each.matter) == (row.incident, row.meant_for, row.matter)
    ]


class _Held(msgspec.Struct, frozen=True):
    state: str
    urgent: int
    claimed_until: Micros
    wanted_revision: int
    told_revision: int
    message_id: str
    said: str
    attempts: int
    since: Micros


def _row(connection: Connection, claim: Claim) -> _Held | None:
    row = _HELD.execute(connection, _place(claim)).fetchone()
    return None if row is None else _Held(*row)


_HELD = Prepared(select(*(told.c[name] for name in _Held.__struct_fields__)).where(_HERE))


def _place(row: Claim | Wanted) -> dict[str, object]:
    """What `_HERE` asks."""
    return {"where_incident": row.incident, "where_channel": row.channel, "where_matter": row.matter}


def _note(transaction: Transaction, claim: Claim, at: Micros, code: str, **facts: str) -> None:
    """A line of the incident's timeline."""
    rest = {name: said for name, said in (("matter", claim.matter), ("meant_for", claim.meant_for)) if said}
    told_of = {"channel": claim.channel, "revision": str(claim.revision), **rest, **facts}
    incidents.tell(transaction.connection, [Happening(claim.incident, at, "notify", code, told_of)])


def _set(transaction: Transaction, claim: Claim, **values: object) -> None:
    _setting(tuple(values)).execute(transaction.connection, {**_place(claim), **values})


@cache
def _setting(columns: tuple[str, ...]) -> Prepared:
    return Prepared(update(told).where(_HERE), columns)
