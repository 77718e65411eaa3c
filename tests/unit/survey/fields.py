"""Sources that say what a test tells them, and a survey of them on a store in memory, in virtual time."""

from collections.abc import Callable, Coroutine
from typing import Any

from healer.assembly import Healer
from healer.assembly.ports import Plan, Ports
from healer.journey.charter import Deciding, RuleText
from healer.journey.records import Adopted, Record, Rewired, Troubled, decode
from healer.locks.local import LocalLocks
from healer.seams import Supervisor
from healer.store.inline import InlineRun
from healer.store.store import Store
from healer.survey.standing import Terms
from healer.telemetry.metrics import Registry
from healer.times import MINUTE, SECOND, Micros
from healer.topology.graph import Node, Topology, topology
from healer.topology.source import Unreadable
from tests.simulation.world import SimRandom
from tests.unit.journey.owning import Disk, Stage, staged
from tests.unit.journey.test_assembly import Silent
from tests.unit.journey.world import DECIDING, RULES

TERMS = Terms(shrink=0.3, confirm=10 * MINUTE, trouble_after=5 * MINUTE, linger=2 * MINUTE)


def rack(*hosts: str, of: str = "r") -> Topology:
    """A rack above hosts."""
    return topology(
        [Node(f"rack/{of}"), *(Node(f"host/{host}") for host in hosts)],
        [(f"rack/{of}", f"host/{host}") for host in hosts],
    )


def wide(size: int, of: str = "r") -> Topology:
    """A rack above so many hosts."""
    return rack(*(f"{of}{number:03d}" for number in range(size)), of=of)


class Said:
    """A source that says `graph`, or fails with `error`."""

    def __init__(self, name: str, graph: Topology | None = None, every: Micros = 10 * SECOND) -> None:
        self.name = name
        self.every = every
        self.graph = graph
        self.error = "" if graph is not None else "it is not there"
        self.asked = 0

    async def look(self) -> Topology | None:
        self.asked += 1
        if self.error:
            raise Unreadable(self.error)
        return self.graph


class Life:
    """A healer whose topology comes from these sources."""

    def __init__(
        self,
        stage: Stage,
        *sources: Said,
        file: Topology | None = None,
        terms: Terms = TERMS,
        deciding: Deciding = DECIDING,
    ) -> None:
        self.disk = Disk()
        self.stage = stage
        self.spawn = Supervisor()
        self.store = Store(InlineRun(stage.memory, stage.clock, self.disk), stage.memory.installation)
        ports = Ports(
            clock=stage.clock,
            random=SimRandom(1, "survey"),
            spawn=self.spawn,
            store=self.store,
            locks=LocalLocks(),
            targets={},
            senders={},
            asker=Silent(),
            sources=sources,
        )
        names = [("file", "file")] if file is not None else []
        plan = Plan(
            deciding,
            file or Topology(),
            (RuleText("mine.heal", RULES),),
            sources=(*names, *((source.name, "http") for source in sources)),
            terms=terms,
        )
        self.healer = Healer(plan, ports, Registry())

    async def __aenter__(self) -> "Life":
        await self.healer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.healer.stop(5)
        assert self.spawn.failures == {}

    @property
    def edges(self) -> set[tuple[str, str]]:
        """The edges by which the engine decides now."""
        index = self.healer.owner.fold.map.index
        return {(index.name(parent), index.name(node)) for node in range(len(index)) for parent in index.parents(node)}

    async def records(self) -> list[Record]:
        """What the journal says of the topology and of its troubles."""
        rows = await self.store.read(0, 10_000)
        return [one for row in rows if isinstance(one := decode(row.data), Adopted | Rewired | Troubled)]

    async def troubles(self) -> list[tuple[str, bool]]:
        return [(one.code, one.firing) for one in await self.records() if isinstance(one, Troubled)]


def played(play: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    staged(play)


__all__ = ["Life", "Said", "Stage", "played", "rack", "wide"]
