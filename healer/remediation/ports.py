"""What the runner needs of a store: the transactions T3 (intent) and T4 (outcome), and what a resumed runner reads.

Implemented by `healer.store`. Each method appends, in its own transaction, the journal record (`Progressed`, `Switched`)
by which the change reaches the engine and the story, and an audit entry.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Literal, Protocol

import msgspec

from healer.remediation.guards import Answer, Place
from healer.remediation.model import Intent, PlanStep, Refused, Remediation, State
from healer.times import Micros


class Switch(msgspec.Struct, frozen=True):
    """The kill switch of one scope: "all", "rule:NAME", "cluster:NAME", or "rule:NAME on NODE", a rule suspended on a node."""

    scope: str
    thrown: bool
    by: str
    why: str
    at: Micros


class Probe(msgspec.Struct, frozen=True):
    """A right to probe an unsettled intent: the target's token was raised to `token` for it."""

    intent: Intent
    token: int


class EffectStore(Protocol):
    """T3 and T4. `now` is the clock's, for windows of limits and deadlines."""

    async def under_way(self, but: Collection[str] = ()) -> list[Remediation]:
        """Remediations in a state that is not final, oldest first, without those of these ids."""
        ...

    async def unsettled(self) -> list[Intent]:
        """Intents without an outcome, oldest first."""
        ...

    async def move(self, remediation: Remediation, *, was: State, now: Micros) -> bool:
        """Store the remediation's new state if it still is in `was` (False otherwise)."""
        ...

    async def answer(self, id: str, say: Callable[[Remediation], Remediation], *, now: Micros) -> Remediation | None:
        """Store what somebody says of a remediation: `say` (pure) gives it as it is then, of what the store has now, and may
        raise. Returns that; None for one that is not there."""
        ...

    async def count(self, remediation: Remediation, step: PlanStep, place: Place, *, now: Micros) -> list[Answer]:
        """What every counted guard says of a step at this instant. Nothing is reserved: only T3 decides."""
        ...

    async def write_intent(
        self,
        remediation: Remediation,
        step: PlanStep,
        *,
        intent: str,
        deadline: Micros,
        now: Micros,
        place: Place,
        before: str = "",
        said: tuple[str, ...] = (),
        author: str = "",
    ) -> Intent | Refused:
        """T3. In one transaction: the remediation still under way, with this plan; every counted guard asked (the kill switches
        of `place`, approval, no unsettled intent on the target or what it stands in, limits, shares, failures); the keys of its
        limits reserved; the target's token raised by one; intent (id `intent`, with what was seen `before` and what guards
        `said`) and audit entry written; the remediation moved to `executing`.

        Idempotent for the same `intent` id and `author`: after an ambiguous failure it returns the intent already written,
        until that is settled. To others, who cannot know what became of it, it is refused (guard "state").
        """
        ...

    async def settle_intent(self, intent: Intent, remediation: Remediation, *, was: State, now: Micros) -> bool:
        """T4. Store the intent's outcome, the remediation's new state and the audit entry; False if it was settled before."""
        ...

    async def begin_probe(self, intent: str, *, now: Micros) -> Probe | None:
        """Raise the target's token for a probe of an unsettled intent; None if it is settled by now."""
        ...

    async def switches(self) -> list[Switch]:
        """All scopes that were ever switched."""
        ...

    async def throw(self, switch: Switch) -> None:
        """Throw or release a kill switch. After this returns no intent of its scope is written."""
        ...

    async def remediations(self, incident: str = "", limit: int = 100) -> list[Remediation]:
        """Newest first; of one incident when it is named."""
        ...

    async def remediation(self, id: str) -> Remediation | None: ...

    async def intents(self, remediation: str) -> list[Intent]: ...

    async def audit(self, after: int, limit: int) -> Sequence[tuple[int, Micros, str, str]]:
        """(number, at, kind, detail as JSON) of entries above `after`."""
        ...


Decision = Literal["done", "again", "person"]
