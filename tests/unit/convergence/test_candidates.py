"""Who could be the cause: each signal by itself, and the order that comes of them."""

import math
from pathlib import Path

import pytest

from healer.convergence.candidates import MAX_CANDIDATES, rank
from healer.convergence.evidence import Class, Clue, class_of, is_backlog
from healer.convergence.fixed import ONE, ln, ln_one_plus
from healer.convergence.history import MAX_SERIES, History, series_of
from healer.times import MINUTE, Micros
from tests.unit.convergence.world import START, Graph

CRITICAL, WARNING = 3, 1


def ranked(
    drawing: str,
    *clues: tuple[str, str, int],
    later: dict[str, Micros] | None = None,
    deployed: dict[str, Micros] | None = None,
) -> dict[str, tuple[str, ...]]:
    """The candidates of some alerts (name, node, level), best first, with what is said of each.

    On a node that was `deployed`, something changed before the alerts began and at most so much before its own onset.
    """
    graph = Graph.drawn(drawing)
    told = [Clue(graph.id(node), name, level, START + (later or {}).get(node, 0)) for name, node, level in clues]

    def changed(node: int, onset: Micros) -> str:
        within = (deployed or {}).get(graph.name(node), -1)
        return "it was deployed" if START <= onset <= START + within else ""

    return {graph.name(one.node): one.why for one in rank(told, graph, 10 * MINUTE, 2 * MINUTE, changed=changed)}


def test_logarithms_are_right_to_two_millionths() -> None:
    for n in (*range(1, 5000), 10**6, 10**6 + 1, 123_456_789, 10**12 + 7):
        assert abs(ln(n) - round(math.log(n) * ONE)) <= 2
    assert ln_one_plus(0) == 0


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("HostDown", Class.DOWN),
        ("KubeNodeNotReady", Class.DOWN),
        ("NodeFilesystemAlmostOutOfSpace", Class.SATURATION),
        ("ContainerCPUThrottling", Class.SATURATION),
        ("CheckoutSuccessRateLow", Class.ERROR),
        ("Http5xxRateHigh", Class.ERROR),
        ("LatencyP99High", Class.LATENCY),
        ("RequestRateDropped", Class.TRAFFIC),
        ("SomethingOdd", Class.OTHER),
        ("", Class.OTHER),
    ],
)
def test_the_words_of_a_name_say_what_kind_of_trouble_it_is(name: str, found: str) -> None:
    assert class_of(name) == found


def test_without_clues_there_is_no_candidate() -> None:
    assert ranked("a > b") == {}


def test_what_was_deployed_just_before_is_looked_at_first() -> None:
    """Between two that look alike it decides, at the time when each began, and it is said last."""
    slow = [("LatencyHigh", node, WARNING) for node in ("a", "b")]
    drawing = "cart > a; cart > b"
    assert next(iter(ranked(drawing, *slow))) == "a"
    found = ranked(drawing, *slow, deployed={"b": MINUTE})
    assert (next(iter(found)), found["b"][-1]) == ("b", "it was deployed")
    assert found["a"] == ranked(drawing, *slow)["a"]
    later = {"b": 2 * MINUTE}
    assert ranked(drawing, *slow, later=later, deployed={"b": MINUTE}) == ranked(drawing, *slow, later=later)


def test_a_suspect_without_an_alert_is_not_named_for_a_deployment() -> None:
    """It rises among the candidates, and stays behind what alerts."""
    found = list(ranked("db > shop; cache > shop", ("LatencyHigh", "shop", WARNING), deployed={"db": MINUTE}))
    assert found == ["shop", "db", "cache"]


def test_what_explains_the_others_is_named_first() -> None:
    found = ranked("host > db > cart > shop", *((("LatencyHigh", node, WARNING)) for node in ("db", "cart", "shop")))
    assert next(iter(found)) == "db"
    assert "a fault here would explain 2 of the 2 other nodes that alert" in found["db"]
    assert "it depends on db, which is in trouble as well" in found["cart"]


def test_a_leaf_that_only_its_callers_measure_does_not_win_over_what_is_full() -> None:
    clues = [("LatencyHigh", "db", WARNING), ("CPUHigh", "cart", CRITICAL), ("MemoryHigh", "cart", CRITICAL)]
    found = ranked("db > cart > shop", *clues, ("LatencyHigh", "shop", WARNING))
    assert next(iter(found)) == "cart"
    assert "only its caller measures it, so that one's faults show here" in found["db"]


def test_what_several_callers_feel_is_no_mirror_of_one() -> None:
    """The fault of one caller shows in what it calls; that of two at once is the callee's own."""
    one = ranked("dns > cart", ("LatencyHigh", "dns", WARNING), ("CPUHigh", "cart", WARNING))
    two = ranked(
        "dns > cart mail", ("LatencyHigh", "dns", WARNING), *(("CPUHigh", on, WARNING) for on in ("cart", "mail"))
    )
    assert any("only its caller measures it" in said for said in one["dns"])
    assert not any("only its caller measures it" in said for said in two["dns"])


def test_a_hub_most_of_which_is_in_trouble_is_not_explained_by_its_position() -> None:
    """A core switch reaches everything: when all of that is wrong at once and itself as well, it is the first candidate."""
    hosts = [f"h{number}" for number in range(12)]
    pods = " ; ".join(f"{host} > {host}a {host}b" for host in hosts)
    storm = [("DiskLatencyHigh", host, WARNING) for host in hosts]
    storm += [("RequestsQueued", f"{host}a", WARNING) for host in hosts]
    found = ranked(f"core > {' '.join(hosts)}; {pods}", ("PacketsLost", "core", WARNING), *storm)
    assert next(iter(found)) == "core"


def test_a_drop_of_traffic_points_to_the_caller() -> None:
    """Who only lost its traffic is a victim, and whoever calls it is a candidate though it has no alert."""
    found = ranked(
        "mail pay > checkout > shop", ("RequestRateDrop", "mail", WARNING), ("RequestRateDrop", "pay", WARNING)
    )
    assert "checkout" in found
    assert "nothing but its traffic changed, as it does when its callers fail" in found["mail"]


def test_a_silent_node_is_a_suspect_and_never_first() -> None:
    found = ranked("switch > a b c d", *(("LatencyHigh", node, WARNING) for node in "abcd"))
    assert next(iter(found)) == "a"
    assert "it has no alert itself: a suspect" in found["switch"]


def test_what_began_long_after_is_not_explained() -> None:
    clues = [("LatencyHigh", "db", WARNING), ("LatencyHigh", "shop", WARNING)]
    found = ranked("db > shop", *clues, later={"db": 3 * MINUTE})
    assert "a fault here would explain 0 of the 1 other nodes that alert" in found["db"]


def test_a_position_that_reaches_everything_explains_nothing_by_itself() -> None:
    """Two of many hosts are slow: the switch above all of them is a worse candidate than either."""
    hosts = [f"h{number}" for number in range(20)]
    found = list(ranked(f"core > {' '.join(hosts)}", ("LatencyHigh", "h3", WARNING), ("LatencyHigh", "h5", WARNING)))
    assert found[:2] == ["h3", "h5"]


def test_there_are_never_more_candidates_than_people_read() -> None:
    names = " ".join(f"n{number:03}" for number in range(150))
    clues = [("LatencyHigh", f"n{number:03}", WARNING) for number in range(150)]
    assert len(ranked(f"{names} > shop", *clues)) == MAX_CANDIDATES


def test_the_order_of_the_clues_changes_nothing() -> None:
    clues = [("LatencyHigh", "db", WARNING), ("ErrorsHigh", "cart", CRITICAL), ("LatencyHigh", "shop", CRITICAL)]
    drawing = "db cache > cart > shop"
    assert list(ranked(drawing, *clues).items()) == list(ranked(drawing, *reversed(clues)).items())


class TestHistory:
    def test_nothing_is_common_at_first(self) -> None:
        assert History().rarity(series_of("a", "b", "c")) == ONE

    def test_what_comes_with_every_incident_says_less_than_what_is_new(self) -> None:
        history = History()
        always, never = series_of("proxy", "Slow", "warning"), series_of("db", "Full", "critical")
        for _ in range(30):
            history.learn([always], [])
        assert history.rarity(always) < ONE // 2
        assert history.rarity(never) == ONE

    def test_what_was_named_counts_a_quarter_because_faults_repeat(self) -> None:
        history = History()
        for _ in range(12):
            history.learn([1], [2])
        assert history.rarity(1) < history.rarity(2) < ONE
        assert (history.count(1), history.count(2)) == (12, 3)

    def test_another_severity_is_another_series(self) -> None:
        assert series_of("a", "b", "warning") != series_of("a", "b", "critical")

    def test_it_goes_on_where_a_snapshot_left_it(self) -> None:
        history = History()
        history.learn([1, 2], [3])
        again = History(history.remembered())
        assert again.remembered() == history.remembered()
        assert [again.rarity(one) for one in (1, 3, 9)] == [history.rarity(one) for one in (1, 3, 9)]

    def test_it_forgets_what_came_least_lately_beyond_its_limit(self) -> None:
        history = History()
        history.learn(range(MAX_SERIES), [])
        history.learn([0], [])
        history.learn([-1, -2], [])
        assert history.count(0) == 2
        assert history.count(1) == 0
        assert len(history.remembered().series) == MAX_SERIES


def test_no_float_decides() -> None:
    """Scores are whole numbers: a division or a float in these files would let machines differ."""
    folder = Path(__file__).parents[3] / "healer" / "convergence"
    for name in ("fixed", "evidence", "history", "candidates", "naming"):
        code = (folder / f"{name}.py").read_text()
        assert "float" not in code.replace("floating", "")
        assert " / " not in "\n".join(line for line in code.splitlines() if '"""' not in line and "#" not in line)


def test_a_backlog_points_to_who_takes_from_it() -> None:
    """A consumer that is slow fills its topic and blocks who writes to it: the fault travels against the edges."""
    clues = [("ConsumerLagHigh", "topic", CRITICAL), ("PublishTimeouts", "writer", CRITICAL)]
    found = ranked("writer > topic > reader", *clues, ("CPUSaturated", "reader", CRITICAL))
    assert next(iter(found)) == "reader"
    assert "a fault here would explain 2 of the 2 other nodes that alert" in found["reader"]
    assert "something waits there: who is to take it may be the cause" in found["topic"]
    assert "reader" in ranked("writer > topic > reader", *clues)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("KafkaConsumerGroupLagHigh", True),
        ("rabbitmq_queue_depth_high", True),
        ("PulsarTopicBacklog", True),
        ("TooManyUnackedMessages", True),
        ("MySQLReplicationLag", False),
        ("HighLatency", False),
        ("RequestQueueTimeHigh", False),
    ],
)
def test_a_backlog_is_known_by_its_words(name: str, found: bool) -> None:
    assert is_backlog(name) is found


def test_what_comes_alone_is_a_habit() -> None:
    """A series that keeps firing and brings nothing about becomes common sooner than one that is a cause again and again."""
    alone, cause, symptom = 1, 2, 3
    history = History()
    for _ in range(10):
        history.learn([], [alone])
        history.learn([symptom], [cause])
    assert history.rarity(alone) == history.rarity(symptom) < history.rarity(cause)
    assert history.count(alone) == 10
