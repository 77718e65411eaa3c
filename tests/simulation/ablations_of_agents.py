"""Safeguards of agents taken away, one at a time: what their scenario must then be seen to break.

Like `tests.simulation.ablations`: each is what a hurried person might write, at most five lines.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from healer.agent import work
from healer.agent.journal import Journal, _name
from healer.agent.work import Worker
from healer.executors.agent import turns
from healer.executors.agent.post import Post
from healer.executors.agent.turns import Turn
from healer.executors.agent.wire import Report, Task
from healer.executors.register import Attempt, Register
from healer.executors.target import Order, Result
from healer.times import MINUTE, Micros
from tests.simulation import ablation
from tests.simulation.ablations_of_effects import no_token_compared
from tests.simulation.agents.kept import SyncedRegister
from tests.simulation.taken_away import nothing, without

SCENARIO = "agents"


@ablation("an agent compares no token", promise="E2", scenario=SCENARIO)
@contextmanager
def agent_compares_no_token() -> Iterator[None]:
    """The machine of an agent obeys whoever asks, however old the token."""
    with no_token_compared():
        yield


@ablation("an agent keeps results in memory", promise="heard", scenario=SCENARIO)
@contextmanager
def results_in_memory() -> Iterator[None]:
    """How a task ended is not written down: only the process knows what healer has not heard."""

    def end(self: Journal, report: Report) -> None:
        self._tasks.drop(_name(report.id))

    with without(Journal, "end", end):
        yield


@ablation("an agent begins anew", promise="heard", scenario=SCENARIO)
@contextmanager
def begins_anew() -> Iterator[None]:
    """An agent that was killed does not ask what became of what it was about."""
    with without(Worker, "recover", nothing):
        yield


@ablation("a register is not synced", promise="E1", scenario=SCENARIO)
@contextmanager
def register_not_synced() -> Iterator[None]:
    """When the power goes, a machine forgets what was accepted there and what ran."""
    with without(SyncedRegister, "sync", nothing):
        yield


@ablation("an agent takes whatever it is given", promise="places", scenario=SCENARIO)
@contextmanager
def more_than_three() -> Iterator[None]:
    """Neither side counts the places: what waits is handed out, and begun, at once."""
    next_one = Post._next

    def roomy(self: Post) -> object:
        self._room = 100
        return next_one(self)

    with patch.object(work, "ROOM", 100), without(Post, "_next", roomy):
        yield


@ablation("an old go is honoured", promise="E4", scenario=SCENARIO)
@contextmanager
def old_go() -> Iterator[None]:
    """What an agent was to begin waits for its go for a minute, and begins when that comes."""
    admit = Register.admit

    def patient(self: Register, order: Order, now: Micros) -> Attempt | Result:
        with patch("healer.executors.register.GO_WAIT", MINUTE), patch.object(work, "GO_S", MINUTE):
            return admit(self, order, now)

    with without(Register, "admit", patient):
        yield


@ablation("no aging", promise="turns", scenario=SCENARIO)
@contextmanager
def no_aging() -> Iterator[None]:
    """However long an order waits for its agent, a more urgent one goes first."""

    def aged(turn: Turn, now: Micros) -> int:
        return turn.priority

    with without(turns, "_aged", aged):
        yield


@ablation("an agent looks for no file", promise="E4", scenario=SCENARIO)
@contextmanager
def file_not_looked_for() -> Iterator[None]:
    """What healer says go to begins, whatever file is on the machine."""

    take = Worker._take

    def blind(self: Worker, task: Task) -> None:
        self._halted = lambda: ""
        take(self, task)

    with without(Worker, "_take", blind):
        yield
