"""An alert that ended with its pod and fires on the next pod of the same workload is not healed."""

from typing import Any

import pytest

from healer.alerts.identity import canonical
from healer.convergence.outcome import AlertView
from healer.remediation.replacement import moved_to
from healer.times import MINUTE, SECOND
from healer.topology.graph import Node, topology
from healer.topology.map import Map
from tests.simulation.loop import SimLoop
from tests.unit.remediation.build import HOST, NOON, alert
from tests.unit.remediation.night import Night

NODES = [Node("workload/shop", "workload"), Node("workload/blog", "workload"), Node("host/a", "host")]
PODS = [Node("pod/1", "pod"), Node("pod/2", "pod"), Node("pod/9", "pod", attributes={"owner": "workload/blog"})]
EDGES = [
    ("workload/shop", "pod/1"),
    ("workload/shop", "pod/2"),
    ("workload/blog", "pod/9"),
    ("workload/shop", "host/a"),
]
MAP = Map(topology([*NODES, *PODS], EDGES), (), (), 100)
CRASH = canonical({"alertname": "PodCrashes"})


def moved(node: str = "pod/1", **alerts: Any) -> str:
    """Where it fires now, by the alerts on pods and workloads."""
    found = {name.replace("_", "/"): each for name, each in alerts.items()}
    return moved_to(MAP, node, "PodCrashes", NOON, lambda at: (found[at],) if at in found else ())


@pytest.mark.parametrize(
    ("alerts", "where"),
    [
        ({}, ""),
        ({"pod_2": alert(labels=CRASH, starts_at=NOON)}, "pod/2"),
        ({"workload_shop": alert(labels=CRASH, starts_at=NOON - MINUTE)}, "workload/shop"),
        ({"pod_2": alert(labels=CRASH, starts_at=NOON - 1)}, ""),
        ({"pod_2": alert("resolved", labels=CRASH, starts_at=NOON)}, ""),
        ({"pod_2": alert(labels=canonical({"alertname": "Slow"}), starts_at=NOON)}, ""),
        ({"pod_9": alert(labels=CRASH, starts_at=NOON)}, ""),
        ({"host_a": alert(labels=CRASH, starts_at=NOON)}, ""),
        ({"pod_1": alert(labels=CRASH, starts_at=NOON)}, ""),
    ],
)
def test_trouble_that_moves_is_found(alerts: dict[str, Any], where: str) -> None:
    """On the owner, or on another of its kind below it since the remediation began; what was there before is another's."""
    assert moved(**alerts) == where


def test_the_owner_is_what_the_node_says_it_is() -> None:
    """Its attribute wins over what stands above it; without an owner nothing can have taken its place."""
    assert moved("pod/9", workload_blog=alert(labels=CRASH)) == "workload/blog"
    assert moved("workload/shop", pod_2=alert(labels=CRASH)) == ""
    assert moved("pod/gone", pod_2=alert(labels=CRASH)) == ""


def test_what_only_moved_is_not_verified() -> None:
    """The alert's sender says that it ended, and the same alert fires on the workload: that is no success."""
    with SimLoop(3) as loop:
        night = Night(loop)
        here = night.converged
        here.topology = Map(
            topology([Node("workload/w", "workload"), Node(HOST, "host")], [("workload/w", HOST)]), (), (), 100
        )
        there: list[AlertView] = []
        here.on_node = lambda node: there if node == "workload/w" else [here.root]  # type: ignore[method-assign] # the test's world

        async def work() -> None:
            await night.begins()
            await night.until("verifying")
            there.append(alert(node="workload/w"))
            here.end(night.clock.now() + SECOND)
            assert (await night.until("not_verified", "succeeded")).state == "not_verified"
            await night.stops()

        loop.run(work())
        night.memory.close()
