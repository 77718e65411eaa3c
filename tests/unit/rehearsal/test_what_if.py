"""What if: other settings or another topology over the recorded arrivals, and what would have come of them."""

import asyncio
from collections.abc import Iterable

from healer.rehearsal.otherwise import changed, read_override
from healer.rehearsal.replay import Span
from healer.rehearsal.what_if import Change, Course, Otherwise, changes, went
from healer.times import SECOND
from healer.topology.graph import Node, Topology, topology
from tests.unit.journey.owning import Life, Stage, staged
from tests.unit.journey.world import HOSTS, INSTALLATION, START, ends, fires

ALWAYS = Span()
FLAT = topology([Node("switch/s", "switch"), *(Node(host, "host") for host in HOSTS)], [])


async def lived(stage: Stage) -> Life:
    """A switch takes two hosts down with it; later one host has a fault of its own."""
    life = await stage.alive()
    await life.append(fires("SwitchDown@switch/s", at=1), fires("HostDown@host/a", "HostDown@host/b", at=2))
    await asyncio.sleep(60)
    await life.append(ends("SwitchDown@switch/s", "HostDown@host/a", "HostDown@host/b", at=60))
    await asyncio.sleep(60)
    await life.append(fires("DiskDown@host/c", at=120))
    await asyncio.sleep(30)
    await life.die()
    return life


async def tried(
    life: Life, span: Span = ALWAYS, *, said: Iterable[str] = (), graph: Topology | None = None
) -> tuple[Course, Course]:
    otherwise = Otherwise(changed([read_override(one) for one in said], graph), rewired=graph is None)
    before = await went(life.store, life._charter, INSTALLATION, span, lambda mark: None)
    return before, await went(life.store, life._charter, INSTALLATION, span, lambda mark: None, otherwise)


def roots(found: list[Change]) -> set[tuple[str, str, str]]:
    return {
        (
            one.what,
            one.before.root.node if one.before else "",
            one.after.root.node if one.after else "",
        )
        for one in found
    }


def test_the_same_settings_change_nothing() -> None:
    """What is tried is what was: the two courses are the same."""

    async def play(stage: Stage) -> None:
        before, after = await tried(await lived(stage), said=["settle=15s"])
        assert before == after
        assert changes(before, after) == []
        assert (before.alerts, before.told, before.notices) == (4, 2, 2)
        assert before.compression == 0.5

    staged(play)


def test_another_topology_has_other_roots() -> None:
    """Without edges every host is its own cause; with the switch below a host, the host is the root."""

    async def play(stage: Stage) -> None:
        life = await lived(stage)
        before, after = await tried(life, graph=FLAT)
        assert (before.told, after.told) == (2, 4)
        assert after.compression == 0.0
        found = changes(before, after)
        assert roots(found) == {
            ("other alerts", "switch/s", "switch/s"),
            ("new", "", "host/a"),
            ("new", "", "host/b"),
        }
        assert {one.lost for one in found if one.what == "other alerts"} == {2}
        turned = topology([Node("switch/s"), *map(Node, HOSTS)], [("host/a", "switch/s"), ("switch/s", "host/b")])
        before, after = await tried(life, graph=turned)
        (change,) = changes(before, after)
        assert (change.what, change.gained, change.lost) == ("other root", 0, 0)
        assert roots([change]) == {("other root", "switch/s", "host/a")}

    staged(play)


def test_other_settings_split_an_incident() -> None:
    """A window of nothing explains nothing that began later."""

    async def play(stage: Stage) -> None:
        before, after = await tried(await lived(stage), said=["window=0s", "slack=0s", 'hard=[alertname="None"]'])
        assert {one for one in roots(changes(before, after)) if one[0] == "new"} == {
            ("new", "", "host/a"),
            ("new", "", "host/b"),
        }

    staged(play)


def test_an_incident_that_would_not_have_been_says_where_its_alerts_went() -> None:
    """What was told apart and would be one: the gone incident names the one that has its alerts."""

    async def play(stage: Stage) -> None:
        life = await lived(stage)
        flat, whole = (await tried(life, graph=FLAT))[1], (await tried(life))[0]
        gone = [one for one in changes(flat, whole) if one.what == "gone"]
        switch = next(id for id, one in whole.incidents.items() if one.incident.root.node == "switch/s")
        assert [one.into for one in gone] == [switch, switch]

    staged(play)


def test_only_what_opened_in_the_span_counts() -> None:
    async def play(stage: Stage) -> None:
        before, after = await tried(await lived(stage), Span(since=START + 100 * SECOND), graph=FLAT)
        assert (before.told, after.told, before.alerts) == (1, 1, 1)
        assert changes(before, after) == []

    staged(play)
