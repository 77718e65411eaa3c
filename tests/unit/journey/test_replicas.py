"""Several healers on one store: one steps, the others know the same, and one of them goes on when that one is gone."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import pytest

from healer.assembly import Healer
from healer.assembly.ports import Plan, Ports
from healer.journey.charter import RuleText
from healer.journey.ports import Arrival, Overtaken, StoreUnavailable
from healer.journey.records import Answer
from healer.journey.tenure import LEASE, LOOK_S, Tenure
from healer.locks.local import LocalLocks
from healer.seams import Supervisor
from healer.store.inline import InlineRun
from healer.store.store import Store
from healer.telemetry.metrics import Registry
from healer.times import SECOND
from healer.topology.graph import decode
from healer.topology.patch import patched
from rules import Query
from tests.simulation.world import SimRandom
from tests.unit.journey.owning import Disk, Stage, staged
from tests.unit.journey.world import DECIDING, RULES, TREE, changed, ends, fires

SOON = 4 * LOOK_S
AFTER_DEATH = LEASE / SECOND + SOON


class Nobody:
    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        return [Answer(query.key, None, 0, "no data") for query in queries]


class Replica:
    """One of them, with nobody to tell and nothing to touch."""

    def __init__(self, stage: Stage, name: str, **changes: Any) -> None:
        self.disk = Disk()
        self.spawn = Supervisor()
        self.store = Store(InlineRun(stage.memory, stage.clock, self.disk, shared=True), "here", name=name)
        self.tenure = Tenure(self.store, stage.clock, name, f"http://{name}")
        ports = Ports(
            clock=stage.clock,
            random=SimRandom(1, name),
            spawn=self.spawn,
            store=self.store,
            locks=LocalLocks(),
            targets={},
            senders={},
            asker=Nobody(),
            tenure=self.tenure,
        )
        deciding = changed(**changes).settings if changes else DECIDING
        self.healer = Healer(Plan(deciding, TREE, (RuleText("mine.heal", RULES),)), ports, Registry())
        self.owner = self.healer.owner

    async def accepts(self, *who: str, over: bool = False) -> None:
        await self.store.append([Arrival((ends if over else fires)(*who))])

    async def dies(self) -> None:
        """kill -9: nothing of it runs any more, and nobody hears of that."""
        self.store.on_append(lambda _: None)
        await self.spawn.stop(1)

    def firing(self) -> int:
        return self.owner.fold.engine.firing


async def two(stage: Stage, **changes: Any) -> tuple[Replica, Replica]:
    """Both up: the first converges."""
    one, other = Replica(stage, "one"), Replica(stage, "other", **changes)
    await one.healer.start()
    await other.healer.start()
    return one, other


def both(play: Callable[[Stage, Replica, Replica], Coroutine[Any, Any, None]]) -> None:
    """Played to its end, with whoever is left stopped."""

    async def played(stage: Stage) -> None:
        one, other = await two(stage)
        await play(stage, one, other)
        for replica in (one, other):
            await replica.healer.stop(5)

    staged(played)


def same(one: Replica, other: Replica) -> None:
    """They know the same, to the byte, and came to it by the same steps."""
    assert other.owner.fold.dump() == one.owner.fold.dump()
    assert (other.owner.applied, other.owner.mismatches) == (one.owner.applied, 0)


def nodes(replica: Replica) -> set[str]:
    """Of the topology by which it decides."""
    fold = replica.owner.fold
    return {node.id for node in patched(decode(fold.charter.topology), fold.ground.changed.patch()).nodes}


def test_one_converges_and_the_other_knows_the_same() -> None:
    """Whatever either accepts, one decides; the other is ready, follows every step, and decides nothing."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        assert [replica.owner.leads for replica in (one, other)] == [True, False]
        assert other.healer.view.ready() == (True, "")
        for turn in range(5):
            await (one, other)[turn % 2].accepts(f"Odd@host/{'ab'[turn % 2]}")
            await asyncio.sleep(1.5)
        await other.healer.view.settled()
        same(one, other)
        assert (other.firing(), other.owner.steps, other.owner.lag, one.owner.lag) == (2, 0, 0, 0)

    both(play)


def test_who_asks_the_follower_hears_of_what_it_just_accepted() -> None:
    """A reader waits until the one that converges has decided, as at that one."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        await other.accepts("Odd@host/a")
        assert other.owner.lag == 1
        await other.healer.view.settled()
        assert other.firing() == 1

    both(play)


def test_each_says_who_converges() -> None:
    """By name and address, with the epoch."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        await asyncio.sleep(SOON)
        mine, theirs = one.tenure.known(), other.tenure.known()
        assert (mine.mine, mine.owner, mine.url, mine.epoch) == (True, "one", "http://one", 1)
        assert (theirs.mine, theirs.owner, theirs.url, theirs.epoch) == (False, "one", "http://one", 1)

    both(play)


def test_the_other_goes_on_when_one_dies() -> None:
    """When the term is over it knows what was decided, decides what was only accepted, and adopts nothing anew."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        await one.accepts("SwitchDown@switch/s")
        await asyncio.sleep(20)
        await one.dies()
        await other.accepts("Odd@host/a", "Odd@host/b")
        position = other.owner.accepted
        await asyncio.sleep(AFTER_DEATH)
        assert other.owner.leads
        await other.healer.view.settled()
        assert (other.owner.applied, other.firing(), other.tenure.known().epoch) == (position, 3, 2)
        marks = await other.store.steps(0, 1_000)
        assert [mark.number for mark in marks] == list(range(1, len(marks) + 1))

    both(play)


def test_a_stop_hands_over_at_once() -> None:
    """Nobody waits for the end of a term of one who left in peace; what it knew is kept."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        await one.accepts("SwitchDown@switch/s")
        await asyncio.sleep(5)
        before = one.owner.applied
        await one.healer.stop(5)
        await asyncio.sleep(SOON)
        assert other.owner.leads
        assert other.owner.applied == before
        assert other.firing() == 1

    both(play)


def test_one_that_stood_still_follows_when_it_wakes() -> None:
    """It finds that another converges before it writes anything, throws its memory away, and knows what was decided meanwhile."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        for what in ("commit", "renew", "read", "term", "head"):
            one.disk.gates[f"before {what}"] = asyncio.Event()
        await one.store.append([Arrival(fires("Odd@host/a"))])
        await asyncio.sleep(AFTER_DEATH)
        assert other.owner.leads
        assert one.tenure.doubt(), "it cannot be sure any more, and does not touch anything"
        await other.accepts("Odd@host/b")
        await asyncio.sleep(1)
        for gate in one.disk.gates.values():
            gate.set()
        await asyncio.sleep(5)
        assert [replica.owner.leads for replica in (one, other)] == [False, True]
        assert one.healer.view.ready() == (True, "")
        same(other, one)
        await other.dies()
        await asyncio.sleep(AFTER_DEATH)
        assert one.owner.leads
        assert one.firing() == 2

    both(play)


def test_effects_of_an_older_epoch_are_refused() -> None:
    """T3 and T4 of one who was overtaken write nothing, however late it hears of it."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        await one.dies()
        await asyncio.sleep(AFTER_DEATH)
        assert other.owner.leads
        with pytest.raises(Overtaken, match="this is epoch 1, the store is at 2"):
            await one.store.begin_probe("any", now=stage.clock.now())
        assert await other.store.begin_probe("any", now=stage.clock.now()) is None

    both(play)


def test_an_outage_of_the_store_ends_no_term_by_itself() -> None:
    """Where nobody can write nobody takes over; afterwards the one that converged goes on, in its epoch."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        for replica in (one, other):
            for what in ("renew", "term", "head", "stand_in"):
                replica.disk.faults[f"before {what}"].extend(StoreUnavailable("the server is away") for _ in range(3))
        for what in ("read", "steps", "version"):
            other.disk.faults[f"before {what}"].extend(StoreUnavailable("the server is away") for _ in range(3))
        await one.accepts("Odd@host/a")
        await one.accepts("Odd@host/b")
        await asyncio.sleep(60)
        assert sum(replica.owner.leads for replica in (one, other)) == 1
        await other.healer.view.settled()
        same(one, other)
        assert one.spawn.failures == other.spawn.failures == {}

    both(play)


def test_the_files_of_who_converges_decide() -> None:
    """Another replica's files become a record when that one takes over, and not before."""

    async def play(stage: Stage) -> None:
        one, other = await two(stage, settle=7 * SECOND)
        await asyncio.sleep(1)
        assert other.owner.fold.charter.adopted == one.owner.fold.charter.adopted
        await one.healer.stop(5)
        await asyncio.sleep(SOON)
        assert other.owner.fold.charter.settings.convergence.settle == 7 * SECOND
        await other.healer.stop(5)

    staged(play)


def test_one_that_was_restarted_claims_its_own_term() -> None:
    """Under one name there is only one process: it need not wait for the end of what it held itself."""

    async def play(stage: Stage) -> None:
        one = Replica(stage, "one")
        await one.healer.start()
        await one.dies()
        again, began = Replica(stage, "one"), stage.clock.now()
        await again.healer.start()
        assert again.owner.leads
        assert stage.clock.now() - began < LEASE
        assert again.tenure.known().epoch == 2
        await again.healer.stop(5)

    staged(play)


def test_a_reload_of_one_that_follows_counts_when_it_takes_over() -> None:
    """Until then the files of the one that converges decide."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        before, changes = one.owner.fold.charter.adopted, changed(settle=7 * SECOND).settings
        plan = msgspec.structs.replace(other.healer.plan, deciding=changes)
        assert not await other.healer.take(plan, other.healer.ports)
        await asyncio.sleep(5)
        assert one.owner.fold.charter.adopted == other.owner.fold.charter.adopted == before
        await one.healer.stop(5)
        await asyncio.sleep(SOON)
        assert other.owner.fold.charter.settings.convergence.settle == 7 * SECOND

    both(play)


def test_who_converges_again_goes_on_by_the_topology_of_who_did_meanwhile() -> None:
    """A graph that was put at another replica is merged still, and is not taken back."""

    async def play(stage: Stage, one: Replica, other: Replica) -> None:
        one.disk.gates["before renew"] = one.disk.gates["before commit"] = asyncio.Event()
        await one.accepts("Odd@host/a")
        await asyncio.sleep(AFTER_DEATH)
        assert other.owner.leads
        one.disk.gates["before commit"].set()
        view = await other.healer.desk.put(b'{"nodes": [{"id": "host/new"}], "links": []}')
        assert view.state == "good"
        await asyncio.sleep(5)
        await other.dies()
        await asyncio.sleep(AFTER_DEATH + 5)
        assert one.owner.leads
        assert {"host/new", "host/a"} <= nodes(one)
        await one.healer.desk.put(b'{"nodes": [{"id": "host/newer"}], "links": []}')
        await asyncio.sleep(5)
        assert {"host/newer", "host/a"} <= nodes(one)
        assert "host/new" not in nodes(one), "it went with the graph that it was in"

    both(play)
