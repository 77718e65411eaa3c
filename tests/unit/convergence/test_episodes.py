"""Intervals: what begins, refreshes, contests and ends an alert, and how its end is called."""

import pytest

from healer.alerts.model import Alert
from healer.times import MINUTE, SECOND
from tests.unit.convergence.world import START, World

ALONE = "rack/r > host/a"


class TestRefreshed:
    """Overlapping intervals are one episode; an equal copy only refreshes."""

    def test_equal_copy(self) -> None:
        """A repeated delivery changes nothing that people see, neither id nor numbers nor revision."""
        world = World(ALONE).play("0s HostDown on host/a critical").until("1m")
        (before,) = world.open
        world.play("2m HostDown on host/a still")
        assert world.open == [before]

    def test_earlier_beginning(self) -> None:
        """A copy that began earlier moves the onset, and what it explains is judged again."""
        world = World(ALONE).play("""
            0s   RackHot on rack/r critical
            10s  HostHot on host/a critical since=-5m
        """)
        assert world.status("HostHot@host/a") == "held"
        world.play("12s RackHot on rack/r still since=-5m")
        assert world.by("HostHot@host/a") == "RackHot@rack/r"
        assert world["RackHot@rack/r"].starts_at == START - 5 * MINUTE

    @pytest.mark.parametrize("verb", ["critical", "again"])
    def test_far_future(self, verb: str) -> None:
        """A startsAt more than 60s in the future counts as now, also when an alert fires again."""
        world = World(ALONE).play("""
            0s   HostDown on host/a critical since=10s
            20s  HostDown on host/a ends
        """)
        assert world["HostDown@host/a"].starts_at == START + 10 * SECOND
        world.play(f"30s HostDown on host/a {verb} since=5m")
        assert world["HostDown@host/a"].starts_at == START + 30 * SECOND

    def test_old_resolution_is_no_news(self) -> None:
        """A resolution from before the alert began ends nothing."""
        world = World(ALONE).play("""
            0s   HostDown on host/a critical
            1m   HostDown on host/a ends
            2m   HostDown on host/a again
        """)
        labels = world["HostDown@host/a"].labels
        world.deliver(START + 3 * MINUTE, (Alert(labels, False, START, START + MINUTE),))
        assert world.status("HostDown@host/a") == "root"

    def test_begun_and_ended_in_one_delivery(self) -> None:
        """An alert that one delivery both begins and ends is told to nobody and forgotten after `settle`."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical
            0s  HostDown on host/a ends
        """)
        assert world.status("HostDown@host/a") == "resolved"
        world.until("2m")
        assert (len(world.engine), world.engine.firing, world.incidents) == (0, 0, {})

    def test_ended_twice_at_once(self) -> None:
        """An alert that ends, fires and ends again at one instant is let go of once."""
        world = World(ALONE).play("""
            0s  HostSlow on host/a warning
            0s  HostDown on host/a critical
            1m  HostDown on host/a ends
            1m  HostDown on host/a still
            1m  HostDown on host/a ends
        """)
        assert len(world.until("1h").engine) == 1


class TestContested:
    """A firing copy of the interval that just ended is held until it is refreshed or `settle` has passed."""

    HISTORY = """
        0s   HostDown on host/a critical
        5m   HostDown on host/a ends
        5m5s HostDown on host/a still
    """

    def test_held(self) -> None:
        """The straggler is held as contested; the incident stays resolved."""
        world = World(ALONE).play(self.HISTORY).until("6m59s")
        assert (world.status("HostDown@host/a"), world["HostDown@host/a"].code) == ("held", "CONTESTED")
        assert [one.status for one in world.incidents.values()] == ["resolved"]

    def test_held_until(self) -> None:
        """It says until when it waits: `settle` after the end, whatever the hold is."""
        world = World(ALONE).play(self.HISTORY).until("6m59s")
        ended = world["HostDown@host/a"].starts_at + 5 * MINUTE
        assert world["HostDown@host/a"].held_until == ended + 2 * MINUTE

    @pytest.mark.parametrize("after", ["5m20s HostDown on host/a still", ""])
    def test_counts(self, after: str) -> None:
        """A second copy, or `settle` since the end, makes it count: the incident opens again."""
        world = World(ALONE).play(self.HISTORY + after).until("7m")
        (incident,) = world.incidents.values()
        assert (world.status("HostDown@host/a"), incident.status, incident.reopened) == ("root", "open", 1)

    def test_ends_again(self) -> None:
        """A second resolution ends the straggler, and nobody heard of it."""
        world = World(ALONE).play(self.HISTORY + "5m10s HostDown on host/a ends").until("10m")
        (incident,) = world.incidents.values()
        assert (incident.status, incident.reopened) == ("resolved", 0)
        assert len(world.engine) == 0

    def test_after_expiry(self) -> None:
        """What merely expired is not contested: the sender is back, and the same interval goes on."""
        world = World(ALONE).play("""
            0s   HostDown on host/a critical lives=2m
            3m   HostDown on host/a still lives=2m
        """)
        (incident,) = world.incidents.values()
        assert (world.status("HostDown@host/a"), incident.reopened) == ("root", 1)

    def test_beside_others(self) -> None:
        """A straggler on a node with an open incident is held there, and not its face."""
        world = World(ALONE).play("""
            0s    HostDown on host/a critical
            0s    HostSlow on host/a warning
            5m    HostDown on host/a ends
            5m5s  HostDown on host/a still
        """)
        (incident,) = world.open
        assert (incident.title, incident.firing) == ("HostSlow on host/a", 2)
        assert world.status("HostDown@host/a") == "held"
        assert incident.told


class TestLifetimes:
    """`endsAt` of a firing alert is a lifetime from arrival; with several senders any of them holds the alert firing."""

    def test_expires(self) -> None:
        """An alert whose lifetime runs out ends as `expired`, at that instant."""
        world = World(ALONE).play("0s HostDown on host/a critical lives=4m").until("4m")
        view = world["HostDown@host/a"]
        assert (view.status, view.resolution, view.ended_at) == ("resolved", "expired", START + 4 * MINUTE)

    def test_renewed(self) -> None:
        """Each copy renews the lifetime; a shorter one shortens it."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical lives=4m
            3m  HostDown on host/a still lives=4m
            4m  HostDown on host/a still lives=1m
        """)
        assert world.until("4m59s").status("HostDown@host/a") == "root"
        assert world.until("5m").status("HostDown@host/a") == "resolved"

    def test_two_senders(self) -> None:
        """What one of two senders ends goes on while the other holds it, and expires with that one."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical from=one lives=4m
            1m  HostDown on host/a still from=two lives=4m
            2m  HostDown on host/a ends from=one
        """)
        assert world.until("4m59s").status("HostDown@host/a") == "root"
        assert world.until("5m")["HostDown@host/a"].resolution == "expired"

    def test_second_sender_ends_its_own(self) -> None:
        """A sender ends what it holds, and nothing when it holds nothing."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical from=one
            1m  HostDown on host/a still from=two
            2m  HostDown on host/a ends from=two
            3m  HostDown on host/a ends from=three
        """)
        assert world.status("HostDown@host/a") == "root"
        assert world.play("4m HostDown on host/a ends from=one").status("HostDown@host/a") == "resolved"

    def test_relay_does_not_outvote_its_source(self) -> None:
        """Alertmanager repeats what Prometheus told it, and is silenced when it would say that it ended: the source decides."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical from=prometheus
            1s  HostDown on host/a still from=alertmanager/healer
            2m  HostDown on host/a ends from=prometheus
        """)
        assert world["HostDown@host/a"].resolution == "sent"

    def test_source_ends_what_only_its_relay_told(self) -> None:
        """healer was away when Prometheus told of it: then what Alertmanager repeated ends with Prometheus' word all the same."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical from=alertmanager/healer
            2m  HostDown on host/a ends from=prometheus
        """)
        assert world["HostDown@host/a"].resolution == "sent"

    def test_relay_ends_only_its_own(self) -> None:
        """While a source holds it, Alertmanager's word that it ended is not the last."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical from=alertmanager/healer
            1s  HostDown on host/a still from=one
            2s  HostDown on host/a still from=two
            1m  HostDown on host/a ends from=alertmanager/healer
            2m  HostDown on host/a ends from=one
        """)
        assert world.status("HostDown@host/a") == "root"
        assert world.play("3m HostDown on host/a ends from=two").status("HostDown@host/a") == "resolved"

    def test_first_sender_falls_silent(self) -> None:
        """When the first sender's lifetime runs out the second one's holds."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical from=one lives=4m
            1m  HostDown on host/a still from=two
            2m  HostDown on host/a still from=two
        """)
        assert world.until("1h").status("HostDown@host/a") == "root"

    def test_one_timer(self) -> None:
        """Two senders that refresh an alert for hours leave a bounded number of timers behind."""
        lines = [f"{minute}m HostDown on host/a still from={who} lives=4m" for minute in range(1, 240) for who in "xy"]
        world = World(ALONE).play("0s HostDown on host/a critical from=x lives=4m\n" + "\n".join(lines))
        assert world.status("HostDown@host/a") == "root"
        assert sum(len(who) for _, _, who in world.engine.state.timers.pending()) <= 3


class TestKindsOfEnd:
    """Resolutions have a kind; people read all but `sent` as "no longer reported"."""

    def test_vanished(self) -> None:
        """What no Alertmanager knows any more ends as `vanished`, whoever holds it."""
        world = World(ALONE).play("0s HostDown on host/a critical").until("1m").vanish("HostDown@host/a")
        (incident,) = world.incidents.values()
        assert (incident.status, incident.resolution) == ("resolved", "vanished")

    def test_sent(self) -> None:
        """What its sender resolved ends as `sent`."""
        world = World(ALONE).play("""
            0s  HostDown on host/a critical
            1m  HostDown on host/a ends
        """)
        assert [one.resolution for one in world.incidents.values()] == ["sent"]

    def test_sent_late(self) -> None:
        """What seemed to have fallen silent did end when its sender says so afterwards; what relays it can not know."""
        world = World(ALONE).play("""
            0s     HostDown on host/a critical lives=4m from=prometheus
            4m10s  HostDown on host/a ends from=alertmanager/healer
        """)
        (incident,) = world.incidents.values()
        assert (world["HostDown@host/a"].resolution, incident.resolution) == ("expired", "expired")
        world.play("4m20s HostDown on host/a ends from=prometheus")
        (incident,) = world.incidents.values()
        assert (world["HostDown@host/a"].resolution, incident.resolution) == ("sent", "sent")
        assert world["HostDown@host/a"].ended_at == START + 4 * MINUTE

    def test_all_must_end(self) -> None:
        """An incident resolves when its last alert ends, not when its face does."""
        world = World(ALONE).play("""
            0s  RackDown on rack/r critical
            0s  RackHot on rack/r warning
            0s  HostDown on host/a critical
            1m  RackDown on rack/r ends
            2m  RackHot on rack/r ends
        """)
        (incident,) = world.incidents.values()
        assert (incident.status, incident.title) == ("open", "RackHot on rack/r")
        world.play("150s HostDown on host/a ends")
        (incident,) = world.incidents.values()
        assert (incident.status, incident.resolved_at) == ("resolved", START + 150 * SECOND)


class TestMemory:
    """What is over is let go of, and what goes on for ever does not gather what is over."""

    def test_children_come_and_go(self) -> None:
        """A root that fires for days keeps no more of its symptoms than it shows."""
        lines = [f"{10 * n}m HostHot on host/a critical\n{10 * n + 5}m HostHot on host/a ends" for n in range(1, 500)]
        world = World(ALONE).play("0s RackDown on rack/r critical\n" + "\n".join(lines))
        place = world.engine.state.cases[world.open[0].id].place
        assert len(place.explained) <= 64
        assert len(world.engine) <= 2
        assert world.open[0].total == 500

    def test_faces_come_and_go(self) -> None:
        """A place where something always fires keeps no ranking of what ended."""
        lines = [f"{10 * n}m DiskSlow on host/a info\n{10 * n + 5}m DiskSlow on host/a ends" for n in range(1, 500)]
        world = World(ALONE).play("0s HostDown on host/a critical\n" + "\n".join(lines))
        place = world.engine.state.cases[world.open[0].id].place
        assert len(place.ranking) <= 80

    def test_nothing_is_left(self) -> None:
        """After everything ended and settled, memory is empty."""
        world = World(ALONE).play("""
            0s   HostSlow on host/a warning
            1m   RackDown on rack/r critical since=0s
            2m   RackDown on rack/r ends
            2m   HostSlow on host/a ends
        """)
        world.until("1h")
        state = world.engine.state
        remembered = (state.episodes, state.places, state.cases, state.at_node, state.opened, state.co_holders)
        assert not any(remembered)
        assert (state.firing, state.mapped) == (0, 0)
        world.until("5h")
        assert state.timers.next_due() is None


def test_an_earlier_beginning_is_shown() -> None:
    """A copy that says it began earlier moves the incident's beginning too, also when nothing else changes."""
    world = World(ALONE).play("5s HostSlow on host/a warning").until("40s")
    (before,) = world.open
    (view,) = world.engine.alerts()
    world.deliver(START + 41 * SECOND, (Alert(view.labels, True, view.starts_at - SECOND, 0),))
    (after,) = world.open
    assert after.root.starts_at == before.root.starts_at - SECOND
