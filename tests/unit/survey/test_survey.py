"""What sources say becomes the topology by which alerts are judged: merged, guarded, kept, recorded."""

import asyncio

from healer.journey.ports import StoreUnavailable
from healer.journey.records import Adopted, Rewired
from healer.topology.settings import PUT
from tests.unit.survey.fields import Life, Said, Stage, played, rack, wide


def test_what_sources_say_is_one_graph_within_a_second_or_two() -> None:
    """An edge that appears is decided by soon after its source was looked at; the journal gets the difference alone."""

    async def play(stage: Stage) -> None:
        one, two = Said("cmdb", rack("a")), Said("cluster", rack("b"))
        async with Life(stage, one, two) as life:
            await asyncio.sleep(5)
            assert life.edges == {("rack/r", "host/a"), ("rack/r", "host/b")}
            one.graph = rack("a", "c")
            await asyncio.sleep(12)
            assert life.edges == {("rack/r", "host/a"), ("rack/r", "host/b"), ("rack/r", "host/c")}
            last = (await life.records())[-1]
            assert isinstance(last, Rewired)
            assert [node.id for node in last.patch.nodes] == ["host/c"]
            assert last.patch.edges == (("rack/r", "host/c"),)

    played(play)


def test_the_same_answer_is_no_record() -> None:
    """However often a source is asked, nothing is written while nothing changes."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", rack("a"))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            before = len(await life.records())
            await asyncio.sleep(300)
            assert source.asked > 25
            assert len(await life.records()) == before
            assert life.healer.gathering.standings["cmdb"].answer is not None

    played(play)


def test_changes_are_applied_at_most_once_a_second() -> None:
    """A source that changes all the time makes one record a second, each with all that changed."""

    async def play(stage: Stage) -> None:
        source = Said("cluster", rack("a"), every=10_000)

        async def change() -> None:
            for number in range(500):
                source.graph = rack("a", f"h{number}")
                await asyncio.sleep(0.01)

        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            before = len(await life.records())
            await change()
            assert len(await life.records()) - before <= 6

    played(play)


def test_a_source_that_fails_keeps_what_it_said() -> None:
    """It is told after a while, once, and its end is told too; what it said last stays meanwhile."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", rack("a"))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            source.error = "refused"
            await asyncio.sleep(200)
            assert await life.troubles() == []
            await asyncio.sleep(200)
            assert await life.troubles() == [("topology cmdb", True)]
            assert life.edges == {("rack/r", "host/a")}
            source.error = ""
            await asyncio.sleep(20)
            assert await life.troubles() == [("topology cmdb", True), ("topology cmdb", False)]

    played(play)


def test_a_restart_while_a_source_fails_takes_nothing_away() -> None:
    """The next process knows what the source said to the one before; so does one after kill -9 and without the journal's end."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", rack("a"))
        async with Life(stage, source, file=rack("x", of="f")):
            await asyncio.sleep(5)
        source.error = "refused"
        async with Life(stage, source, file=rack("x", of="f")) as life:
            assert life.edges == {("rack/r", "host/a"), ("rack/f", "host/x")}
            await asyncio.sleep(60)
            assert life.edges == {("rack/r", "host/a"), ("rack/f", "host/x")}
            assert [one.source for one in life.healer.gathering.answers()] == ["file", "cmdb"]

    played(play)


def test_a_restart_says_nothing_new() -> None:
    """When every source says what it said before, the journal gets no topology from a restart."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", rack("a"))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            source.graph = rack("a", "b")
            await asyncio.sleep(15)
            before = len(await life.records())
        async with Life(stage, source) as life:
            await asyncio.sleep(60)
            assert len(await life.records()) == before
            assert life.edges == {("rack/r", "host/a"), ("rack/r", "host/b")}

    played(play)


def test_a_graph_that_shrank_is_refused_until_the_second_look() -> None:
    """Half of the hosts vanish at once: nothing changes, it is told; ten minutes later it is believed."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", wide(100))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            source.graph = wide(40)
            await asyncio.sleep(30)
            assert len(life.edges) == 100
            assert await life.troubles() == [("topology cmdb", True)]
            refusal = life.healer.gathering.standings["cmdb"].refusal
            assert refusal is not None
            assert "60 of 101 nodes and 60 of 100 edges would go at once" in refusal.why
            await asyncio.sleep(800)
            assert len(life.edges) == 40
            assert await life.troubles() == [("topology cmdb", True), ("topology cmdb", False)]

    played(play)


def test_a_graph_that_comes_back_was_never_believed_to_be_gone() -> None:
    """The next good answer ends the doubt, and the time of the second look begins anew."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", wide(100))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            for _ in range(3):
                source.graph = wide(40)
                await asyncio.sleep(400)
                source.graph = wide(100)
                await asyncio.sleep(20)
            assert len(life.edges) == 100
            assert await life.troubles() == [("topology cmdb", True), ("topology cmdb", False)] * 3

    played(play)


def test_a_person_may_say_that_it_is_right() -> None:
    """What was refused is believed at once when somebody accepts it; only what is refused can be accepted."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", wide(100))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            assert not await life.healer.gathering.accept("cmdb")
            source.graph = wide(40)
            await asyncio.sleep(30)
            assert await life.healer.gathering.accept("cmdb")
            await asyncio.sleep(150)
            assert len(life.edges) == 40

    played(play)


def test_a_shrunk_file_is_refused_over_a_restart() -> None:
    """A template that went wrong between two starts takes no graph away."""

    async def play(stage: Stage) -> None:
        async with Life(stage, file=wide(100)):
            pass
        async with Life(stage, file=wide(10)) as life:
            assert len(life.edges) == 100
            await life.healer.gathering.accept("file")
            await asyncio.sleep(150)
            assert len(life.edges) == 10

    played(play)


def test_what_is_put_replaces_what_was_put_and_survives() -> None:
    """A PUT is a source like the others: it is merged, guarded, and there after a restart."""

    async def play(stage: Stage) -> None:
        async with Life(stage, file=rack("x", of="f")) as life:
            assert await life.healer.gathering.put(wide(50).encode())
            await asyncio.sleep(3)
            assert len(life.edges) == 51
            assert not await life.healer.gathering.put(wide(5).encode())
            assert await life.healer.gathering.put(wide(5).encode(), force=True)
            await asyncio.sleep(150)
            assert len(life.edges) == 6
        async with Life(stage, file=rack("x", of="f")) as life:
            assert len(life.edges) == 6
            assert life.healer.gathering.standings[PUT].nodes == 6

    played(play)


def test_a_node_that_left_is_known_for_a_while() -> None:
    """Its alerts still come, and want their cause: node and edges stay for `window + settle`, and then go."""

    async def play(stage: Stage) -> None:
        source = Said("cluster", rack("a", "b"))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            source.graph = rack("a")
            await asyncio.sleep(60)
            assert ("rack/r", "host/b") in life.edges
            await asyncio.sleep(120)
            assert life.edges == {("rack/r", "host/a")}

    played(play)


def test_an_edge_that_moved_is_gone_at_once() -> None:
    """A host in another rack is no longer below the old one."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", rack("a", "b"))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            moved = rack("a")
            source.graph = type(moved)((*rack("a", "b").nodes,), moved.edges)
            await asyncio.sleep(15)
            assert life.edges == {("rack/r", "host/a")}

    played(play)


def test_a_large_change_is_a_topology_of_its_own() -> None:
    """What would be applied in one go is adopted whole; what comes after it is small again."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", wide(20))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            source.graph = wide(900)
            await asyncio.sleep(60)
            assert len(life.edges) == 900
            assert isinstance((await life.records())[-1], Adopted)

    played(play)


def test_a_change_that_could_not_be_stored_is_stored_later() -> None:
    """The store is away for a moment: the change is not lost."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", rack("a"))
        async with Life(stage, source) as life:
            await asyncio.sleep(5)
            source.graph = rack("a", "b")
            life.disk.faults["before append"].append(StoreUnavailable("append: the disk is away"))
            await asyncio.sleep(90)
            assert life.edges == {("rack/r", "host/a"), ("rack/r", "host/b")}

    played(play)


def test_the_trouble_of_a_source_ends_with_the_source() -> None:
    """One that is taken out of the configuration while it fails is nobody's trouble any more, and what it said goes."""

    async def play(stage: Stage) -> None:
        source = Said("cmdb", rack("a"))
        async with Life(stage, source):
            await asyncio.sleep(5)
            source.error = "refused"
            await asyncio.sleep(400)
        async with Life(stage, file=rack("x", of="f")) as life:
            assert await life.troubles() == [("topology cmdb", True), ("topology cmdb", False)]
            assert [answer.source for answer in await life.store.answers()] == ["file"]
            assert life.edges == {("rack/f", "host/x")}

    played(play)
