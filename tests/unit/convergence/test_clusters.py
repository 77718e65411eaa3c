"""Degraded things that are connected are one incident; two things that are down are two."""

from random import Random

import pytest

from healer.convergence.settings import Convergence
from healer.times import SECOND
from tests.unit.convergence.world import START, Graph, World

CALLS = "host > db; db > cart > shop; mail > shop; other > alone"


def world(drawing: str = CALLS, *, join: bool = True) -> World:
    return World(drawing, Convergence(join=join))


def nodes(one: World) -> list[tuple[str, int]]:
    """The open incidents by the node they are named after, with how many alerts fire in them."""
    named = ((found.named or found.root, found.firing) for found in one.open)
    return sorted((root.node, firing) for root, firing in named)


STORM = """
    0s LatencyHigh on mail warning
    0s LatencyHigh on cart warning
    1s ErrorsHigh on cart warning
    2s LatencyHigh on shop warning
"""


def test_roots_that_one_node_feels_are_one_incident_with_candidates() -> None:
    one = world().play(STORM).until("2m")
    assert nodes(one) == [("cart", 4)]
    [incident] = one.open
    assert incident.how == "ranked"
    assert incident.candidates[0].node == "cart"
    assert {"mail", "shop", "db"} <= {candidate.node for candidate in incident.candidates}


def test_without_the_setting_each_root_is_its_own() -> None:
    assert len(world(join=False).play(STORM).until("2m").open) == 2


def test_what_is_not_connected_is_another_incident() -> None:
    one = world().play("0s LatencyHigh on cart warning\n1s LatencyHigh on other warning").until("2m")
    assert nodes(one) == [("cart", 1), ("other", 1)]


def test_what_began_long_after_is_another_incident() -> None:
    one = world().play("0s LatencyHigh on cart warning\n20m LatencyHigh on mail warning").until("22m")
    assert len(one.open) == 2


def test_two_things_that_are_down_are_two_faults() -> None:
    one = world("a b > service").play(
        "0s HostDown on a critical\n1s HostDown on b critical\n2s Errors on service error"
    )
    assert [found.how for found in one.until("2m").open] == ["direct", "direct"]


def test_what_is_down_is_not_joined_by_what_is_degraded() -> None:
    one = world("a b > service").play(
        "0s HostDown on a critical\n1s LatencyHigh on b warning\n2s Errors on service error"
    )
    assert nodes(one.until("2m")) == [("a", 2), ("b", 1)]


def test_direct_wins_over_any_score() -> None:
    """What is down and topmost is the root, however much more what lies beneath it says."""
    one = world("switch > a > service").play("""
        0s SwitchDown on switch critical
        0s CPUHigh on service critical
        0s MemoryHigh on service critical
        0s ErrorsHigh on service critical
    """)
    [incident] = one.until("2m").open
    assert incident.named is None
    assert incident.how == "direct"
    assert incident.root.node == "switch" == incident.candidates[0].node
    scores = [candidate.score for candidate in incident.candidates]
    assert scores == sorted(scores, reverse=True)


def test_told_apart_and_then_connected_the_older_speaks_for_both() -> None:
    one = world().play("0s LatencyHigh on mail warning\n0s LatencyHigh on host warning").until("2m")
    assert len(one.open) == 2
    older = min(one.open, key=lambda found: (found.opened_at, found.id)).id
    one.play("3m ErrorsHigh on shop warning").until("5m")
    assert [found.id for found in one.open] == [older]
    assert one.open[0].firing == 3


def test_what_a_side_explains_is_said_again() -> None:
    """Nothing stays suppressed longer than `max_suppress` without being said again, whichever root of an incident explains it."""
    one = world("db > cart > shop; mail > shop; cart > pay").play("""
        0s LatencyHigh on cart warning
        0s LatencyHigh on mail error
        2s LatencyHigh on shop error
        3s LatencyHigh on pay warning
    """)
    [incident] = one.until("2m").open
    assert (incident.root.node, incident.suppressed) == ("mail", 2)
    one.play("3m LatencyHigh on shop ends")
    assert one.until("5h").incidents[incident.id].said_again == 1


def test_what_else_would_explain_is_the_second_candidate() -> None:
    """Rule 3: of two hosts that are down and a service on both, one explains it; the other is among its incident's candidates."""
    one = (
        world("a b > service")
        .play("""
        0s HostDown on a critical
        1s HostDown on b critical
        2s Errors on service error
    """)
        .until("2m")
    )
    assert one.by("Errors@service") == "HostDown@b"
    assert [view.node for view in one.engine.alternatives(one["Errors@service"].labels)] == ["a"]
    candidates = one.incident("HostDown@b").candidates
    assert [(found.node, bool(found.labels)) for found in candidates[:2]] == [("b", True), ("a", True)]
    assert candidates[1].why == ("would explain 1 of the 1 alerts explained here, were it not for a better root",)
    assert [found.node for found in one.incident("HostDown@a").candidates] == ["a"]


def test_it_is_over_when_the_last_of_them_is() -> None:
    one = world().play(STORM).until("2m")
    one.play("3m LatencyHigh on cart ends\n3m ErrorsHigh on cart ends\n3m LatencyHigh on shop ends").until("8m")
    assert [found.firing for found in one.open] == [1]
    one.play("9m LatencyHigh on mail ends").until("12m")
    assert not one.open
    [closed] = one.closed
    assert len(closed.alerts) == 4
    assert one.engine.history.incidents == 1


def test_a_snapshot_keeps_what_joined() -> None:
    one = world().play(STORM).until("2m")
    before = one.open
    one.engine = one.engine.thawed(one.engine.freeze(), Convergence(), one.graph, "test")
    one.play("3m LatencyHigh on alone warning").until("5m")
    [kept] = [found for found in one.open if found.id == before[0].id]
    assert kept.firing == 4
    assert len(one.open) == 2


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happens_numbers_are_those_of_what_fires_and_all_ends(seed: int) -> None:
    """What is told has an open incident, which counts its alerts; when all is over nothing is left in memory."""
    chance = Random(seed)
    names = [f"n{number}" for number in range(chance.randint(3, 9))]
    edges = [(a, b) for at, a in enumerate(names) for b in names[at + 1 :] if chance.random() < 0.35]
    one = World(Graph(edges, names), Convergence())
    firing: set[tuple[str, str]] = set()
    second = 0
    for _ in range(chance.randint(5, 40)):
        second += chance.choice([0, 1, 10, 40, 130, 400])
        alert = chance.choice(["HostDown", "HighErrors", "LatencyHigh", "RequestRateDrop"]), chance.choice(names)
        if alert in firing:
            firing.remove(alert)
            one.play(f"{second}s {alert[0]} on {alert[1]} ends")
        else:
            firing.add(alert)
            one.play(f"{second}s {alert[0]} on {alert[1]} {chance.choice(['warning', 'error', 'critical'])}")
        views = [view for view in one.engine.alerts() if not view.ended_at]
        for view in views:
            if view.status in ("root", "member"):
                assert one.incidents[view.incident].status == "open"
        for incident in one.open:
            assert incident.firing == sum(view.incident == incident.id for view in views)
    for name, node in sorted(firing):
        one.play(f"{second}s {name} on {node} ends")
    one.until(f"{second + 4000}s")
    state = one.engine.state
    assert (one.open, state.cases, state.places, state.wall >= START + second * SECOND) == ([], {}, {}, True)


def test_an_incident_is_weighed_again_only_when_it_has_grown() -> None:
    """However many alerts come one by one, it is weighed a few dozen times, so that an alert costs the same."""
    hosts = " ".join(f"h{number:03}" for number in range(400))
    one = world(f"gate > {hosts}").play("0s LatencyHigh on gate critical").until("20s")
    weighed = set()
    for number in range(400):
        one.play(f"{20 + number // 10}s LatencyHigh on h{number:03} warning")
        [case] = one.engine.state.cases.values()
        weighed.add(case.naming.weigh_at)
    assert nodes(one) == [("gate", 401)]
    assert len(weighed) < 40


def test_most_of_what_lies_beneath_a_silent_node_is_one_incident_with_a_suspect() -> None:
    """A rack without an alert of its own: its hosts go down at once, and the rack is among the first candidates."""
    hosts = [f"h{number}" for number in range(6)]
    one = world(f"hall > rack; rack > {' '.join(hosts)}; hall > far")
    one.play("\n".join(f"{number}s HostDown on {host} critical" for number, host in enumerate(hosts[:5]))).until("3m")
    [incident] = one.open
    assert (incident.firing, incident.how) == (5, "silent")
    assert incident.candidates[0].labels
    assert "rack" in [candidate.node for candidate in incident.candidates[:3]]


def test_a_few_of_many_that_are_down_are_faults_of_their_own() -> None:
    hosts = [f"h{number}" for number in range(12)]
    one = world(f"rack > {' '.join(hosts)}")
    one.play("\n".join(f"0s HostDown on {host} critical" for host in hosts[:4])).until("3m")
    assert len(one.open) == 4


def test_a_late_root_takes_over_all_that_had_joined() -> None:
    """People heard of the hosts as one incident; when the rack's own alert comes, it is still that one, with the rack as root."""
    hosts = [f"h{number}" for number in range(6)]
    one = world(f"rack > {' '.join(hosts)}")
    one.play("\n".join(f"0s HostDown on {host} critical" for host in hosts)).until("40s")
    [told] = [found for found in one.open if found.firing == 6]
    one.play("50s RackDown on rack critical since=-10s").until("3m")
    [incident] = one.open
    assert incident.id == told.id
    assert (incident.root.node, incident.firing, incident.how) == ("rack", 7, "direct")
    assert not [found for found in one.incidents.values() if found.status == "resolved"]


class TestTwoFaults:
    """Things that are degraded at once, neither above the other, and that a third node feels."""

    def test_each_with_something_of_its_own_beneath_it(self) -> None:
        """What the other does not reach did not fail because of it."""
        one = world("cart > a b; mail > b c").play("""
            0s ErrorsHigh on cart warning
            0s ErrorsHigh on mail warning
            5s ErrorsHigh on a warning
            5s ErrorsHigh on b warning
            5s ErrorsHigh on c warning
        """)
        assert [node for node, _ in nodes(one.until("2m"))] == ["cart", "mail"]

    def test_both_of_which_are_full(self) -> None:
        """Nobody's caller fills a disk."""
        one = world("cart mail > shop").play("""
            0s DiskFull on cart warning
            0s MemoryExhausted on mail warning
            5s ErrorsHigh on shop warning
        """)
        assert [node for node, _ in nodes(one.until("2m"))] == ["cart", "mail"]

    def test_one_of_which_may_be_the_others_doing_is_one(self) -> None:
        """Where all that the one touches is touched by the other too, it is a candidate and no second fault."""
        one = world("cart > a b; mail > b").play("""
            0s ErrorsHigh on cart warning
            0s ErrorsHigh on mail warning
            5s ErrorsHigh on a warning
            5s ErrorsHigh on b warning
        """)
        assert nodes(one.until("2m")) == [("cart", 4)]

    def test_a_symptom_of_both_that_was_told_first_does_not_tie_them(self) -> None:
        """It joins the first of them; the second stays another incident."""
        one = world("cart > a shop; mail > c shop").play("0s ErrorsHigh on shop critical").until("40s")
        one.play("""
            41s CPUHigh on cart warning
            42s MemoryHigh on mail warning
            45s LatencyHigh on a warning
            45s LatencyHigh on c warning
        """).until("3m")
        assert len(one.open) == 2
        roots = {seen.node for incident in one.open for seen in one.engine.incident_alerts(incident.id)[:1]}
        assert roots == {"shop", "mail"} or roots == {"cart", "mail"}


def test_most_of_what_lies_beneath_a_silent_node_and_is_degraded_is_one_incident() -> None:
    """A database without an alert: the services that use it fail at once, and it is among the candidates."""
    services = [f"s{number}" for number in range(4)]
    one = world(f"db > {' '.join(services)}")
    one.play("\n".join(f"{number}s ErrorsHigh on {service} error" for number, service in enumerate(services[:3])))
    [incident] = one.until("2m").open
    assert (incident.firing, incident.how) == (3, "ranked")
    assert "db" in [candidate.node for candidate in incident.candidates if not candidate.labels]


class TestStrays:
    """A node that lacks the edge by which the others hang on the root."""

    PODS = tuple(f"pod/{number}" for number in range(8))
    DRAWING = f"rack/1 > host/1 > {' '.join(PODS)}; rack/2 > host/2 > pod/y; workload/a > {' '.join(PODS)} pod/x pod/y"
    STORM = "\n".join(
        ("0s RackDown on rack/1 critical", *(f"{at}s PodNotReady on {pod} warning" for at, pod in enumerate(PODS)))
    )

    def test_belongs_to_the_incident_in_which_its_like_are(self) -> None:
        one = world(self.DRAWING).play(f"{self.STORM}\n10s PodNotReady on pod/x warning").until("2m")
        assert nodes(one) == [("rack/1", 10)]
        [incident] = one.open
        assert (incident.how, incident.root.node) == ("direct", "rack/1")

    def test_is_none_where_it_has_a_parent_of_that_kind(self) -> None:
        """Its host is known, and nothing is wrong there: this is another fault."""
        one = world(self.DRAWING).play(f"{self.STORM}\n10s PodNotReady on pod/y warning").until("2m")
        assert nodes(one) == [("pod/y", 1), ("rack/1", 9)]

    def test_is_none_at_another_time(self) -> None:
        one = world(self.DRAWING).play(f"{self.STORM}\n4m PodNotReady on pod/x warning").until("6m")
        assert nodes(one) == [("pod/x", 1), ("rack/1", 9)]

    def test_is_none_with_another_alert(self) -> None:
        """What the others do not have does not make it one of them."""
        one = world(self.DRAWING).play(f"{self.STORM}\n10s PodEvicted on pod/x warning").until("2m")
        assert nodes(one) == [("pod/x", 1), ("rack/1", 9)]

    def test_comes_back_to_life_with_the_others(self) -> None:
        """It is over when the last of them is, and memory lets go of all."""
        one = world(self.DRAWING).play(f"{self.STORM}\n10s PodNotReady on pod/x warning").until("2m")
        for node in (*self.PODS, "pod/x"):
            one.play(f"3m PodNotReady on {node} ends")
        one.play("3m RackDown on rack/1 ends").until("30m")
        assert (one.open, one.engine.state.cases, one.engine.state.places) == ([], {}, {})


def test_what_stands_above_a_failed_thing_and_is_not_watched_comes_second() -> None:
    """Before the symptoms beneath it, which say nothing about the cause."""
    one = world("rack > switch > a b c d").play("""
        0s SwitchDown on switch critical
        1s HostDown on a critical
        1s HostDown on b critical
        1s HostDown on c critical
    """)
    [incident] = one.until("2m").open
    assert [candidate.node for candidate in incident.candidates[:2]] == ["switch", "rack"]
