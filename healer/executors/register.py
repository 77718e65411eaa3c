"""What does a target remember, and whom does it refuse? The wrapper's register as pure decisions on one small state.

`deploy/target/healer-run` keeps the same in a file; `healer.executors.memory` keeps it here. Instants are the target's own.
"""

from dataclasses import dataclass, field

import msgspec

from healer.executors.target import Order, Result
from healer.executors.wrapper import Done, finished, read_answer
from healer.times import SECOND, Micros

GO_WAIT: Micros = SECOND
"""How long a target waits for go, as the wrapper does: the most that an effect may start after the kill switch."""
KILLED = 137
"""The exit code of what SIGKILL ended."""


class Ran(msgspec.Struct, frozen=True):
    """What a command does: its exit code, its output, and how long it takes until it ends by itself."""

    exit_code: int = 0
    output: bytes = b""
    takes: Micros = 0


@dataclass
class Attempt:
    """An intent on record: waiting for go until `waits_until`, or started, and then over at `ends_at`."""

    waits_until: Micros
    ran: Ran | None = None
    ends_at: Micros = 0
    by_deadline: bool = False

    def holds(self, now: Micros) -> bool:
        """Does it keep others from the target?"""
        return now < (self.waits_until if self.ran is None else self.ends_at)


@dataclass
class Register:
    """One target's. `refusals` counts what was refused as stale, for checkers."""

    newest: tuple[int, int] = (0, 0)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    refusals: int = 0
    _holder: Attempt | None = None

    def admit(self, order: Order, now: Micros) -> Attempt | Result:
        """Compare and record. An Attempt is `ready`; a Result is the refusal."""
        if self._holder is not None and self._holder.holds(now):
            return _said("refused busy: another run holds this target", order)
        if (order.token, order.step) <= self.newest:
            self.refusals += 1
            reason = f"({order.token}, {order.step}) is not newer than {self.newest}, seen here before"
            return _said(f"refused stale: {reason}", order)
        before = self.attempts.get(order.intent)
        if before is not None and before.ran is not None:
            return _said("refused repeated: this intent ran here already", order)
        self.newest = (order.token, order.step)
        self._holder = self.attempts[order.intent] = Attempt(waits_until=now + GO_WAIT)
        return self._holder

    def leave(self, attempt: Attempt) -> None:
        """The connection of an attempt that has not started is gone: it never will."""
        if attempt.ran is None:
            attempt.waits_until = 0

    def start(self, attempt: Attempt, ran: Ran, order: Order, now: Micros) -> None:
        """`go` arrived in time (`attempt.holds(now)`): the command runs until it ends or the deadline ends it."""
        deadline = order.deadline_s * SECOND
        attempt.by_deadline = ran.takes > deadline
        attempt.ran = msgspec.structs.replace(ran, exit_code=KILLED) if attempt.by_deadline else ran
        attempt.ends_at = now + min(ran.takes, deadline)

    def recorded(self, order: Order, now: Micros) -> Result:
        """Answer a probe, whose (token, step) goes on record first; an older one is told nothing."""
        if self._holder is not None and self._holder.holds(now):
            return _said("running", order)
        if (order.token, order.step) < self.newest:
            return _said(f"superseded {self.newest[0]} {self.newest[1]}", order)
        self.newest = (order.token, order.step)
        attempt = self.attempts.get(order.intent)
        if attempt is None:
            return _said("absent", order)
        return self.ended(attempt, order, now)

    def ended(self, attempt: Attempt, order: Order, now: Micros) -> Result:
        """What is known of an attempt that no longer holds the target."""
        if attempt.ran is None:
            return _said("unstarted", order)
        output = attempt.ran.output[: order.output_limit]
        done = Done(
            exit_code=attempt.ran.exit_code,
            by_deadline=attempt.by_deadline,
            age=now - attempt.ends_at,
            size=len(output),
            cut=len(output) < len(attempt.ran.output),
        )
        return finished(done, output, order, now)


def _said(line: str, order: Order) -> Result:
    """The result of a line that the wrapper would have said."""
    answer = read_answer(line.encode(), order)
    assert isinstance(answer, Result), line
    return answer
