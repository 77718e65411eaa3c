"""What counted guards decide by, read in the transaction that writes an intent (T3), and what it reserves there.

A remediation reserves the keys of its plan's limits, and of the step itself; each key once, with the time of its last intent.
"""

from collections.abc import Mapping, Sequence

import msgspec
from sqlalchemy import Connection, bindparam, or_, select, union

from healer.remediation.approval import unapproved
from healer.remediation.guards.counted import Counted, Place, Run, Thrown, Unsettled, scope_of
from healer.remediation.guards.standing import keys_of, opposing_keys
from healer.remediation.model import UNDER_WAY, Limit, PlanStep, Remediation
from healer.remediation.ports import Switch
from healer.store.dialect import kept
from healer.store.prepared import About, Inserting, Prepared
from healer.store.schema import intent, reserved
from healer.store.schema import remediation as run
from healer.store.transactions import switches
from healer.times import Micros

_GOING = ", ".join(f"'{state}'" for state in sorted(UNDER_WAY))
_GOES_ON = or_(*(run.c.state == state for state in sorted(UNDER_WAY)))
_MAY_ACT = intent.c.unsettled == 1
_COLUMNS = "asked.key, reserved.remediation, reserved.at, remediation.state"
# A union, because no index serves both; what is old and at its end is never looked at.
_RUNS = About(
    f"SELECT {_COLUMNS} FROM asked JOIN reserved ON reserved.key = asked.key AND reserved.at > asked.since "  # noqa: S608 - names of the schema
    "JOIN remediation ON remediation.id = reserved.remediation "
    f"UNION SELECT {_COLUMNS} FROM (SELECT id FROM remediation WHERE state IN ({_GOING}) "
    "UNION SELECT remediation FROM intent WHERE unsettled = 1) AS going "
    "JOIN reserved ON reserved.remediation = going.id JOIN asked ON asked.key = reserved.key "
    "JOIN remediation ON remediation.id = going.id ORDER BY 3, 2"
)
_UNDER_REPAIR = Prepared(
    union(
        select(intent.c.target, intent.c.remediation).join(run, run.c.id == intent.c.remediation).where(_GOES_ON),
        select(intent.c.target, intent.c.remediation).where(_MAY_ACT),
    )
)
_DOUBTS = Prepared(select(intent.c.data).where(_MAY_ACT).order_by(intent.c.number))
_HAS_ACTED = Prepared(
    select(reserved.c.at).where(reserved.c.key == bindparam("limit"), reserved.c.remediation == bindparam("asking"))
)
_RESERVE = Inserting(
    "reserved", ("key", "remediation", "at"), "ON CONFLICT (key, remediation) DO UPDATE SET at = excluded.at"
)


class Doubt(msgspec.Struct, frozen=True):
    """As much of an intent without an outcome as is counted: the rest of it is not even read."""

    id: str
    remediation: str
    target: str
    above: tuple[str, ...] = ()


_doubt = msgspec.msgpack.Decoder(Doubt).decode


class Question(msgspec.Struct, frozen=True):
    """A step that is asked about: of a remediation, as the store has it, at a place, now."""

    remediation: Remediation
    step: PlanStep
    place: Place
    now: Micros

    def since(self) -> dict[str, Micros]:
        """By key that is counted, since when."""
        found = dict.fromkeys(opposing_keys(self.step), self.now)
        for limit in self.limits():
            if limit.form != "share":  # of those it is counted who is under repair
                found[limit.key] = min(found.get(limit.key, self.now), self.now - limit.window)
        return found

    def limits(self) -> list[Limit]:
        return [limit for limit in self.remediation.plan.limits if limit.applies(self.step)]

    def reserves(self) -> list[str]:
        """All keys under which it is counted from its intent on."""
        own = () if self.step.diagnostic else keys_of(self.step)
        return sorted({limit.key for limit in self.limits()} | set(own))

    @property
    def suspension(self) -> str:
        return scope_of(self.remediation.plan.rule, self.step.node)


class Tally:
    """What is counted for several who ask in one transaction: read once for all of them, and each sees who began before it."""

    def __init__(self, connection: Connection, questions: Sequence[Question]) -> None:
        since: dict[str, Micros] = {}
        for question in questions:
            for key, at in question.since().items():
                since[key] = min(since.get(key, at), at)
        self._doubts = _doubts(connection)
        self._runs = _runs(connection, since, self._doubts)
        scopes = [scope for each in questions for scope in (*each.place.scopes, each.suspension)]
        self._switches = {kept(one.scope): one for one in switches.among(connection, list(dict.fromkeys(scopes)))}
        grouped = any(each.place.siblings or each.place.control_plane for each in questions)
        self._under_repair = _under_repair(connection) if grouped else set()

    def counted(self, question: Question) -> Counted:
        """All that is counted for one step."""
        me, now = question.remediation.id, question.now
        suspended = self._switches.get(kept(question.suspension))
        scopes = sorted(map(kept, question.place.scopes))
        thrown = [self._switches[scope] for scope in scopes if scope in self._switches]
        return Counted(
            now=now,
            place=question.place,
            unapproved=unapproved(question.remediation, now),
            thrown=tuple(_thrown(one) for one in thrown if one.thrown),
            unsettled=tuple(Unsettled(one.id, one.target, one.above) for one in self._doubts),
            runs={key: _others(self._runs[key], me, since) for key, since in question.since().items()},
            under_repair=frozenset(target for target, of in self._under_repair if of != me),
            suspended=_thrown(suspended) if suspended and suspended.thrown else None,
            resumed_at=suspended.at if suspended and not suspended.thrown else 0,
        )

    def begins(self, question: Question, intent: str) -> None:
        """Count it for those after it."""
        me, node = question.remediation.id, question.step.node
        self._doubts.append(Doubt(intent, me, node, question.place.above))
        self._under_repair.add((node, me))
        for key in question.reserves():
            if key in self._runs:
                others = [run for run in self._runs[key] if run.remediation != me]
                self._runs[key] = [*others, Run(me, question.now, "executing", acting=True, going=True)]


def reserve(connection: Connection, questions: Sequence[Question]) -> None:
    """Count these remediations, each from its now, under every key that is about its step."""
    rows = {(key, each.remediation.id): each.now for each in questions for key in each.reserves()}
    _RESERVE.execute(connection, [(key, id, at) for (key, id), at in rows.items()])


def runs(connection: Connection, remediation: str, limit: Limit, now: Micros) -> tuple[Run, ...]:
    """The other remediations that one limit counts."""
    since = now - limit.window
    return _others(_runs(connection, {limit.key: since}, _doubts(connection))[limit.key], remediation, since)


def has_acted(connection: Connection, remediation: str, key: str) -> bool:
    """Whether a remediation has reserved a key: from its first intent on."""
    return _HAS_ACTED.execute(connection, {"limit": key, "asking": remediation}).fetchone() is not None


def _thrown(switch: Switch) -> Thrown:
    return Thrown(switch.scope, switch.by, switch.why)


def _others(runs: Sequence[Run], me: str, since: Micros) -> tuple[Run, ...]:
    """Those after `since`, those under way and those with an unsettled intent."""
    return tuple([run for run in runs if run.remediation != me and (run.going or run.acting or run.at > since)])


def _doubts(connection: Connection) -> list[Doubt]:
    """All intents without an outcome, oldest first."""
    return [_doubt(data) for (data,) in _DOUBTS.execute(connection)]


def _runs(connection: Connection, since: Mapping[str, Micros], doubts: Sequence[Doubt]) -> dict[str, list[Run]]:
    """By key, those after an instant, those under way and those with an unsettled intent, oldest first."""
    acting = {one.remediation for one in doubts}
    found: dict[str, list[Run]] = {kept(key): [] for key in since}
    for key, id, at, state in _RUNS.execute(connection, list(since.items())):
        found[kept(key)].append(Run(id, at, state, acting=id in acting, going=state in UNDER_WAY))
    return {key: found[kept(key)] for key in since}


def _under_repair(connection: Connection) -> set[tuple[str, str]]:
    """On which nodes remediations have acted that are not at their end, or may still act; with the remediation."""
    return {(target, of) for target, of in _UNDER_REPAIR.execute(connection)}
