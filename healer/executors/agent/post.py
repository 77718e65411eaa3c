"""What waits for one agent, what it has in hand, and what it said of it. Used by `healer.executors.agent.target` and the door.

A post stays while its agent comes and goes: an order that was given the go is waited for over a cut, one that was not is known
to have had no effect as soon as the line is cut.
"""

import asyncio
import itertools
from collections.abc import Callable

import msgspec

from healer.executors.agent.turns import Turn, next_turn
from healer.executors.agent.wire import BEAT, MISSED, Beat, Go, Heard, Pull, Ready, Report, Task, ToAgent, Verb
from healer.executors.conversation import Cut
from healer.executors.target import Order
from healer.seams import Clock
from healer.times import Micros

LOOKS = 8
"""Looks and probes that an agent has in hand at once."""
WAITING = 1_000
"""Orders that wait for one agent; more are refused."""
SILENT: Micros = BEAT * MISSED


class Errand:
    """One order on its way through an agent."""

    def __init__(self, id: str, verb: Verb, order: Order, turn: Turn) -> None:
        self.id = id
        self.verb: Verb = verb
        self.order = order
        self.turn = turn
        self.handed = asyncio.Event()
        self.gone = False
        """The go was said: from here on only the agent's word, or a probe, tells what became of it."""
        self.over = False
        """The agent's last word on it was heard."""
        self._heard: asyncio.Queue[Ready | Report | Cut] = asyncio.Queue()

    def hear(self, said: Ready | Report | Cut) -> None:
        self.over = self.over or not isinstance(said, Ready)
        self._heard.put_nowait(said)

    async def next(self, within_s: float) -> Ready | Report:
        """What the agent says next. Raises Cut."""
        try:
            async with asyncio.timeout(within_s):
                said = await self._heard.get()
        except TimeoutError:
            raise Cut(f"its agent did not answer within {within_s:g} s") from None
        if isinstance(said, Cut):
            raise said
        return said


class Line:
    """A connection that the agent holds. What is said goes out in this order; `until` is when its token ends."""

    def __init__(self, say: Callable[[ToAgent], None], hang_up: Callable[[str], None], until: Micros) -> None:
        self.say = say
        self.hang_up = hang_up
        self.until = until
        self.machine = ""
        self.version = ""


class Post:
    """One agent's. `ids` makes names of errands that no other healer uses."""

    def __init__(self, name: str, clock: Clock, ids: Callable[[], str]) -> None:
        self.name = name
        self.line: Line | None = None
        self.beat = Beat(0.0, 0)
        self.heard_at = clock.monotonic()
        """When it was last heard, or, of one that was not yet, when it began to be waited for; monotonic."""
        self.version = ""
        self._clock = clock
        self._ids = ids
        self._numbers = itertools.count()
        self._room = 0
        self._errands: dict[str, Errand] = {}
        self._waiting: dict[int, Errand] = {}

    @property
    def silent_for(self) -> Micros:
        return max(0, self._clock.monotonic() - self.heard_at)

    @property
    def active(self) -> bool:
        """Whether it beat lately. One that did not gets nothing."""
        return self.line is not None and self.silent_for <= SILENT

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    # --- for the target

    def open(self, verb: Verb, order: Order) -> Errand:
        """An errand in the queue. Close it, whatever becomes of it. Raises OverflowError above the limit."""
        if len(self._waiting) >= WAITING:
            raise OverflowError(f"{WAITING} orders wait for {self.name} already")
        turn = Turn(next(self._numbers), order.priority, self._clock.monotonic())
        errand = Errand(self._ids(), verb, order, turn)
        self._errands[errand.id] = self._waiting[turn.number] = errand
        self._hand_out()
        return errand

    def go(self, errand: Errand) -> bool:
        """Say that it may start. False where nobody is there to hear: then nothing starts."""
        if self.line is None or errand.over:
            return False
        self.line.say(Go(errand.id, True))
        errand.gone = True
        return True

    def close(self, errand: Errand) -> None:
        """Nobody waits for it any more; without a go it never starts."""
        self._errands.pop(errand.id, None)
        self._waiting.pop(errand.turn.number, None)
        if (
            errand.verb == "run"
            and errand.handed.is_set()
            and not (errand.gone or errand.over)
            and self.line is not None
        ):
            self.line.say(Go(errand.id, False))

    # --- for the door

    def take_up(self, line: Line) -> None:
        """The agent dialled. A line that it had before is an old one."""
        if self.line is not None:
            self.hung_up(self.line)
        self.line, self._room = line, 0
        self.heard_at = self._clock.monotonic()
        self.version = line.version

    def hung_up(self, line: Line) -> None:
        """The line is cut. What had no go yet has no effect."""
        if self.line is not line:
            return
        self.line, self._room = None, 0
        for errand in list(self._errands.values()):
            if errand.handed.is_set() and not errand.gone:
                errand.hear(Cut(f"the line to {self.name} was cut"))

    def hear(self, said: Beat | Pull | Ready | Report) -> bool:
        """What the agent says. False for the report of an errand that nobody waits for."""
        self.heard_at = self._clock.monotonic()
        match said:
            case Beat():
                self.beat = said
            case Pull():
                self._room = min(self._room + max(0, said.room), WAITING)
            case Ready():
                if (errand := self._errands.get(said.id)) is not None:
                    errand.hear(said)
                elif self.line is not None:
                    self.line.say(Go(said.id, False))
            case Report():
                if self.line is not None:
                    self.line.say(Heard(said.id))
                if (errand := self._errands.get(said.id)) is None:
                    return False
                errand.hear(said)
        self._hand_out()
        return True

    def _hand_out(self) -> None:
        """As much as the agent has room for; what only looks does not wait behind what acts."""
        while self.active and (errand := self._next()) is not None:
            assert self.line is not None, "an active one has a line"
            del self._waiting[errand.turn.number]
            self._room -= errand.verb == "run"
            errand.handed.set()
            self.line.say(Task(errand.id, errand.verb, errand.order))

    def _next(self) -> Errand | None:
        runs = [errand.turn for errand in self._waiting.values() if errand.verb == "run"] if self._room > 0 else []
        looking = sum(each.verb != "run" and each.handed.is_set() for each in self._errands.values())
        looks = [each.turn for each in self._waiting.values() if each.verb != "run"] if looking < LOOKS else []
        now = self._clock.monotonic()
        turn = next_turn(looks, now) or next_turn(runs, now)
        return self._waiting[turn.number] if turn is not None else None


class Standing(msgspec.Struct, frozen=True):
    """How an agent is doing, for people. Durations are microseconds."""

    name: str
    active: bool
    silent_for: Micros
    waiting: int
    beat: Beat
    version: str
    expires_at: Micros
