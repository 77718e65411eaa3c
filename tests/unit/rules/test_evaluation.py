"""Three values, time that turns conditions, and sentences that say why."""

import itertools

import msgspec
import pytest

from rules import Answer, Facts, NodeFact, evaluate, remember
from tests.unit.rules.build import FACTS, HOST, NOW, SECOND, answered, condition, verdict

TRUE, FALSE, UNKNOWN = "suppressed == 4", "suppressed == 5", 'labels.absent == "x"'
VALUES = {TRUE: True, FALSE: False, UNKNOWN: None}


def _and(left: bool | None, right: bool | None) -> bool | None:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


@pytest.mark.parametrize(("left", "right"), list(itertools.product(VALUES, repeat=2)))
def test_kleene(left: str, right: str) -> None:
    """AND, OR and NOT follow Kleene's tables for every pair of true, false and unknown."""
    a, b = VALUES[left], VALUES[right]
    either = _and(None if a is None else not a, None if b is None else not b)

    assert verdict(f"{left} AND {right}").value is _and(a, b)
    assert verdict(f"{left} OR {right}").value is (None if either is None else not either)
    assert verdict(f"NOT {left}").value is (None if a is None else not a)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('labels.env == "prod"', True),
        ('labels.env in ["staging", "prod"]', True),
        ('labels.env in ["staging"]', False),
        ('labels.env in ["staging", labels.absent]', None),
        ('labels.env =~ "pr.*"', True),
        ('labels.env =~ "pr"', False),
        ('labels.env !~ "pr"', True),
        ('labels.absent != "x"', None),
        ('labels.absent !~ "x"', None),
        ('labels.absent ?? "prod" != "prod"', False),
        ("known(labels.absent)", False),
        ("known(labels.env)", True),
        ("NOT known(labels.absent)", True),
        ("number(labels.port) > 8000", True),
        ("number(labels.env) > 8000", None),
        ('lower("ABC") == "abc"', True),
        ('host("10.0.0.1:9100") == "10.0.0.1"', True),
        ('host("[::1]:9100") == "::1"', True),
        ('host("https://web-1:8443/x") == "web-1"', True),
        ("severity >= error", True),
        ("severity >= critical", False),
        ("severity in [warning, error]", True),
        ("kind == host", True),
        ('node.owner == "team-a"', True),
        ('node.absent == "x"', None),
        ('topology.rack == "r1"', True),
        ('topology.zone == "z1"', None),
        ('topology.region == "r"', None),
        ("duration >= 1m", True),
        ("duration > 1m", False),
        ("suppressed >= 4 AND suppressed != 5", True),
        ("95% == 95%", True),
        ("1 + 2 * 3 == 7", True),
        ("(1 + 2) * 3 == 9", True),
        ("10 - 4 - 3 == 3", True),
        ("-suppressed < 0", True),
        ("1h30m == 90m", True),
        ("2GiB > 2GB", True),
        ("suppressed / 0 > 1", None),
        ("duration / 30s == 2", True),
        ("50% * 10 == 500%", True),
        ("onset + 90s == onset + 1m30s", True),
        ("resolved", None),
        ('suppressed == 5 and suppressed == 5 OR alertname == "HostDown"', True),
        ("yes", True),
        ("NOT no", True),
        ('"a\\"b\\\\" == "a\\"b\\\\"', True),
        ('labels["env"] == "prod"', True),
    ],
)
def test_conditions(text: str, expected: bool | None) -> None:
    """Operators, units, names and precedence mean what the language says."""
    assert verdict(text).value is expected


def test_a_missing_number_is_not_zero() -> None:
    """A query without data makes every comparison with it unknown, `!=` included."""
    for comparison in ("cpu_load > 5%", "cpu_load < 5%", "cpu_load != 5%", "cpu_load == 5%"):
        found = answered(comparison, None, why="no data")

        assert found.value is None
        assert found.because == (f"{comparison} is unknown: cpu_load is unknown: no data",)


def test_a_query_is_asked_once_and_answered() -> None:
    """What is not known yet is named in `needs`, finished and escaped, and its answer decides."""
    first = verdict("cpu_load > 95% OR cpu_load > 90%")

    assert first.value is None
    assert [need.text for need in first.needs] == [
        "1 - avg(rate(node_cpu_seconds_total{mode=\"idle\",instance='web-1:9100'}[5m]))"
    ]
    facts = msgspec.structs.replace(FACTS, answers={first.needs[0].key: Answer(0.973, NOW)})
    second = verdict("cpu_load > 95%", facts)
    assert second.value is True
    assert second.needs == ()
    assert second.because == ("cpu_load > 95% holds: cpu_load is 97.3%",)


@pytest.mark.parametrize(
    ("name", "both"),
    [
        ("cart", ("{service='cart'}", "{namespace='',service='cart'}")),
        ("shop/cart", ("{service='shop/cart'}", "{namespace='shop',service='cart'}")),
        ("north/shop/cart", ("{service='north/shop/cart'}", "{namespace='shop',service='cart'}")),
    ],
)
def test_errors_of_a_service_with_a_namespace(name: str, both: tuple[str, str]) -> None:
    """Its series are those with its name, or with the namespace and the name that it has in a cluster."""
    service = NodeFact(f"service/{name}", name, "service")
    (need,) = verdict("request_rate > 5", msgspec.structs.replace(FACTS, node=service)).needs
    assert need.text == "sum({})".format(" or ".join(f"rate(http_requests_total{one}[5m])" for one in both))


def test_an_attribute_goes_before_a_part_of_the_name() -> None:
    """Where a source of the topology says what a node's namespace is, that counts."""
    service = NodeFact("service/shop/cart", "shop/cart", "service", {"namespace": "shop-eu"})
    found = verdict('node.namespace == "shop-eu" AND node.base == "cart"', msgspec.structs.replace(FACTS, node=service))
    assert found.value is True


def test_units_of_metrics() -> None:
    """A metric of durations answers in seconds, one of sizes in bytes."""
    assert answered("latency_p99 > 2s", 2.5).because == ("latency_p99 > 2s holds: latency_p99 is 2s500ms",)
    assert answered("disk_free < 2GiB", 1.5 * 2**30).because == ("disk_free < 2GiB holds: disk_free is 1.5GiB",)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_unknown(number: float) -> None:
    """NaN and infinity, which Prometheus returns for 0/0 and the like, decide nothing."""
    assert answered("cpu_load > 95%", number).value is None


def test_nothing_is_asked_that_cannot_change_the_verdict() -> None:
    """A condition that is false already asks no query."""
    assert verdict("severity >= critical AND cpu_load > 95%").needs == ()
    assert verdict("severity >= error OR cpu_load > 95%").needs == ()


def test_a_default_waits_for_the_answer() -> None:
    """`??` and `known` do not take a question that was not asked yet for one without an answer."""
    for text, after in (("cpu_load ?? 100% > 95%", True), ("NOT known(cpu_load)", True)):
        first = verdict(text)
        assert first.value is None
        assert len(first.needs) == 1
        assert answered(text, None).value is after


def test_a_sample_from_before_the_effect_proves_nothing() -> None:
    """Verification accepts only samples later than the end of the effect."""
    need = verdict("healthy(node)").needs[0]
    for sampled_at, expected in ((NOW - 1, None), (NOW, None), (NOW + 1, True), (None, None)):
        facts = msgspec.structs.replace(FACTS, samples_after=NOW, answers={need.key: Answer(1.0, sampled_at)})
        assert verdict("healthy(node)", facts).value is expected


@pytest.mark.parametrize(("answer", "expected"), [(1.0, True), (0.0, False), (0.5, False), (None, None)])
def test_healthy(answer: float | None, expected: bool | None) -> None:
    """A node is healthy when its health query answers 1; no data is unknown."""
    assert answered("healthy(node)", answer).value is expected


def test_healthy_asks_about_the_node_it_names() -> None:
    """`healthy(nearest(rack))` fills the rack's own attributes into the query of its kind."""
    facts = msgspec.structs.replace(FACTS, health={"rack": "min(up{instance='{{ node.instance }}'})"})

    assert [need.text for need in verdict("healthy(nearest(rack))", facts).needs] == ["min(up{instance='r1-switch'})"]
    assert verdict("healthy(node)", facts).because == ("health is unknown: no health query for nodes of kind host",)
    assert verdict("healthy(nearest(zone))", facts).because == ("health is unknown: several zones are equally near",)


def test_without_a_node() -> None:
    """An incident without a node makes what asks about it unknown, and says so."""
    nowhere = msgspec.structs.replace(FACTS, node=None)

    assert verdict("kind == host", nowhere).value is None
    assert verdict("cpu_load > 95%", nowhere).because == (
        "cpu_load > 95% is unknown: cpu_load cannot be asked: node.instance is unknown: the incident has no node",
    )


@pytest.mark.parametrize(
    ("text", "started", "turns"),
    [
        ("duration > 30s", 12, 18 * SECOND + 1),
        ("duration >= 30s", 12, 18 * SECOND),
        ("duration < 30s", 12, 18 * SECOND),
        ("duration <= 30s", 12, 18 * SECOND + 1),
        ("duration == 30s", 12, 18 * SECOND),
        ("duration > 30s", 31, None),
        ("30s < duration", 12, 18 * SECOND + 1),
        ("duration * 2 > 1m", 12, 18 * SECOND + 1),
        ("duration + 18s >= 30s", 0, 12 * SECOND),
        ("1m - duration < 30s", 12, 18 * SECOND + 1),
        ("duration / 30s >= 1", 12, 18 * SECOND),
        ("duration > 30s AND duration > 40s", 12, 18 * SECOND + 1),
        ("duration > 30s OR severity >= critical", 12, 18 * SECOND + 1),
        ("duration > 30s AND severity >= critical", 12, 18 * SECOND + 1),
        ("duration > 5s AND severity >= critical", 12, None),
    ],
)
def test_when_time_alone_turns_a_condition(text: str, started: int, turns: int | None) -> None:
    """`next_at` is the first instant at which a comparison with time has another value, and no earlier one."""
    facts = msgspec.structs.replace(FACTS, starts_at=NOW - started * SECOND)
    found = verdict(text, facts)

    assert found.next_at == (None if turns is None else NOW + turns)
    if turns is not None and "AND" not in text:
        then = msgspec.structs.replace(facts, now=NOW + turns)
        assert verdict(text, then).value is not found.value
        assert verdict(text, msgspec.structs.replace(then, now=NOW + turns - 1)).value is found.value


def test_for_asks_that_it_held_throughout() -> None:
    """`X for 5m` becomes true once X was seen to hold at every evaluation for five minutes, and a gap starts over."""
    when = condition("suppressed == 4 for 5m")
    history: dict[str, int] = {}
    seen = []
    for minute, suppressed in enumerate([4, 4, 5, 4, 4, 4, 4, 4, 4]):
        now = NOW + minute * 60 * SECOND
        found = evaluate(when, msgspec.structs.replace(FACTS, now=now, suppressed=suppressed, held_since=history))
        history = remember(history, found, now)
        seen.append(found.value)

    assert seen == [False] * 8 + [True]


def test_for_says_when_it_is_due() -> None:
    """While X holds and not yet long enough, the verdict says when it will have."""
    found = verdict("suppressed == 4 for 5m")

    assert found.value is False
    assert found.next_at == NOW + 300 * SECOND
    assert found.because == ("suppressed == 4 holds: suppressed is 4", "so for 0s of 5m")
    assert verdict(f"{UNKNOWN} for 5m").value is None


def test_no_condition_is_true() -> None:
    """A rule without `when` fires on its event alone."""
    assert evaluate(None, FACTS).value is True


def test_facts_about_nothing() -> None:
    """With nothing known but the time, every name but the text ones is unknown, and nothing raises."""
    for text in ("duration > 1s", "severity >= info", "suppressed > 1", "resolved"):
        assert verdict(text, Facts(now=NOW)).value is None
    assert HOST.id in verdict("healthy(node)").because[0]
