"""What delivery needs of a store: the told ledger, one row per (incident, channel) and one more for each matter that a person
must act on. Implemented by `healer.store`."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import msgspec

from healer.journey.ports import T
from healer.times import Micros

Only = Literal["all", "urgent", "urgent or told", "beginning", "urgent beginning"]
"""Which of a channel's rows: in quiet hours those that are urgent and, where an edit makes no sound, those that were told.
`beginning` are those about an incident itself that would be a new message."""

TOGETHER = "+"
"""What `message_id` begins with where several incidents share the message, so that nothing edits it."""

NoticeState = Literal["waiting", "claimed", "told", "dead"]
"""The way of a row of the told ledger: a claimed one is being told, a dead one was refused for good."""


class Claim(msgspec.Struct, frozen=True):
    """A row that this process may send now, until `until`. `message_id` "" means nothing was told yet.

    `revision` and `story` are the newest wanted; `attempts` counts failures in a row; `said` is what `told` was given last.
    `matter`, unless it is "", is what a person must act on: it is sent as a message of its own. `meant_for` is the channel in
    whose place this one is told, "" for none.
    """

    incident: str
    channel: str
    revision: int
    story: bytes
    told_revision: int
    message_id: str
    attempts: int
    until: Micros
    said: str = ""
    matter: str = ""
    meant_for: str = ""


class LedgerRow(msgspec.Struct, frozen=True):
    """The told ledger as people may read it."""

    incident: str
    channel: str
    wanted_revision: int
    told_revision: int
    message_id: str
    state: NoticeState
    attempts: int
    not_before: Micros
    why: str
    matter: str = ""
    meant_for: str = ""


class Left(msgspec.Struct, frozen=True):
    """What left by one rate of a channel: when, oldest first; nothing may before `blocked_until`. It counts before `until`."""

    at: tuple[Micros, ...] = ()
    blocked_until: Micros = 0
    until: Micros = 0


Use = Callable[[Mapping[str, Left], Micros], tuple[T, Mapping[str, Left]]]
"""What left by each rate, and what time it is, to an answer and to what is to be kept in the place of these."""


class ToldLedger(Protocol):
    """`now` is the clock's; where processes share a store, its server's own clock goes before it."""

    async def claim(self, channel: str, *, now: Micros, lease: Micros, limit: int, only: Only = "all") -> list[Claim]:
        """Claim a channel's rows whose wanted revision was not told, that nobody holds and that may be tried now; urgent
        and oldest first. A claim that ran out may be claimed again, and the row then counts as dirty: its newest revision is sent
        once more."""
        ...

    async def told(self, claim: Claim, *, message_id: str, now: Micros, said: str = "") -> None:
        """Record that `claim.revision` was told, and in the incident's timeline when it was a message of its own, or `said`
        (what it says in a word or two) is news. If a newer revision is wanted by now the row waits again. Harmless when
        repeated."""
        ...

    async def failed(
        self,
        claim: Claim,
        *,
        now: Micros,
        pause: Micros = 0,
        why: str,
        dead: bool = False,
        counts: bool = True,
        fallback: str = "",
    ) -> None:
        """Give the claim back, to be tried after the `pause`, or bury it as a dead letter, which the timeline tells.
        `counts`: it brings the row nearer to being one. `fallback` is a channel that is to be told in its place, from now on
        also what is news of it, unless it is told anyway."""
        ...

    async def next_due(self, channel: str, only: Only = "all", *, now: Micros) -> Micros | None:
        """When, by the clock that says `now`, a channel's next row may be tried, or None when nothing waits."""
        ...

    async def rows(self, *, incident: str = "", state: str = "", limit: int = 100) -> list[LedgerRow]: ...

    async def resend(self, incident: str, channel: str, *, now: Micros) -> bool:
        """Try a dead letter again."""
        ...
