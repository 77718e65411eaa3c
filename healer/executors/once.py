"""How is an order carried out at most once, where its target keeps no register (`fence: none`)? Used by such executors.

What was sent and not answered is never sent again: while it may be under way its outcome is unknown. So an executor asks for
go right before the first byte, and says by which of three exceptions it broke off.
"""

from collections.abc import Awaitable, Callable

import msgspec

from healer.executors.target import Go, Order, Result
from healer.seams import Clock

REMEMBERED = 1_000
"""Orders whose end this process knows by itself, the newest."""


class Stopped(Exception):
    """The last word was no."""


class Unsent(Exception):
    """Nothing was done, and nothing will be. `lasting`: waiting changes nothing; `later`: whoever was asked is busy."""

    def __init__(self, why: str, *, lasting: bool = False, later: bool = False) -> None:
        super().__init__(why)
        self.lasting = lasting
        self.later = later


class Lost(Exception):
    """It may have been sent, and there is no answer."""


Carry = Callable[[Go], Awaitable[Result]]
"""Carries an order out. Raises Unsent, Lost, Stopped, and what go raises."""


class Once:
    """Carries orders out, each once, and remembers how they ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ended: dict[str, Result] = {}

    async def run(self, order: Order, go: Go, carry: Carry) -> Result:
        """What became of it. Raises what `go` raises; then nothing was sent."""
        if order.intent in self._ended:
            return Result("refused", why="repeated: this intent was sent already", started=False)
        gone = False

        async def last_word() -> bool:
            nonlocal gone
            # Nothing is awaited between go's answer and the first byte.
            gone = await go() and not self.over(order)
            return gone

        try:
            result = await _carried(carry, last_word)
        except BaseException:
            if not gone:
                self._remember(order, _never("stopped before anything was sent"))
            raise
        if result.outcome != "unknown":
            result = self.stamped(result)
            self._remember(order, result if result.started else _never(result.why))
        return result

    def known(self, order: Order) -> Result | None:
        """What this process itself saw become of an intent."""
        return self._ended.get(order.intent)

    def over(self, order: Order) -> bool:
        """Whether nothing of an intent can be under way any more."""
        return 0 < order.ends_by < self._clock.now()

    def stamped(self, result: Result) -> Result:
        """With the instant at which it was over, if it is."""
        over = result.started and result.outcome in ("succeeded", "failed")
        return msgspec.structs.replace(result, ended_at=self._clock.now()) if over else result

    def _remember(self, order: Order, result: Result) -> None:
        self._ended[order.intent] = result
        if len(self._ended) > REMEMBERED:
            del self._ended[next(iter(self._ended))]


async def _carried(carry: Carry, go: Go) -> Result:
    try:
        return await carry(go)
    except Stopped:
        return Result("refused", why="stopped before it started: healer may not act now", started=False)
    except Unsent as error:
        refused = error.lasting or error.later
        return Result("refused" if refused else "failed", why=str(error), started=False, lasting=error.lasting)
    except Lost as error:
        return Result("unknown", why=f"{error}, after it was sent: it is not repeated")


def _never(why: str) -> Result:
    """Known to have had no effect, and never to have one."""
    return Result("failed", why=why, started=False)
