"""Where a simulated service is hurt: at its ports, by the seed.

Every port asks `Faults` at each call what becomes of it: a crash (before the call, after its effect, after its answer), a
proper end in which all tasks are cancelled (before or after), a pause of the whole process, a lost call, a lost answer, a
delay. Some ports know more: a store undoes a transaction because of another, or commits it when nobody waits any more; the
network swallows a call that lands much later, or carries one twice; a provider refuses.
"""

import asyncio
import functools
import inspect
import random
from collections.abc import Awaitable, Callable, Collection
from contextvars import Context
from typing import Any, Literal, Self, TypeVar, cast

import msgspec

from healer.times import MILLISECOND, SECOND, Micros, format_duration
from tests.simulation.incarnation import Incarnation
from tests.simulation.loop import SimLoop
from tests.simulation.secrets import Secrets

Kind = Literal[
    "none",
    "crash before",
    "crash after",
    "crash answered",
    "cancel before",
    "cancel after",
    "cancel answered",
    "pause",
    "lost call",
    "lost answer",
    "delay",
    "undone",
    "late",
    "black hole",
    "twice",
    "refused",
]
ENDS: frozenset[Kind] = frozenset(
    {"crash before", "crash after", "crash answered", "cancel before", "cancel after", "cancel answered"}
)
"""After these the process is another one."""
ANYWHERE: tuple[Kind, ...] = (*sorted(ENDS), "pause", "lost call", "lost answer", "delay")
STORE: tuple[Kind, ...] = ("undone", "late")
"""A serialization failure, and a commit that lands, and is seen, when nobody waits for it any more."""
KINDS: tuple[Kind, ...] = (*ANYWHERE, *STORE, "black hole", "twice", "refused")
"""All there are. Those that are not met anywhere a port names (`also`)."""

P = TypeVar("P")
T = TypeVar("T")


class Odds(msgspec.Struct, frozen=True):
    """How likely each fault is at a call, in thousandths (`midway`: a pause where a command is on its way; `unread`: a lost call
    where the kill switch is read; `hesitates`: a pause right before an intent is written; `slow`: a delay of an order);
    how long a delay or a pause lasts at most; how often the process ends, and stands still."""

    crash_before: int = 0
    crash_after: int = 0
    crash_answered: int = 0
    cancel: int = 0
    lost_call: int = 0
    lost_answer: int = 0
    delay: int = 0
    pause: int = 0
    midway: int = 0
    undone: int = 0
    late: int = 0
    black_hole: int = 0
    twice: int = 0
    refused: int = 0
    unread: int = 0
    hesitates: int = 0
    slow: int = 0
    longest_delay: Micros = 2 * SECOND
    longest_pause: Micros = 20 * SECOND
    crashes: int = 0
    pauses: int = 0

    @classmethod
    def drawn(cls, seed: int) -> Self:
        """The odds of this seed: some seeds are calm, some crash a lot, some only lose answers."""
        chance = random.Random(f"odds {seed}")

        def per_mille(*choices: int) -> int:
            return chance.choice(choices)

        return cls(
            crash_before=per_mille(0, 0, 2, 10),
            crash_after=per_mille(0, 0, 2, 10),
            lost_call=per_mille(0, 5, 30),
            lost_answer=per_mille(0, 5, 30),
            delay=per_mille(0, 50, 300),
            longest_delay=chance.choice((50 * MILLISECOND, 2 * SECOND, 45 * SECOND)),
            crashes=chance.choice((0, 1, 2, 4)),
            crash_answered=per_mille(0, 0, 2, 10),
            cancel=per_mille(0, 0, 2, 10),
            pause=per_mille(0, 0, 2, 10),
            longest_pause=chance.choice((2, 20, 60)) * SECOND,
            pauses=chance.choice((0, 1, 2)),
            undone=per_mille(0, 5, 30),
            late=per_mille(0, 5, 30),
            black_hole=per_mille(0, 0, 5, 20),
            twice=per_mille(0, 10, 60),
            refused=per_mille(0, 0, 50),
            midway=per_mille(0, 20, 100),
        )


class Faults:
    """A seeded source of faults. `injected` lists each with its time; `quiet()` ends them, so that a run can come to rest."""

    def __init__(self, loop: SimLoop, seed: int, odds: Odds) -> None:
        self.odds = odds
        self.injected: list[str] = []
        self.secrets = Secrets(seed)
        """What a failure may blurt out."""
        self.on_fault: Callable[[str, Kind], None] = lambda _call, _kind: None
        self._loop = loop
        self._chance = random.Random(f"faults {seed}")
        self._seldom = random.Random(f"seldom {seed}")
        self._crashes = 0
        self._pauses = 0
        self._quiet = False
        self.landed = 0
        """Transactions that were committed late, perhaps in the life of another process than began them."""

    def quiet(self) -> None:
        """No more faults from here on."""
        self._quiet = True

    @property
    def crashes(self) -> int:
        """How often the process was ended so far."""
        return self._crashes

    def toss(self) -> bool:
        """One of two, by the seed."""
        return self._chance.random() < 0.5

    def decide(self, call: str, *, rarely: bool = False, also: Collection[Kind] = ()) -> Kind:
        """What becomes of this call. The order of calls and the seed decide, nothing else. `rarely`: ten times less often;
        `also`: what befalls such a port beside what befalls all."""
        if self._quiet or (rarely and self._chance.randrange(10)):
            return "none"
        drawn = self._chance.randrange(1_000)
        for kind, per_mille in self._table(also):
            if drawn < per_mille:
                self._note(call, kind)
                return kind
            drawn -= per_mille
        return "none"

    def delay(self) -> Micros:
        """How long a delayed call waits."""
        return self._chance.randrange(1, self.odds.longest_delay + 1)

    def pause(self) -> Micros:
        """How long a process stands still."""
        return self._chance.randrange(1, self.odds.longest_pause + 1)

    def stands_still(self, call: str) -> bool:
        """Whether the process stands still here, where a command is on its way and nothing else is asked."""
        if self._quiet or self._pauses >= self.odds.pauses or self._chance.randrange(1_000) >= self.odds.midway:
            return False
        self._note(call, "pause")
        return True

    def befalls(self, call: str, kind: Kind, per_mille: int) -> bool:
        """Whether this befalls a call beside what befalls all of them: drawn apart, so that all else falls as it would."""
        if self._quiet or self._seldom.randrange(1_000) >= per_mille:
            return False
        if kind == "pause" and self._pauses >= self.odds.pauses:
            return False
        self._note(call, kind)
        return True

    def hole(self) -> Micros:
        """How long a call that was swallowed is under way: longer than anybody waits for its answer, or about as long."""
        return self._chance.randrange(5, 121) * SECOND

    async def before(self, life: Incarnation, call: str, *, rarely: bool = False, also: Collection[Kind] = ()) -> Kind:
        """What becomes of a call that this incarnation makes now. Does not return where it ends the process; a pause is over
        when it returns. The port does the rest, and says `after` when the effect is had."""
        await life.alive_or_never()
        kind = self.decide(call, rarely=rarely, also=also)
        if kind == "crash before":
            await life.die()
        if kind == "cancel before":
            await life.cancelled()
        if kind == "pause":
            life.pause(self.pause() / SECOND)
            await asyncio.sleep(0)
            await life.alive_or_never()
        return kind

    async def after(self, life: Incarnation, kind: Kind) -> None:
        """The effect is had, and its answer is on its way to this incarnation."""
        if kind == "crash after":
            await life.die()
        if kind == "cancel after":
            await life.cancelled()
        if kind in ("crash answered", "cancel answered"):
            end = life.freeze if kind == "crash answered" else life.on_cancel
            asyncio.get_running_loop().call_soon(end, context=Context())
        await life.alive_or_never()

    def _table(self, also: Collection[Kind]) -> list[tuple[Kind, int]]:
        odds = self.odds
        may_end = self._crashes < odds.crashes
        return [
            ("crash before", odds.crash_before if may_end else 0),
            ("crash after", odds.crash_after if may_end else 0),
            ("crash answered", odds.crash_answered if may_end else 0),
            ("cancel before", odds.cancel if may_end else 0),
            ("cancel after", odds.cancel if may_end else 0),
            ("cancel answered", odds.cancel if may_end else 0),
            ("pause", odds.pause if self._pauses < odds.pauses else 0),
            ("lost call", odds.lost_call),
            ("lost answer", odds.lost_answer),
            ("undone", odds.undone if "undone" in also else 0),
            ("late", odds.late if "late" in also else 0),
            ("delay", odds.delay),
            ("black hole", odds.black_hole if "black hole" in also else 0),
            ("twice", odds.twice if "twice" in also else 0),
            ("refused", odds.refused if "refused" in also else 0),
        ]

    def _note(self, call: str, kind: Kind) -> None:
        self.on_fault(call, kind)
        self._crashes += kind in ENDS
        self._pauses += kind == "pause"
        self.injected.append(f"{format_duration(self._loop.now)} {call}: {kind}")


def faulty(
    port: P,
    name: str,
    faults: Faults,
    life: Incarnation,
    *,
    lost: Callable[[str], Exception],
    spared: Collection[str] = (),
    remote: bool = False,
) -> P:
    """`port` for one incarnation, with faults in every async method except `spared` (those never fail, but die with it).

    `lost(call)` is what the caller gets when a call or its answer is lost. `remote`: the effect goes on in the world
    outside when its caller crashed or gave up; otherwise it stops with the caller, as a function in the process would.
    Methods that do not await raise Frozen after the crash; attributes are passed through.
    """
    return cast("P", _Faulty(port, name, faults, life, lost, frozenset(spared), remote))


class _Faulty:
    def __init__(
        self,
        port: object,
        name: str,
        faults: Faults,
        life: Incarnation,
        lost: Callable[[str], Exception],
        spared: frozenset[str],
        remote: bool,
    ) -> None:
        self._port, self._name, self._faults, self._life = port, name, faults, life
        self._lost, self._spared, self._remote = lost, spared, remote

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._port, attribute)
        if inspect.iscoroutinefunction(found):
            return functools.partial(self._call, f"{self._name}.{attribute}", attribute in self._spared, found)
        if callable(found):
            return functools.partial(self._call_now, found)
        return found

    def _call_now(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._life.alive_or_raise()
        return method(*args, **kwargs)

    async def _call(
        self, call: str, spared: bool, method: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any
    ) -> Any:
        await self._life.alive_or_never()
        kind: Kind = "none" if spared else await self._faults.before(self._life, call)
        if kind == "lost call":
            raise self._lost(call)
        if kind == "delay":
            await asyncio.sleep(self._faults.delay() / SECOND)
        answer = await self._effect(call, method(*args, **kwargs))
        if kind == "lost answer":
            raise self._lost(call)
        await self._faults.after(self._life, kind)
        return answer

    async def _effect(self, call: str, effect: Awaitable[Any]) -> Any:
        return await (land(effect, call) if self._remote else effect)


def land_later(effect: Awaitable[T], name: str) -> None:
    """Have `effect` in the world outside, and let nobody hear of it. The loop keeps the task."""
    landing = asyncio.get_running_loop().create_task(_await(effect), name=name, context=Context())
    landing.add_done_callback(_heard, context=Context())


async def land(effect: Awaitable[T], name: str) -> T:
    """Have `effect` in the world outside: it goes on when its caller crashes or gives up."""
    landing = asyncio.get_running_loop().create_task(_await(effect), name=name, context=Context())
    landing.add_done_callback(_heard, context=Context())
    return await asyncio.shield(landing)


async def _await(effect: Awaitable[T]) -> T:
    return await effect


def _heard(landing: asyncio.Task[Any]) -> None:
    """A call whose caller is gone fails unheard, as it would at a real server."""
    if not landing.cancelled():
        landing.exception()
