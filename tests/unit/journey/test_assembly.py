"""The rooms as one service, on a database in memory: what goes on when the owner's memory is thrown away, and how it ends."""

import asyncio
from collections.abc import Sequence

from healer.assembly import Healer
from healer.assembly.ports import Plan, Ports
from healer.journey.charter import RuleText
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Answer
from healer.locks.local import LocalLocks
from healer.seams import Supervisor
from healer.store.inline import InlineRun
from healer.store.store import Store
from healer.telemetry.metrics import Registry
from rules import Query
from tests.simulation.world import SimRandom
from tests.unit.journey.owning import Disk, Stage, staged
from tests.unit.journey.world import DECIDING, RULES, TREE, fires


class Silent:
    """A Prometheus that has no sample of anything, and remembers for whom it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        self.asked.append(labels)
        return [Answer(query.key, None, 0, "no data") for query in queries]


class Service:
    """A healer with nobody to tell and nothing to touch."""

    def __init__(self, stage: Stage) -> None:
        self.disk = Disk()
        self.prometheus = Silent()
        self.spawn = Supervisor()
        self.store = Store(InlineRun(stage.memory, stage.clock, self.disk), stage.memory.installation)
        ports = Ports(
            clock=stage.clock,
            random=SimRandom(1, "service"),
            spawn=self.spawn,
            store=self.store,
            locks=LocalLocks(),
            targets={},
            senders={},
            asker=self.prometheus,
        )
        self.healer = Healer(Plan(DECIDING, TREE, (RuleText("mine.heal", RULES),)), ports, Registry())

    async def accepts(self, *who: str) -> None:
        await self.store.append([Arrival(fires(*who))])


def test_questions_are_those_of_the_memory_that_decides_now() -> None:
    """After memory was thrown away and recovered, what is asked for is what the new one needs."""

    async def play(stage: Stage) -> None:
        service = Service(stage)
        await service.healer.start()
        await service.accepts("Hot@host/a")
        await asyncio.sleep(10)
        assert [b"host/a" in one for one in service.prometheus.asked] == [True]
        service.disk.faults["before commit"].append(RuntimeError("a defect"))
        await service.accepts("Hot@host/b")
        await asyncio.sleep(20)
        assert service.spawn.failures == {"owner": 1}
        assert not service.healer.owner.lost
        assert any(b"host/b" in one for one in service.prometheus.asked)
        await service.healer.stop(5)

    staged(play)


def test_a_store_that_fails_in_the_middle_of_recovering_is_tried_again_until_it_works() -> None:
    """In the end everything accepted is decided, and healer says that it is ready."""

    async def play(stage: Stage) -> None:
        service = Service(stage)
        await service.healer.start()
        service.disk.faults["before commit"].append(RuntimeError("a defect"))
        for call in ("take_over", "read", "steps", "snapshot"):
            service.disk.faults[f"before {call}"].append(StoreUnavailable(f"{call}: the disk is away"))
        await service.accepts("Hot@host/b")
        await asyncio.sleep(60)
        await service.healer.view.settled()
        assert service.healer.view.ready() == (True, "")
        assert service.healer.view.alert_count() == 1
        await service.healer.stop(5)

    staged(play)


def test_at_its_end_a_snapshot_makes_the_next_start_short() -> None:
    """The next one reads no record of the journal."""

    async def play(stage: Stage) -> None:
        service = Service(stage)
        await service.healer.start()
        await service.accepts("Hot@host/b")
        await asyncio.sleep(10)
        await service.healer.stop(5)
        (kept,) = stage.execute("SELECT applied FROM snapshot")
        assert kept[0] == service.healer.owner.applied

    staged(play)


def test_a_memory_that_is_ahead_of_the_store_is_never_kept() -> None:
    """Stopped while a step was being written, it leaves no snapshot: the next start folds the journal."""

    async def play(stage: Stage) -> None:
        service = Service(stage)
        await service.healer.start()
        service.disk.gates["before commit"] = asyncio.Event()
        await service.accepts("Hot@host/b")
        await asyncio.sleep(1)
        await service.healer.stop(5)
        assert stage.execute("SELECT applied FROM snapshot") == []

    staged(play)
