"""One answer of each kind, and an attempt that gives answers in turn."""

from collections.abc import Iterable

from notifiers.clock import SECOND
from notifiers.message import (
    Ambiguous,
    Answer,
    Migrated,
    NotTried,
    Ok,
    OkNoop,
    Permanent,
    RateLimited,
    Reason,
    Told,
    Transient,
)

OK = Ok(Told("1", "-5"))
NOOP = OkNoop(Told("1", "-5"))
DOWN = Transient("cannot connect", Reason.CONNECT)
LOST = Ambiguous("no answer")
BUSY = RateLimited(7 * SECOND)
BAD = Permanent("too long", Reason.BAD_MESSAGE)
NO_TOKEN = Permanent("401 Unauthorized", Reason.UNAUTHORIZED, disable=True)
MOVED = Migrated("-1009")
HELD = NotTried(SECOND, Reason.BREAKER_OPEN)


class Attempts:
    """Gives the answers one after another; the last one for ever."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.made = 0
        self._answers = list(answers)

    async def __call__(self) -> Answer:
        answer = self._answers[min(self.made, len(self._answers) - 1)]
        self.made += 1
        return answer
