"""The rules of docs/convergence.md, one class per number, each with small histories."""

import pytest

from healer.alerts.glance import Values, values_of
from healer.alerts.matchers import parse_matchers
from healer.convergence.settings import Convergence
from healer.times import HOUR, MINUTE, SECOND
from tests.unit.convergence.world import START, Graph, World

TREE = "switch/s > rack/r > host/a host/b"
"""One switch above one rack above two hosts."""


class TestRule1Explained:
    """An alert on a node is explained by a suppressor on an ancestor that fires (or fired lately) and fits in time."""

    def test_explained_from_above(self) -> None:
        """A symptom beneath a cause is suppressed, and says by what and over how many hops."""
        world = World(TREE).play("""
            0s   SwitchDown on switch/s critical
            20s  HostSlow on host/a critical
        """)
        assert world.status("HostSlow@host/a") == "suppressed"
        assert world.by("HostSlow@host/a") == "SwitchDown@switch/s"
        assert world["HostSlow@host/a"].code == "BELOW_ROOT"
        assert world["HostSlow@host/a"].distance == 2

    def test_path_need_not_alert(self) -> None:
        """Not every node on the path has to alert: the rack between switch and host is silent here."""
        world = World(TREE).play("""
            0s  SwitchDown on switch/s critical
            0s  HostSlow on host/a warning
            0s  HostSlow on host/b warning
        """)
        assert [world.by(f"HostSlow@host/{host}") for host in "ab"] == ["SwitchDown@switch/s"] * 2

    def test_not_from_beside_or_below(self) -> None:
        """Neighbours and descendants explain nothing."""
        world = World(TREE).play("""
            0s  HostDown on host/a critical
            0s  HostDown on host/b critical
            0s  RackHot on rack/r critical
            0s  SwitchSlow on switch/s warning
        """)
        world.until("1m")
        assert world.status("RackHot@rack/r") == "root"
        assert world.status("SwitchSlow@switch/s") == "root"

    @pytest.mark.parametrize(("began", "status"), [("10m", "suppressed"), ("10m1s", "root")])
    def test_window(self, began: str, status: str) -> None:
        """A cause explains a symptom whose onset is at most `window` later than its own."""
        world = World(TREE).play(f"""
            0s      RackHot on rack/r critical
            10m1s   HostSlow on host/a warning since={began}
        """)
        assert world.until("12m").status("HostSlow@host/a") == status

    @pytest.mark.parametrize(("began", "status"), [("-2m", "suppressed"), ("-2m1s", "root")])
    def test_slack(self, began: str, status: str) -> None:
        """... or at most `slack` earlier."""
        world = World(TREE).play(f"""
            0s  RackHot on rack/r critical
            1s  HostSlow on host/a warning since={began}
        """)
        assert world.until("1m").status("HostSlow@host/a") == status

    def test_long_lived(self) -> None:
        """A cause that is down, not degraded, explains what begins beneath it for as long as it fires."""
        world = World(TREE).play("""
            0s  RackDown on rack/r critical
            0s  SwitchHot on switch/s critical since=-1h
            3h  HostSlow on host/a warning
        """)
        assert world["HostSlow@host/a"].code == "BELOW_LONG_LIVED"
        assert world.by("HostSlow@host/a") == "RackDown@rack/r"

    def test_long_lived_cause_ended(self) -> None:
        """What a long-lived cause explained has `settle` to follow it; what begins after its end is its own."""
        world = World(TREE).play("""
            0s     RackDown on rack/r critical
            1h     HostSlow on host/a warning
            2h     RackDown on rack/r ends
            2h10s  HostSlow on host/b warning
            2h20s  HostSlow on host/a still since=59m
        """)
        assert world.status("HostSlow@host/a") == "suppressed"
        assert world.status("HostSlow@host/b") == "held"

    def test_onset_is_for_earlier_than_starts_at(self) -> None:
        """Onsets are compared, not startsAt: a rule that waits 15m before it fires is the cause all the same."""
        settings = Convergence(for_={"RackHot": 15 * MINUTE, "HostSlow": MINUTE})
        world = World(TREE, settings).play("""
            1m   HostSlow on host/a critical
            15m  RackHot on rack/r critical
        """)
        assert world["RackHot@rack/r"].onset == START == world["HostSlow@host/a"].onset
        assert world.by("HostSlow@host/a") == "RackHot@rack/r"

    def test_more_severe_than_the_cause(self) -> None:
        """An alert more severe than the one above it is its own root, where no matchers say who explains."""
        world = World(TREE).play("""
            0s  RackHot on rack/r warning
            0s  HostDown on host/a critical
            0s  HostSlow on host/b warning
        """)
        world.until("1m")
        assert world.status("HostDown@host/a") == "root"
        assert world.status("HostSlow@host/b") == "suppressed"

    def test_suppressors(self) -> None:
        """Matchers, where given, say who explains others."""
        settings = Convergence(suppressors=parse_matchers(['alertname="RackDown"']))
        world = World(TREE, settings).play("""
            0s  RackDown on rack/r error
            0s  SwitchDown on switch/s critical
            0s  HostDown on host/a error
        """)
        assert world.until("1m").by("HostDown@host/a") == "RackDown@rack/r"
        assert world.status("RackDown@rack/r") == "root"

    def test_ignored_severity_explains_nothing(self) -> None:
        """A severity to ignore is shown, never told, and explains nobody."""
        world = World(TREE).play("""
            0s  RackDown on rack/r none
            0s  HostSlow on host/a warning
        """)
        world.until("1m")
        assert (world.status("RackDown@rack/r"), world["RackDown@rack/r"].code) == ("silenced", "IGNORED_SEVERITY")
        assert world.status("HostSlow@host/a") == "root"
        assert [one.root.node for one in world.open] == ["host/a"]

    def test_unknown_severity_is_a_warning(self) -> None:
        """A missing severity counts as warning; the settings translate others."""
        world = World(TREE).play("0s HostSlow on host/a critical")
        read = world.engine.state.traits
        for labels, severity in (
            ({"alertname": "X"}, "warning"),
            ({"severity": "apocalypse"}, "warning"),
            ({"severity": "page"}, "critical"),
        ):
            assert read.read(values_of(read.names, labels)).severity == severity


class TestRule2Topmost:
    """An explained alert explains nobody; an alert that nothing explains does, whether it is root, held or silenced."""

    @pytest.mark.parametrize("order", ["srh", "rsh", "hrs", "hsr", "rhs", "shr"])
    def test_chain_collapses(self, order: str) -> None:
        """Switch, rack, host: both lower ones name the switch, in whatever order the three arrive."""
        lines = {
            "s": "SwitchDown on switch/s critical since=0s",
            "r": "RackDown on rack/r critical since=0s",
            "h": "HostDown on host/a critical since=0s",
        }
        world = World(TREE).play("\n".join(f"{second}s {lines[key]}" for second, key in enumerate(order, 1)))
        assert world.by("RackDown@rack/r") == world.by("HostDown@host/a") == "SwitchDown@switch/s"

    def test_explained_explains_nobody(self) -> None:
        """A host too late for the switch is not explained by the rack that the switch explains."""
        world = World(TREE).play("""
            0s   SwitchHot on switch/s critical
            5m   RackHot on rack/r critical
            12m  HostHot on host/a critical
        """)
        world.until("13m")
        assert world.by("RackHot@rack/r") == "SwitchHot@switch/s"
        assert world.status("HostHot@host/a") == "root"

    def test_held_explains(self) -> None:
        """A cause that itself still waits for a cause explains already."""
        world = World(TREE).play("""
            0s  RackHot on rack/r critical
            1s  HostHot on host/a critical
        """)
        assert (world.status("RackHot@rack/r"), world.status("HostHot@host/a")) == ("held", "suppressed")

    def test_silenced_explains(self) -> None:
        """A silenced cause explains what is beneath it; nobody hears of either."""
        world = World(TREE).silence("am", ("rack/r", "0s", "1h"))
        world.play("""
            0s  RackHot on rack/r critical
            1s  HostHot on host/a critical
        """)
        world.until("5m")
        assert world.status("RackHot@rack/r") == "silenced"
        assert world.by("HostHot@host/a") == "RackHot@rack/r"
        assert not world.incidents


class TestRule3SeveralCauses:
    """Of several possible roots: severity, then distance in time, then in the graph, then the node's name decide."""

    DIAMOND = "db/x > svc/a; cache/y > mid/m > svc/a; db/z > svc/a"

    def test_severity_first(self) -> None:
        """The most severe cause explains, however much nearer another is."""
        world = World(self.DIAMOND).play("""
            0s   CacheBad on cache/y critical
            60s  DbBad on db/x error
            60s  SvcBad on svc/a warning
        """)
        assert world.by("SvcBad@svc/a") == "CacheBad@cache/y"

    def test_then_time(self) -> None:
        """Of two equally severe causes the one nearer in time explains, farther away as it may be."""
        world = World(self.DIAMOND).play("""
            0s   DbBad on db/x critical
            50s  CacheBad on cache/y critical
            60s  SvcBad on svc/a warning
        """)
        assert world.by("SvcBad@svc/a") == "CacheBad@cache/y"

    def test_then_distance(self) -> None:
        """Of two that began together the one with fewer hops explains."""
        world = World(self.DIAMOND).play("""
            0s  CacheBad on cache/y critical
            0s  DbBad on db/z critical
            5s  SvcBad on svc/a warning
        """)
        assert world.by("SvcBad@svc/a") == "DbBad@db/z"

    @pytest.mark.parametrize("order", ["xz", "zx"])
    def test_then_name(self, order: str) -> None:
        """Where all else is equal the node's name decides, not the order of arrival."""
        first, second = tuple(order)
        world = World(self.DIAMOND).play(f"""
            0s  DbBad on db/{first} critical
            0s  DbBad on db/{second} critical
            5s  SvcBad on svc/a warning
        """)
        assert world.by("SvcBad@svc/a") == "DbBad@db/x"


class TestRule4Redundancy:
    """What hangs on parents that stand in for one another is explained only when too few of them are healthy."""

    GRAPH = Graph.drawn("core/c > switch/a switch/b > host/h > vm/v", ("host/h", 1, ("switch/a", "switch/b")))

    def test_one_of_two_explains_nothing(self) -> None:
        """While one uplink is healthy the other's fault explains nothing beneath, and the reason says so."""
        world = World(self.GRAPH).play("""
            0s   SwitchDown on switch/a critical
            5s   HostDown on host/h critical
        """)
        world.until("1m")
        assert (world.status("HostDown@host/h"), world["HostDown@host/h"].code) == ("root", "REDUNDANCY_HOLDS")
        assert world["HostDown@host/h"].beside == world["SwitchDown@switch/a"].labels

    def test_both_explain(self) -> None:
        """When both are down, what was told before is taken in by the one that explains it best."""
        world = World(self.GRAPH).play("""
            0s   SwitchDown on switch/a critical
            5s   HostDown on host/h critical
            50s  SwitchDown on switch/b critical since=6s
        """)
        world.until("2m")
        assert world.by("HostDown@host/h") == "SwitchDown@switch/b"

    def test_what_lies_above_both(self) -> None:
        """A fault above all members explains past them, though none of them alerts."""
        world = World(self.GRAPH).play("""
            0s   CoreDown on core/c critical
            5s   VmDown on vm/v critical
        """)
        assert world.by("VmDown@vm/v") == "CoreDown@core/c"

    def test_one_comes_back(self) -> None:
        """When one of them is healthy again for `settle`, redundancy holds, and what still fires beneath is told."""
        world = World(self.GRAPH).play("""
            0s   SwitchDown on switch/a critical
            0s   SwitchDown on switch/b critical
            5s   HostDown on host/h critical
            1m   SwitchDown on switch/a ends
        """)
        assert world.until("2m59s").status("HostDown@host/h") == "suppressed"
        assert world.until("4m").status("HostDown@host/h") == "root"


class TestRule5Circles:
    """Nodes that depend on one another act as one: the best candidate among them is the root."""

    CIRCLE = "a > b > c > a > db; c > web"

    def test_one_root(self) -> None:
        """Of alerts in a circle one is the root, whichever came first: the most severe, then the earliest."""
        for first, second, third in (("a", "b", "c"), ("c", "a", "b"), ("b", "c", "a")):
            onset = {"a": "2s", "b": "1s", "c": "3s"}
            world = World(self.CIRCLE).play(f"""
                10s  Slow on {first} error since={onset[first]}
                11s  Slow on {second} error since={onset[second]}
                12s  Slow on {third} error since={onset[third]}
                13s  Slow on web error since=5s
                13s  Slow on db error since=5s
            """)
            world.until("2m")
            assert [world.status(f"Slow@{name}") for name in ("b", "a", "c", "web", "db")] == ["root"] + [
                "suppressed"
            ] * 4
            assert len(world.incidents) == 1

    def test_worst_before_earliest(self) -> None:
        """The more severe one is the root, though it began later, within `slack`."""
        world = World(self.CIRCLE).play("""
            0s   Slow on a error
            1m   Slow on c critical
        """)
        world.until("3m")
        assert world.by("Slow@a") == "Slow@c"
        assert world.status("Slow@c") == "root"

    def test_time_still_counts(self) -> None:
        """What does not fit in time is a fault of its own, in a circle as elsewhere."""
        world = World(self.CIRCLE).play("""
            0s    Slow on a error
            20m   Slow on c error
        """)
        world.until("30m")
        assert [world.status("Slow@a"), world.status("Slow@c")] == ["root", "root"]

    def test_same_node(self) -> None:
        """Alerts on one node of a circle are one incident as everywhere, not cause and symptom."""
        world = World(self.CIRCLE).play("""
            0s   Slow on a error
            1s   Hot on a error
        """)
        assert world.until("1m").status("Hot@a") == "member"


class TestRule6SamePlace:
    """Several alerts in the same place are one incident; the most severe is its face."""

    def test_members(self) -> None:
        """Two alerts on one node open one incident, whose face is the more severe one."""
        world = World(TREE).play("""
            0s   DiskSlow on host/a warning
            3s   HostDown on host/a critical
            40s  LoadHigh on host/a error
        """)
        (incident,) = world.open
        assert world.status("HostDown@host/a") == "root"
        assert [world.status(f"{name}@host/a") for name in ("DiskSlow", "LoadHigh")] == ["member", "member"]
        assert world.by("LoadHigh@host/a") == "HostDown@host/a"
        assert (incident.title, incident.severity, incident.members) == ("HostDown on host/a", "critical", 2)

    def test_face_changes(self) -> None:
        """A more severe alert becomes the face of the incident that is open already; when it ends, the next does."""
        world = World(TREE).play("""
            0s   DiskSlow on host/a warning
            1m   HostDown on host/a critical
        """)
        (incident,) = world.open
        assert (incident.title, world.status("DiskSlow@host/a")) == ("HostDown on host/a", "member")
        world.play("2m HostDown on host/a ends")
        (after,) = world.open
        assert (after.id, after.title, world.status("DiskSlow@host/a")) == (incident.id, "DiskSlow on host/a", "root")

    def test_label_groups(self) -> None:
        """Alerts without a node fall into one incident by the values of their `group_by` labels."""
        settings = Convergence(group_by=("alertname", "team"))
        world = World(TREE, settings).play("""
            0s  Late on - warning team=red shop=1
            0s  Late on - warning team=red shop=2
            0s  Late on + warning team=blue shop=3
        """)
        world.until("1m")
        assert sorted(one.firing for one in world.open) == [1, 2]
        assert world["Late@+"].code == "UNMAPPED"
        assert all(one.root.node == "" for one in world.open)

    def test_unmapped_is_not_explained(self) -> None:
        """An alert without a node is never suppressed by topology, nor does it suppress."""
        world = World(TREE).play("""
            0s  SwitchDown on switch/s critical
            0s  Lost on nowhere warning
        """)
        assert world.until("1m").status("Lost@nowhere") == "root"


class TestRule7LateRoot:
    """A root that comes within `hold` is told alone; one that comes later takes over the incidents told already."""

    def test_within_hold(self) -> None:
        """A cause that comes while its symptoms are held is the only one that people hear of."""
        world = World(TREE).play("""
            0s   HostSlow on host/a warning
            0s   HostSlow on host/b warning
            29s  RackDown on rack/r critical since=0s
        """)
        world.until("5m")
        (incident,) = world.incidents.values()
        assert (incident.title, incident.suppressed, incident.firing) == ("RackDown on rack/r", 2, 3)

    def test_after_told(self) -> None:
        """The oldest told incident keeps its id and takes the new root; the others say where they went."""
        world = World(TREE).play("""
            0s   HostSlow on host/b warning
            20s  HostSlow on host/a warning
        """)
        world.until("1m")
        oldest, other = world.incident("HostSlow@host/b"), world.incident("HostSlow@host/a")
        world.play("90s RackDown on rack/r critical since=0s")
        assert {one.id: one.status for one in world.incidents.values()} == {oldest.id: "open", other.id: "merged"}
        now = world.incidents[oldest.id]
        assert (now.trace_id, now.title, now.suppressed) == (oldest.trace_id, "RackDown on rack/r", 2)
        assert world.incidents[other.id].merged_into == oldest.id
        assert "took root" in world.happened(now)
        assert "merged" in world.happened(other)

    def test_after_told_into_an_older_one(self) -> None:
        """A symptom told after its cause's own incident goes into that one."""
        world = World("rack/r > host/a").play("""
            0s   RackHot on rack/r critical
            1m   HostHot on host/a warning since=-5m
        """)
        world.until("2m")
        rack, host = world.incident("RackHot@rack/r"), world.incident("HostHot@host/a")
        assert rack.id != host.id
        world.play("3m RackHot on rack/r still since=-5m")
        assert world.incidents[host.id].merged_into == rack.id
        assert world.incidents[rack.id].suppressed == 1

    def test_silenced_root_takes_over_and_ends(self) -> None:
        """A silenced cause takes a told incident over, which then says nothing more; it ends with its last alert."""
        world = World("rack/r > host/a").silence("am", ("rack/r", "0s", "1h")).play("0s HostSlow on host/a warning")
        (before,) = world.until("40s").open
        world.play("1m RackDown on rack/r critical since=0s")
        assert [(one.id, one.title, one.told) for one in world.open] == [(before.id, "HostSlow on host/a", False)]
        world.play("90s RackDown on rack/r ends")
        assert [one.id for one in world.open] == [before.id]
        world.play("2m HostSlow on host/a ends")
        assert [(one.id, one.status) for one in world.incidents.values()] == [(before.id, "resolved")]

    def test_merged_place_waits_again(self) -> None:
        """Where an incident was merged away, a later alert that nothing explains waits for its cause like any other."""
        world = World(TREE).play("""
            0s   HostSlow on host/a warning
            1m   RackDown on rack/r critical since=0s
            2m   HostSlow on host/a ends
            20m  RackDown on rack/r ends
            30m  HostHot on host/a warning
        """)
        assert world.status("HostHot@host/a") == "held"


class TestRule8OlderFault:
    """An older fault is not explained by a newer one beyond `slack`."""

    def test_older_fault_stands(self) -> None:
        """A disk that was full an hour ago is not the new switch fault's symptom, hard as that may be."""
        world = World(TREE).play("""
            0s  DiskFull on host/a warning
            1h  SwitchDown on switch/s critical
        """)
        world.until("61m")
        assert world.status("DiskFull@host/a") == "root"
        assert len(world.open) == 2

    def test_begun_again_is_a_new_fault(self) -> None:
        """A cause that ends and begins again counts from its new beginning: what is older stands by itself."""
        world = World(TREE).play("""
            0s   RackHot on rack/r critical
            10s  HostHot on host/a critical
            10m  RackHot on rack/r ends
            11m  RackHot on rack/r again
        """)
        world.until("11m30s")
        assert world.status("HostHot@host/a") == "root"


class TestRule9RootEnds:
    """When a root ends its descendants have `settle` to follow; those that do not are judged afresh as of then."""

    HISTORY = """
        0s   RackDown on rack/r critical
        5s   HostHot on host/a critical
        5s   HostHot on host/b critical
        5m   RackDown on rack/r ends
    """

    def test_within_settle(self) -> None:
        """Until `settle` ran out, what the ended root explained stays suppressed, and its incident open."""
        world = World(TREE).play(self.HISTORY).until("6m59s")
        assert world.status("HostHot@host/a") == "suppressed"
        assert [one.title for one in world.open] == ["RackDown on rack/r"]

    def test_judged_afresh(self) -> None:
        """What did not follow is a root with the time of that judgement as its onset, in an incident of its own."""
        world = World(TREE).play(self.HISTORY + "6m HostHot on host/b ends").until("7m")
        view = world["HostHot@host/a"]
        assert (view.status, view.code, view.onset) == ("root", "ROOT_WENT_AWAY", START + 7 * MINUTE)
        (incident,) = world.open
        assert (incident.title, incident.root.onset_from) == ("HostHot on host/a", "judged afresh")
        assert [one.title for one in world.incidents.values() if one.status == "resolved"] == ["RackDown on rack/r"]

    def test_afresh_they_explain_one_another(self) -> None:
        """Of what is left, the topmost explains the rest: one incident, not one for each."""
        world = World(TREE).play("""
            0s   SwitchHot on switch/s critical
            1m   HostHot on host/a critical
            9m   RackHot on rack/r critical
            10m  SwitchHot on switch/s ends
        """)
        world.until("15m")
        assert world.by("HostHot@host/a") == "RackHot@rack/r"
        assert [one.title for one in world.open] == ["RackHot on rack/r"]

    def test_another_cause_takes_over(self) -> None:
        """What another cause explains with its true onset goes under that one, and keeps its onset."""
        world = World("switch/s pdu/p > host/a").play("""
            0s   SwitchDown on switch/s critical
            5s   PduHot on pdu/p error
            5s   HostHot on host/a warning
            5m   SwitchDown on switch/s ends
        """)
        world.until("8m")
        assert world.by("HostHot@host/a") == "PduHot@pdu/p"
        assert world["HostHot@host/a"].onset == START + 5 * SECOND

    def test_afresh_onset_is_kept(self) -> None:
        """A repeated delivery of what was judged afresh does not bring its old onset back."""
        world = World(TREE).play(self.HISTORY).until("8m")
        world.play("9m HostHot on host/a still since=-1h")
        assert world["HostHot@host/a"].onset == START + 7 * MINUTE


class TestRule10TopologyChanges:
    """When the topology changes what fires is judged again; an explanation once given stays while its root fires."""

    def changed(self, world: World, drawing: str) -> World:
        world.graph = Graph.drawn(drawing)
        world.engine.adopt(Convergence(), world.graph)
        world.take()
        return world

    def storm(self) -> World:
        return World(TREE + "; switch/x").play("""
            0s   SwitchDown on switch/s critical
            5s   HostDown on host/a critical
        """)

    def test_an_explanation_stays(self) -> None:
        """An edge that is gone leaves what was explained with its root, for as long as that fires."""
        world = self.changed(self.storm().until("1m"), "switch/s; switch/x; host/a; host/b; rack/r")
        assert (world.by("HostDown@host/a"), world["HostDown@host/a"].code) == ("SwitchDown@switch/s", "KEPT")
        world.play("2m SwitchDown on switch/s ends")
        assert world.until("3m59s").status("HostDown@host/a") == "suppressed"
        assert world.until("5m").status("HostDown@host/a") == "root"

    def test_what_is_new_is_judged_by_the_new_graph(self) -> None:
        """Only what was explained before stays: a new alert under the gone edge is a root."""
        world = self.changed(self.storm().until("1m"), "switch/s; switch/x; host/a; host/b; rack/r")
        world.play("70s HostDown on host/b critical")
        assert world.until("2m").status("HostDown@host/b") == "root"

    def test_a_new_root_above_takes_all(self) -> None:
        """An edge that puts another cause above the root: chains collapse onto it, and the merge says why."""
        world = World("switch/s > host/a; core/c").play("""
            0s   CoreDown on core/c critical
            0s   SwitchDown on switch/s critical
            5s   HostDown on host/a critical
        """)
        world.until("1m")
        assert len(world.open) == 2
        self.changed(world, "core/c > switch/s > host/a")
        assert world.by("SwitchDown@switch/s") == world.by("HostDown@host/a") == "CoreDown@core/c"
        assert len(world.open) == 1
        merged = next(one for one in world.timeline if one.code == "merged")
        assert merged.facts["reason"] == "the topology or the settings changed"

    def test_a_split_says_why(self) -> None:
        """What stays when its root is gone has an incident of its own, and both say so."""
        world = self.storm().play("1m SwitchDown on switch/s ends")
        world.until("5m")
        parted = [one for one in world.timeline if one.code in ("parted", "parted from")]
        assert [one.facts["reason"] for one in parted] == ["its root ended"] * 2

    def test_a_root_that_moves_keeps_its_incident(self) -> None:
        """A root that sits on another node now goes on in its incident, with all that it explains."""
        world = self.storm().until("1m")
        before = world.incident("SwitchDown@switch/s")

        class Moved(Graph):
            def place(self, values: Values) -> int:
                on, explains = values
                return super().place(("rack/r" if on == "switch/s" else on, explains))

        moved = Moved([("switch/s", "rack/r"), ("rack/r", "host/a"), ("rack/r", "host/b")])
        world.engine.adopt(Convergence(), moved)
        world.take()
        assert world.incident("SwitchDown@switch/s").id == before.id
        assert world.incident("HostDown@host/a").id == before.id
        assert len(world.incidents) == 1


class TestRule11NeverDropped:
    """Suppression never stops storing, showing, counting or resolving."""

    def test_shown_counted_resolved(self) -> None:
        """Suppressed alerts are listed and counted with their incident, and resolve one by one."""
        world = World(TREE).play("""
            0s   RackDown on rack/r critical
            5s   HostHot on host/a critical
            5s   HostHot on host/b critical
            30s  HostHot on host/a ends
        """)
        (incident,) = world.open
        assert (incident.firing, incident.suppressed, incident.total) == (2, 1, 3)
        shown = world.engine.incident_alerts(incident.id)
        assert sorted((one.node, one.status) for one in shown) == [
            ("host/a", "resolved"),
            ("host/b", "suppressed"),
            ("rack/r", "root"),
        ]

    def test_kept_when_forgotten(self) -> None:
        """When memory forgets an incident, all its alerts are handed out once, also those that outlived their root."""
        world = World(TREE).play("""
            0s     RackDown on rack/r critical
            5s     HostHot on host/a critical
            5s     HostHot on host/b critical
            5m     RackDown on rack/r ends
            5m30s  HostHot on host/a ends
            6m     HostHot on host/b ends
        """)
        world.until("1h")
        (closed,) = world.closed
        assert sorted(one.node for one in closed.alerts) == ["host/a", "host/b", "rack/r"]
        assert {one.incident for one in closed.alerts} == {closed.incident} == set(world.incidents)
        assert world.incidents[closed.incident].total == 3
        assert len(world.engine) == 0
        assert world.engine.firing == 0

    def test_ended_symptoms_follow_a_late_root(self) -> None:
        """A symptom that ended is shown with the root that its own root turned out to have."""
        world = World(TREE).play("""
            0s   RackHot on rack/r critical
            1s   HostHot on host/a critical
            5s   HostHot on host/a ends
            10s  SwitchHot on switch/s critical
        """)
        (incident,) = world.until("1m").open
        shown = world.engine.incident_alerts(incident.id)
        assert [one.node for one in shown] == ["switch/s", "host/a", "rack/r"]
        assert incident.total == 3

    def test_never_suppressed(self) -> None:
        """What `never_suppress` matches is told, with the root that would explain it beside it, and explains nobody."""
        world = World(TREE).play("""
            0s   RackDown on rack/r critical page=always
            0s   HostDown on host/a critical
            5s   SwitchDown on switch/s critical
        """)
        world.until("1m")
        assert (world.status("RackDown@rack/r"), world["RackDown@rack/r"].code) == ("root", "NEVER_SUPPRESSED")
        assert world["RackDown@rack/r"].beside == world["SwitchDown@switch/s"].labels
        assert world.incident("RackDown@rack/r").beside == world.incident("SwitchDown@switch/s").id
        assert world.by("HostDown@host/a") == "SwitchDown@switch/s"
        assert len(world.open) == 2

    def test_no_longer_explained(self) -> None:
        """When what stood beside it is gone, it is a root like any other, and explains again."""
        world = World(TREE).play("""
            0s   RackDown on rack/r critical page=always
            0s   SwitchDown on switch/s critical
            1m   SwitchDown on switch/s ends
            4m   HostDown on host/a critical
        """)
        world.until("5m")
        assert world["RackDown@rack/r"].code == "NOTHING_ABOVE"
        assert world["RackDown@rack/r"].beside == b""
        assert world.incident("RackDown@rack/r").beside == ""
        assert world.by("HostDown@host/a") == "RackDown@rack/r"

    @pytest.mark.parametrize("name", ["ErrorBudgetBurn", "SlowBurnRate"])
    def test_burn_rates(self, name: str) -> None:
        """Pages about a burn rate are told by default; the same alert as a ticket is not."""
        world = World(TREE).play(f"""
            0s   SwitchDown on switch/s critical
            0s   {name} on host/a critical
            0s   {name} on host/b warning
        """)
        world.until("1m")
        assert [world.status(f"{name}@host/{host}") for host in "ab"] == ["root", "suppressed"]

    def test_more_severe_than_its_root(self) -> None:
        """An alert more severe than what would explain it is told, and still explains what is beneath it."""
        world = World(TREE).play("""
            0s   SwitchHot on switch/s warning
            0s   RackDown on rack/r critical
            0s   HostDown on host/a critical
        """)
        world.until("1m")
        assert (world.status("RackDown@rack/r"), world["RackDown@rack/r"].code) == ("root", "MORE_SEVERE")
        assert world.incident("RackDown@rack/r").beside == world.incident("SwitchHot@switch/s").id
        assert world.by("HostDown@host/a") == "RackDown@rack/r"

    def test_more_severe_under_suppressors(self) -> None:
        """That holds where `suppressors` are set as well."""
        settings = Convergence(suppressors=parse_matchers(['alertname="RackDown"']))
        world = World(TREE, settings).play("""
            0s  RackDown on rack/r warning
            0s  HostDown on host/a critical
        """)
        assert world.until("1m").status("HostDown@host/a") == "root"
        assert world["HostDown@host/a"].beside == world["RackDown@rack/r"].labels

    def test_said_again(self) -> None:
        """An incident beneath which alerts stay suppressed is said again after every `max_suppress`, and no other."""
        world = World(TREE + " > vm/v; switch/x").play("""
            0s   SwitchDown on switch/s critical
            0s   HostDown on host/a critical
            0s   SwitchDown on switch/x critical
        """)
        world.until("3h59m")
        assert world.incident("SwitchDown@switch/s").said_again == 0
        assert world.until("4h2m").incident("SwitchDown@switch/s").said_again == 1
        assert world.until("8h3m").incident("SwitchDown@switch/s").said_again == 2
        assert world.happened(world.incident("SwitchDown@switch/s")).count("said again") == 2
        assert world.incident("SwitchDown@switch/x").said_again == 0


class TestRule12FiresAgain:
    """A resolved alert that fires again within `settle` reopens its incident."""

    def test_reopens(self) -> None:
        """Within `settle` the incident goes on under its id, at once, and says how often."""
        world = World(TREE).play("""
            0s   HostDown on host/a critical
            1m   HostDown on host/a ends
            2m   HostDown on host/a again
        """)
        (incident,) = world.incidents.values()
        assert (incident.status, incident.reopened) == ("open", 1)
        assert world.happened(incident) == ["arrived", "opened", "resolved", "reopened"]

    def test_after_settle_a_new_one(self) -> None:
        """After `settle` it is a new incident with a new id."""
        world = World(TREE).play("""
            0s   HostDown on host/a critical
            1m   HostDown on host/a ends
            4m   HostDown on host/a again
        """)
        world.until("5m")
        assert [one.status for one in world.incidents.values()] == ["resolved", "open"]

    def test_never_told_waits_again(self) -> None:
        """What ended before anybody heard of it waits for its cause again when it begins again."""
        world = World(TREE).play("""
            0s   HostDown on host/a critical
            5s   HostDown on host/a ends
            1m   HostDown on host/a again
        """)
        assert not world.incidents
        assert world.until("1m14s").status("HostDown@host/a") == "held"
        assert world.until("1m15s").status("HostDown@host/a") == "root"

    def test_a_symptom_reopens_too(self) -> None:
        """A suppressed alert that fires again reopens the incident that explained it."""
        world = World(TREE).play("""
            0s     RackDown on rack/r critical
            5s     HostHot on host/a critical
            5m     RackDown on rack/r ends
            5m     HostHot on host/a ends
            5m30s  HostHot on host/a again since=5m20s
        """)
        (incident,) = world.incidents.values()
        assert (incident.status, incident.reopened, incident.suppressed) == ("open", 1, 1)


class TestRule14FirstNotice:
    """The first notice goes out no later than `hold` after its root's alert, however long the rest goes on arriving."""

    @pytest.mark.parametrize(("severity", "hold"), [("critical", 15), ("warning", 30)])
    def test_held_at_most_hold(self, severity: str, hold: int) -> None:
        """An incident opens when its root's hold ends, by severity, not before and not after."""
        world = World(TREE).play(f"0s HostDown on host/a {severity}")
        world.until(f"{hold - 1}s")
        assert (world.status("HostDown@host/a"), len(world.incidents)) == ("held", 0)
        world.until(f"{hold}s")
        assert world.incident("HostDown@host/a").opened_at == START + hold * SECOND

    def test_the_rest_only_edits(self) -> None:
        """Symptoms that go on arriving neither delay the notice nor open anything."""
        later = "\n".join(f"{second}s HostHot{second} on host/a critical" for second in range(1, 40))
        world = World(TREE).play("0s RackDown on rack/r critical\n" + later)
        (incident,) = world.incidents.values()
        assert (incident.opened_at, incident.suppressed) == (START + 15 * SECOND, 39)

    def test_began_with_its_first_alert(self) -> None:
        """An incident begins with the arrival of its first alert, be that a symptom."""
        world = World(TREE).play("""
            0s   HostHot on host/a warning
            10s  RackDown on rack/r critical
        """)
        assert world.until("1m").incident("RackDown@rack/r").began_at == START


class TestUntoldTooLong:
    """However often its explanation changes, an alert without one continuously firing root is told after `max_untold`."""

    def test_changing_causes(self) -> None:
        """Causes that follow one another hide a symptom no longer than `max_untold`; then it stays told."""
        parents = [f"power/{number}" for number in range(9)]
        world = World(f"{' '.join(parents)} > host/a").play("0s HostHot on host/a warning")
        for number, parent in enumerate(parents):
            world.play(f"{max(3 * number * 60 - 5, 0)}s Hot on {parent} critical since={3 * number}m")
            if number:
                world.play(f"{3 * number}m Hot on {parents[number - 1]} ends")
            if number == 3:
                assert world.until("10m59s").status("HostHot@host/a") == "suppressed"
            if number == 4:
                assert world["HostHot@host/a"].code == "UNTOLD_TOO_LONG"
        assert world.status("HostHot@host/a") == "root"
        assert [one.root.node for one in world.open if one.root.node == "host/a"]
        assert world.until("30m").status("HostHot@host/a") == "root"

    def test_one_root_may_hide_for_long(self) -> None:
        """One root that fires on hides its symptoms for as long as it does, also when it comes under a later one."""
        world = World(TREE).play("""
            0s   RackDown on rack/r critical
            1s   HostHot on host/a critical
            15m  SwitchDown on switch/s critical since=0s
        """)
        world.until("30m")
        assert world.by("HostHot@host/a") == "SwitchDown@switch/s"
        assert len(world.open) == 1

    def test_resume_moves_deadlines(self) -> None:
        """While nobody stepped no time passed: what was held is held for as long as it still had to be."""
        world = World(TREE).play("0s HostDown on host/a critical lives=5m")
        world.until("10s")
        world.engine.resume(HOUR)
        world.until("1h14s")
        assert world.status("HostDown@host/a") == "held"
        assert world["HostDown@host/a"].held_until == START + HOUR + 15 * SECOND
        assert world.until("1h15s").status("HostDown@host/a") == "root"
        assert world.until("1h4m59s").status("HostDown@host/a") == "root"
        assert world.until("1h5m").status("HostDown@host/a") == "resolved"
