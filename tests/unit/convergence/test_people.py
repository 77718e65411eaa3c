"""What people say wins over the rules for the alerts it is about, and stays through restarts and changes of the topology."""

import pytest

from healer.convergence.engine import Engine
from healer.convergence.people import Said, Verb
from healer.convergence.settings import Convergence
from tests.unit.convergence.world import Graph, World

TREE = "switch/s > host/a host/b > pod/p"
DARK = """
    0s   SwitchDown on switch/s critical
    1s   HostDown on host/a critical
    1s   HostDown on host/b critical
    2s   PodDown on pod/p critical
"""


class Spoken(World):
    """A world in which people speak."""

    def say(
        self, verb: Verb, incident: str, *, node: str = "", other: str = "", on: tuple[str, ...] = (), key: str = ""
    ) -> None:
        self.position += 1
        labels = tuple(self._labels[one] for one in on)
        self.engine.say(Said(verb, incident, "ada", "because", key, labels, node, other), self.position)
        self.take()

    def restart(self) -> None:
        """Go on from a snapshot, as after a restart."""
        state = self.engine.state
        self.engine = Engine.thawed(self.engine.freeze(), state.settings, self.graph, state.installation)

    def rewire(self, drawing: str) -> None:
        """Another topology."""
        self.graph = Graph.drawn(drawing)
        self.engine.adopt(Convergence(), self.graph)
        self.take()


@pytest.fixture
def dark() -> Spoken:
    """A switch is down, and all beneath it: one incident."""
    world = Spoken(TREE)
    world.play(DARK).until("1m")
    assert [one.root.node for one in world.open] == ["switch/s"]
    return world


class TestAcknowledge:
    def test_ack_is_shown(self, dark: Spoken) -> None:
        """Whoever acknowledges an incident is named in it and in its timeline, until it comes back after its end."""
        incident = dark.open[0]
        dark.say("ack", incident.id)
        assert dark.incidents[incident.id].people.acked_by == "ada"
        assert "acknowledged" in dark.happened(incident)
        dark.play("""
            2m   SwitchDown on switch/s ends
            2m   HostDown on host/a ends
            2m   HostDown on host/b ends
            2m   PodDown on pod/p ends
            3m   SwitchDown on switch/s again
        """)
        assert dark.incidents[incident.id].status == "open"
        assert dark.incidents[incident.id].people.acked_by == ""

    def test_twice_is_once(self, dark: Spoken) -> None:
        """A word with a key that was heard before changes nothing and is not told again."""
        incident = dark.open[0]
        dark.say("note", incident.id, key="k1")
        dark.say("note", incident.id, key="k1")
        assert dark.happened(incident).count("noted") == 1
        dark.restart()
        dark.say("note", incident.id, key="k1")
        assert dark.happened(incident).count("noted") == 1


class TestRecord:
    def test_confirmed_counts_once(self, dark: Spoken) -> None:
        """However many people confirm a root, it counts once, and who then blames another takes that back."""
        incident = dark.open[0]
        dark.say("confirm", incident.id)
        dark.say("confirm", incident.id)
        assert dark.engine.state.people.record == {"direct": (1, 0)}
        dark.say("blame", incident.id, node="host/a")
        assert dark.engine.state.people.record["direct"][0] == 0
        assert sum(wrong for _, wrong in dark.engine.state.people.record.values()) == 1

    def test_known_to_the_store_alone(self, dark: Spoken) -> None:
        """The root of an incident that memory has forgotten is counted as the word says that it was found."""
        dark.engine.say(Said("confirm", "0123456789ab", "ada", how="ranked"), 99)
        assert dark.engine.state.people.record == {"ranked": (1, 0)}


class TestBlame:
    def test_reroots_at_once(self, dark: Spoken) -> None:
        """The blamed node's alert is the root from then on: same incident, and all that it had comes from there."""
        incident = dark.open[0]
        dark.say("blame", incident.id, node="host/a")
        assert [(one.id, one.root.node) for one in dark.open] == [(incident.id, "host/a")]
        assert dark.status("HostDown@host/a") == "root"
        for who in ("SwitchDown@switch/s", "HostDown@host/b", "PodDown@pod/p"):
            assert (dark.status(who), dark.by(who)) == ("suppressed", "HostDown@host/a"), who
        assert dark["SwitchDown@switch/s"].code == "PERSON_SAID"
        assert dark["HostDown@host/a"].person == "ada"

    def test_what_comes_later(self, dark: Spoken) -> None:
        """What begins beneath the alert that is no root any more comes from the one that is."""
        dark.say("blame", dark.open[0].id, node="host/a")
        dark.play("70s DiskGone on host/b critical").until("2m")
        assert dark.by("DiskGone@host/b") == "HostDown@host/a"
        assert len(dark.open) == 1

    def test_blame_when_the_root_has_just_ended(self, dark: Spoken) -> None:
        """What fires on beneath a root that is over for less than settle comes from the blamed node: it is the same incident."""
        incident = dark.open[0]
        dark.play("70s SwitchDown on switch/s ends")
        dark.say("blame", incident.id, node="host/a")
        [now] = dark.open
        assert (now.id, now.root.node, now.firing) == (incident.id, "host/a", 3)
        assert {dark.by(who) for who in ("HostDown@host/b", "PodDown@pod/p")} == {"HostDown@host/a"}

    def test_blame_when_one_of_several_causes_has_just_ended(self, dark: Spoken) -> None:
        """What fires on beneath it comes from the blamed node, and so does what nothing explains."""
        incident = dark.open[0]
        dark.play("62s FanSlow on switch/s warning\n70s SwitchDown on switch/s ends")
        assert dark.by("HostDown@host/b") == "SwitchDown@switch/s"
        dark.say("blame", incident.id, node="host/a")
        assert [(one.id, one.root.node, one.firing) for one in dark.open] == [(incident.id, "host/a", 4)]
        assert {dark.by(who) for who in ("HostDown@host/b", "PodDown@pod/p", "FanSlow@switch/s")} == {"HostDown@host/a"}

    def test_blame_of_one_among_equals_when_their_first_has_just_ended(self) -> None:
        """Of several roots of one incident the blamed one is it at once, although what ended may still come back."""
        world = Spoken("cart > shop; mail > shop", Convergence(join=True))
        world.play("0s LatencyHigh on cart warning\n1s LatencyHigh on mail warning\n2s LatencyHigh on shop warning")
        [incident] = world.until("1m").open
        assert incident.root.node == "cart"
        world.play("70s LatencyHigh on cart ends")
        world.say("blame", incident.id, node="mail")
        assert [(one.id, one.root.node) for one in world.open] == [(incident.id, "mail")]

    def test_it_ends(self, dark: Spoken) -> None:
        """When the blamed alert is over for settle, what was put beneath it is judged by the rules again."""
        dark.say("blame", dark.open[0].id, node="host/a")
        dark.play("90s HostDown on host/a ends").until("4m")
        assert dark.status("SwitchDown@switch/s") == "root"
        assert dark.by("HostDown@host/b") == "SwitchDown@switch/s"

    def test_stays(self, dark: Spoken) -> None:
        """The word outlives a restart and another topology."""
        dark.say("blame", dark.open[0].id, node="host/a")
        dark.restart()
        dark.rewire("switch/s > host/a host/b > pod/p; rack/r > switch/s")
        dark.play("70s DiskGone on host/b critical").until("2m")
        for who in ("SwitchDown@switch/s", "DiskGone@host/b", "PodDown@pod/p"):
            assert dark.by(who) == "HostDown@host/a", who
        assert len(dark.open) == 1

    def test_silent_root(self, dark: Spoken) -> None:
        """A node without an alert is named all the same; its alert, when it comes, is the root at once."""
        incident = dark.open[0]
        dark.rewire("power/x > switch/s > host/a host/b > pod/p")
        dark.say("blame", incident.id, node="power/x")
        now = dark.incidents[incident.id]
        assert (now.people.suspect, now.root.node) == ("power/x", "switch/s")
        assert now.title.startswith("power/x")
        dark.restart()
        dark.play("80s PowerLow on power/x warning")
        assert [(one.id, one.root.node, one.people.suspect) for one in dark.open] == [(incident.id, "power/x", "")]
        assert dark.by("SwitchDown@switch/s") == "PowerLow@power/x"

    def test_root_of_another_incident(self) -> None:
        """To blame the root of another incident makes one of both; the one told first stays."""
        world = Spoken("host/a host/b")
        world.play("0s HostDown on host/a critical\n40s HostDown on host/b critical").until("2m")
        first, second = world.incident("HostDown@host/a"), world.incident("HostDown@host/b")
        world.say("blame", first.id, node="host/b")
        assert [(one.id, one.root.node) for one in world.open] == [(first.id, "host/b")]
        assert world.incidents[second.id].merged_into == first.id


class TestSplit:
    def test_an_incident_of_its_own(self, dark: Spoken) -> None:
        """What is split off is one incident of its own, and says so in both timelines; the rest stays."""
        old = dark.open[0]
        dark.say("split", old.id, on=("HostDown@host/b", "PodDown@pod/p"))
        assert {one.root.node for one in dark.open} == {"switch/s", "host/b"}
        new = dark.incident("PodDown@pod/p")
        assert new.id == dark.incident("HostDown@host/b").id != old.id
        assert dark.by("HostDown@host/a") == "SwitchDown@switch/s"
        assert "split off" in dark.happened(old)
        assert "split from" in dark.happened(new)

    def test_stays_apart(self, dark: Spoken) -> None:
        """It never comes back while it fires, whatever happens; its own symptoms come to it."""
        dark.say("split", dark.open[0].id, on=("HostDown@host/b",))
        dark.restart()
        dark.rewire("power/x > switch/s > host/a host/b > pod/p")
        dark.play("70s PowerDown on power/x critical since=-1s").until("5m")
        assert dark.status("HostDown@host/b") == "root"
        assert dark.by("SwitchDown@switch/s") == "PowerDown@power/x"
        dark.play("6m PowerDown on power/x ends\n6m SwitchDown on switch/s ends\n6m HostDown on host/a ends").until(
            "7m"
        )
        dark.play("7m DiskGone on pod/p critical since=3s").until("8m")
        assert dark.by("DiskGone@pod/p") in ("HostDown@host/b", "PowerDown@power/x")

    def test_root_stays(self, dark: Spoken) -> None:
        """The root itself is not split off: that would be to blame another."""
        dark.say("split", dark.open[0].id, on=("SwitchDown@switch/s",))
        assert len(dark.open) == 1

    def test_what_is_above_the_root(self) -> None:
        """What is split off explains the root no more, although the topology has it above that."""
        world = Spoken("switch/s host/a")
        world.play("0s HostDown on host/a critical\n0s SwitchDown on switch/s critical").until("1m")
        incident = world.incident("HostDown@host/a")
        world.say("merge", incident.id, other=world.incident("SwitchDown@switch/s").id)
        world.rewire("switch/s > host/a")
        assert world.by("SwitchDown@switch/s") == "HostDown@host/a"
        world.say("split", incident.id, on=("SwitchDown@switch/s",))
        assert {(one.id == incident.id, one.root.node) for one in world.open} == {(True, "host/a"), (False, "switch/s")}

    def test_what_the_root_was_put_beneath(self, dark: Spoken) -> None:
        """What was blamed once, and is not the root any more since it ended, takes the root along no more."""
        dark.say("blame", dark.open[0].id, node="host/b")
        dark.play("2m HostDown on host/b ends").until("20m")
        dark.play("20m HostDown on host/b critical").until("21m")
        [incident] = dark.open
        assert dark.by("HostDown@host/b") == "SwitchDown@switch/s"
        dark.say("split", incident.id, on=("HostDown@host/b",))
        assert {(one.id == incident.id, one.root.node) for one in dark.open} == {(True, "switch/s"), (False, "host/b")}

    def test_silenced_root_stays(self, dark: Spoken) -> None:
        """Nor is what was blamed while it is silenced, although the incident still has the name of what went before."""
        dark.silence("am", ("HostDown@host/b", "0s", "1h"))
        dark.say("blame", dark.open[0].id, node="host/b")
        dark.say("split", dark.open[0].id, on=("HostDown@host/b",))
        assert dark.by("SwitchDown@switch/s") == "HostDown@host/b"
        assert not dark.engine.state.people.apart


class TestMerge:
    @pytest.mark.parametrize("kept", ["host/a", "host/b"])
    def test_the_other_is_merged(self, kept: str) -> None:
        """The other incident becomes part of this one, whichever is older, for as long as both fire."""
        world = Spoken("host/a > pod/p; host/b > pod/q")
        world.play("0s HostDown on host/a critical\n40s HostDown on host/b critical").until("2m")
        other = "host/b" if kept == "host/a" else "host/a"
        survivor, gone = world.incident(f"HostDown@{kept}"), world.incident(f"HostDown@{other}")
        world.say("merge", survivor.id, other=gone.id)
        assert [(one.id, one.root.node) for one in world.open] == [(survivor.id, kept)]
        assert world.incidents[gone.id].merged_into == survivor.id
        world.restart()
        world.play("3m PodDown on pod/p critical\n3m PodDown on pod/q critical").until("5m")
        assert {world.by("PodDown@pod/p"), world.by("PodDown@pod/q")} == {f"HostDown@{kept}"}
        world.play(f"6m HostDown on {kept} ends\n6m PodDown on pod/p ends\n6m PodDown on pod/q ends").until("9m")
        assert world.status(f"HostDown@{other}") == "root"


class TestClose:
    def test_told_as_closed(self, dark: Spoken) -> None:
        """A closed incident is resolved by a person, and repeated copies of its alerts do not open it again."""
        incident = dark.open[0]
        dark.say("close", incident.id)
        now = dark.incidents[incident.id]
        assert (now.status, now.resolution, now.people.closed_by, now.firing) == ("resolved", "person", "ada", 0)
        dark.play("90s SwitchDown on switch/s still\n5m SwitchDown on switch/s still").until("10m")
        assert not dark.open
        dark.restart()
        dark.play("11m SwitchDown on switch/s still\n11m HostDown on host/a still").until("12m")
        assert not dark.open

    def test_fires_anew(self, dark: Spoken) -> None:
        """What ended and fires anew, or is new, counts again."""
        dark.say("close", dark.open[0].id)
        dark.play("10m SwitchDown on switch/s ends\n20m SwitchDown on switch/s again").until("25m")
        assert [one.root.node for one in dark.open] == ["switch/s"]

    def test_new_alert(self, dark: Spoken) -> None:
        """A new alert on the same node, within settle, opens the incident again and forgets who closed it."""
        incident = dark.open[0]
        dark.say("close", incident.id)
        dark.play("90s FanBroken on switch/s critical").until("3m")
        assert [(one.id, one.people.closed_by) for one in dark.open] == [(incident.id, "")]


class TestTooLate:
    @pytest.mark.parametrize("verb", ["ack", "blame", "split", "merge", "close"])
    def test_over(self, dark: Spoken, verb: Verb) -> None:
        """A word on an incident that is over is noted, and changes nothing."""
        incident = dark.open[0]
        dark.say("close", incident.id)
        before = dark.incidents[incident.id]
        dark.say(verb, incident.id, node="host/a", other=incident.id, on=("HostDown@host/a",))
        assert dark.incidents[incident.id].status == before.status == "resolved"
        assert dark.incidents[incident.id].root == before.root
