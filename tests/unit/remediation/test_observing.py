"""What guards are told of a target and what stands around it: groups, clusters, who took it out, whose machine it is."""

from typing import Any

import msgspec
import pytest

from healer.changes.model import Change, Touched
from healer.remediation.guards.observed import Frozen
from healer.remediation.home import Home
from healer.remediation.model import Remediation
from healer.remediation.observing import KEPT, Observing
from healer.remediation.settings import Guards
from healer.times import HOUR
from healer.topology.graph import Node, topology
from healer.topology.map import Map
from tests.contracts.store.given import HandClock
from tests.unit.remediation.build import HOST, NOON, RESTART, Charter, alert, plan, remediation, ruleset
from tests.unit.remediation.night import RULES, Converged

OTHERS = ("host/web-2", "host/web-3")
CLUSTER = "cluster/north"


class Rack(Converged):
    """Three hosts in a rack of a cluster; one of them stands under a virtual machine. Alerts are by node."""

    def __init__(self, *, guards: Guards | None = None, **attributes: dict[str, Any]) -> None:
        super().__init__(NOON)
        nodes = [
            Node(CLUSTER, "cluster"),
            Node("rack/r1", "rack"),
            Node("vm/v1", "vm", attributes=attributes.get("vm", {})),
        ]
        nodes += [
            Node(name, "host", attributes=attributes.get(name[-5:].replace("-", ""), {})) for name in (HOST, *OTHERS)
        ]
        edges = [(CLUSTER, "rack/r1"), *(("rack/r1", name) for name in (HOST, *OTHERS)), (HOST, "vm/v1")]
        self.topology = Map(topology(nodes, edges), (), (), 100)
        self.charter = Charter(
            ruleset(RULES), {}, calendars={"cny": ((NOON - 1, NOON + HOUR),)}, guards=guards or Guards()
        )
        self.alerts: dict[str, Any] = {}

    def on_node(self, node: str) -> tuple[Any, ...]:
        return (self.alerts[node],) if node in self.alerts else ()


def looks(here: Rack, home: Home | None = None, halted: str = "") -> Observing:
    return Observing(here, HandClock(NOON), home or Home(), lambda _: halted)


def observed(here: Rack, node: str = HOST, of: Remediation | None = None, **how: Any) -> Any:
    step = msgspec.structs.replace(RESTART, node=node)
    return looks(here, **how).observe(of or remediation(), step, None)


def test_siblings_are_of_one_kind_below_one_node() -> None:
    """Unwell are those on which something fires, and those whose alert merely vanished: of them nobody knows."""
    here = Rack()
    here.alerts = {
        HOST: alert(),
        OTHERS[0]: alert("resolved", resolution="vanished"),
        OTHERS[1]: alert("resolved", resolution="sent"),
    }
    place = looks(here).place("shop", HOST)
    assert place.siblings is not None
    assert place.siblings.nodes == {HOST, *OTHERS}
    assert place.siblings.unwell == {HOST, OTHERS[0]}
    assert set(place.above) == {"rack/r1", CLUSTER}
    assert place.control_plane is None


def test_what_was_looked_at_is_fresh_for_a_few_seconds() -> None:
    """So that a storm of plans does not look at every node each time; then it is looked at again."""
    here, clock = Rack(), HandClock(NOON)
    observing = Observing(here, clock, Home(), lambda _: "")
    before = observing.place("shop", HOST).siblings
    here.alerts = {OTHERS[0]: alert()}
    assert observing.place("shop", HOST).siblings == before
    clock.instant += KEPT
    after = observing.place("shop", HOST).siblings
    assert after is not None
    assert after.unwell == {OTHERS[0]}


def test_a_target_belongs_to_its_clusters() -> None:
    """By its attribute, or by a node above it: under its id and its name."""
    assert looks(Rack()).place("shop", HOST).scopes == ("all", "rule:shop", f"cluster:{CLUSTER}", "cluster:north")
    named = Rack(web1={"cluster": "blue"})
    assert "cluster:blue" in looks(named).place("shop", HOST).scopes
    assert looks(Rack()).place("shop", "host/unknown").scopes == ("all", "rule:shop")


def test_the_control_plane_is_that_of_its_cluster() -> None:
    """By the attribute `role`; a node of another cluster is none of them."""
    leads = {"role": "control-plane", "cluster": "a"}
    here = Rack(web1=leads, web2=leads, web3={"role": "control-plane", "cluster": "b"})
    here.alerts = {OTHERS[0]: alert()}
    group = looks(here).place("shop", HOST).control_plane
    assert group is not None
    assert group.nodes == {HOST, OTHERS[0]}
    assert group.unwell == {OTHERS[0]}


def test_the_floor_is_under_all_of_its_kind() -> None:
    """Beneath the topmost node above it."""
    here = Rack()
    here.alerts = {HOST: alert(), OTHERS[0]: alert()}
    floor = observed(here).floor
    assert (floor.name, floor.nodes, floor.unwell) == ("nodes of kind host", {HOST, *OTHERS}, {HOST, OTHERS[0]})


def test_where_nothing_stands_above_the_floor_is_under_the_whole_topology() -> None:
    """A list of hosts without racks has a floor, too."""
    here = Rack()
    here.topology = Map(
        topology([Node(name, "host") for name in (HOST, *OTHERS)] + [Node("vm/v1", "vm")], []), (), (), 100
    )
    here.alerts = {OTHERS[1]: alert()}
    floor = observed(here).floor
    assert (floor.nodes, floor.unwell) == ({HOST, *OTHERS}, {OTHERS[1]})


@pytest.mark.parametrize(
    ("home", "own", "target", "why"),
    [
        (Home(), (), HOST, ""),
        (Home(machine_id="m1"), (), HOST, f"healer itself, or what it cannot live without, runs on {HOST}"),
        (Home(names=("web-1",)), (), HOST, f"healer itself, or what it cannot live without, runs on {HOST}"),
        (Home(names=("v1",)), (), HOST, f"healer stands on vm/v1, which is beneath {HOST}"),
        (Home(names=("v1",)), (), OTHERS[0], ""),
        (Home(), ("vm/v1",), "vm/v1", "vm/v1 is one of guards.own_nodes"),
        (Home(), ("vm/v1",), "rack/r1", "healer stands on vm/v1, which is beneath rack/r1"),
    ],
)
def test_what_healer_stands_on(home: Home, own: tuple[str, ...], target: str, why: str) -> None:
    """Its own machine by its machine-id or its name, what people named, and all beneath which these are."""
    here = Rack(guards=Guards(own_nodes=own), web1={"machine_id": "m1"})
    assert observed(here, target, home=home).own == why


def test_who_took_a_node_out_of_service() -> None:
    """As the topology has it; what this very plan cordoned is nobody else's word."""
    assert observed(Rack()).cordoned == ""
    here = Rack(web1={"unschedulable": True})
    assert observed(here).cordoned == "somebody"
    assert observed(Rack(web1={"cordoned_by": "ann"})).cordoned == "ann"
    cordon = msgspec.structs.replace(RESTART, action="cordon_node")
    assert observed(here, of=remediation(plan(cordon, RESTART), step=1, done=(0,))).cordoned == ""


def test_calendars_freeze_only_where_they_are_named() -> None:
    """`guards.freeze`; the entry says until when."""
    assert observed(Rack()).frozen is None
    assert observed(Rack(guards=Guards(freeze=("cny",)))).frozen == Frozen("cny", NOON + HOUR)


def test_a_deployment_is_said_with_its_author() -> None:
    """Whoever reads it knows whom to ask."""
    here = Rack()
    change = Change("github", "d1", "acme/shop", "deploy", "prod", "", "", "running", "ann", (), NOON, "")
    here.deployment = Touched(change, (HOST,), NOON, NOON)
    assert observed(here).deploying == f"acme/shop is being deployed to {HOST} by ann"


def test_the_pause_file_is_looked_for_only_where_there_is_one() -> None:
    """And what it says is what the guard says; an unknown target is said to be one."""
    assert observed(Rack(), halted="there").halted == ""
    assert observed(Rack(guards=Guards(pause_file="/run/stop")), halted="there").halted == "there"
    assert (observed(Rack()).known, observed(Rack(), "host/gone").known) == (True, False)
