"""How does an effect reach a machine, and what is known of it afterwards?

The port between a remediation and an executor. What every executor promises, and what those promise whose machines keep a
register (`healer.executors.ssh`, and `healer.executors.memory` for the simulation), is the suite in tests/contracts/targets.
"""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

import msgspec

from healer.times import Micros

Outcome = Literal["succeeded", "failed", "refused", "unknown"]
Go = Callable[[], Awaitable[bool]]
"""Reads the kill switch once more, after the target said ready and before anything starts there."""


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One effect to be had on one target. It holds all that another process needs to settle it."""

    intent: str
    """The intent's id: 1 to 64 letters, digits and `. _ : -`."""
    step: int
    token: int
    """The target accepts a strictly greater (token, step) only."""
    target: str
    """The node's id. Each node has a register of its own on its machine."""
    address: str
    """Host name or IP address of the machine, where the executor's settings give the node no other."""
    argv: tuple[str, ...]
    deadline_s: int
    """After so many seconds nothing of the run is alive on the machine; 2 to 86,400."""
    trace_id: str = ""
    output_limit: int = 65_536
    """Bytes of output (stdout and stderr together) that come back; the executor may have a lower limit."""
    identity: str = ""
    """The machine-id that the target has to prove before anything starts. Empty: its host key is proof enough."""
    ends_by: Micros = 0
    """The instant after which nothing of it can be under way, for targets that cannot be asked. 0: not known."""
    priority: int = 0
    """Where a machine takes few orders at once, a larger one goes first; the same wait their turn."""


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of an order. `unknown` asks for a probe, never for a repetition."""

    outcome: Outcome
    exit_code: int | None = None
    output: str = ""
    why: str = ""
    """One sentence for people: what happened, and what to do about it."""
    started: bool = True
    """False: known to have had no effect, and never to have one."""
    ended_at: Micros | None = None
    """When the effect ended, by healer's own clock, never earlier than it did. None: it did not, or nobody knows."""
    down: bool = False
    """Of what had no effect: the way to the target is down, so another way may still reach it."""
    lasting: bool = False
    """Of `refused`: waiting changes nothing, a person has to mend something first (a host key, the wrapper, the disk). Of
    `unknown`: it stays so for whoever asked, as a newer holder has been there."""


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a look at a target brought. `exit_code` is None where nothing could be seen, and `why` says so."""

    exit_code: int | None = None
    output: str = ""
    why: str = ""


class Target(Protocol):
    """Carries out orders, settles those whose outcome is unknown, and looks at the present state."""

    async def run(self, order: Order, go: Go) -> Result:
        """Carry out `order`, at most once, if the target finds it newer than all it has seen and `go()` is True.

        Cancelled before `go()` answered, it has no effect. Cancelled later, the outcome is unknown: probe it. Raises
        nothing but CancelledError and what `go` raises (then nothing was started).
        """
        ...

    async def probe(self, order: Order) -> Result:
        """Say what became of the intent; it has no effect itself.

        `order.token` and `order.step` are the prober's: they reach the register first, so that an attempt that is still
        under way cannot start any more. `unknown` means: ask again later.
        """
        ...

    async def observe(self, order: Order) -> Seen:
        """Run `order.argv`, which changes nothing, and say what it said. No token is compared and none is recorded."""
        ...

    async def close(self) -> None:
        """Cut what is open. What was started on targets goes on under its deadline."""
        ...
