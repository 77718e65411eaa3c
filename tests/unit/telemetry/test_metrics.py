import pytest

from healer.telemetry.metrics import SERIES, Registry, Sample


def test_counters_and_gauges_are_written_with_help_and_type() -> None:
    registry = Registry()
    registry.counter("healer_alerts_total", "Alerts\nstored.").inc(3)
    registry.gauge("healer_lag", "Behind.").set(1.5)
    assert registry.expose().decode() == (
        "# HELP healer_alerts_total Alerts\\nstored.\n# TYPE healer_alerts_total counter\nhealer_alerts_total 3\n"
        "# HELP healer_lag Behind.\n# TYPE healer_lag gauge\nhealer_lag 1.5\n"
    )


def test_label_values_are_escaped() -> None:
    registry = Registry()
    registry.counters("healer_x_total", "", ("why",)).of('a"b\\c\nd').inc()
    assert b'healer_x_total{why="a\\"b\\\\c\\nd"} 1\n' in registry.expose()


def test_histogram_buckets_are_cumulative_and_a_bound_counts_itself() -> None:
    registry = Registry()
    seconds = registry.histogram("healer_s", "", (0.1, 1.0))
    for value in (0.1, 0.5, 7.0):
        seconds.observe(value)
    assert registry.expose().decode().splitlines()[2:] == [
        'healer_s_bucket{le="0.1"} 1',
        'healer_s_bucket{le="1"} 2',
        'healer_s_bucket{le="+Inf"} 3',
        "healer_s_sum 7.6",
        "healer_s_count 3",
    ]


def test_a_counter_does_not_go_down() -> None:
    with pytest.raises(ValueError, match="only grows"):
        Registry().counter("healer_x_total", "").inc(-1)


def test_asking_again_gives_the_same_series_and_another_kind_is_a_mistake() -> None:
    registry = Registry()
    registry.counter("healer_x_total", "").inc()
    registry.counter("healer_x_total", "").inc()
    assert b"healer_x_total 2\n" in registry.expose()
    with pytest.raises(ValueError, match="is a counter already, not a gauge"):
        registry.gauge("healer_x_total", "")


def test_no_input_makes_more_series_than_the_limit() -> None:
    registry = Registry()
    family = registry.counters("healer_x_total", "", ("sender",))
    for number in range(SERIES + 50):
        family.of(f"s{number}").inc()
    exposed = registry.expose().decode()
    assert exposed.count("\nhealer_x_total{") == SERIES + 1
    assert 'healer_x_total{sender="other"} 50\n' in exposed


def test_what_other_rooms_count_is_read_when_somebody_looks() -> None:
    registry = Registry()
    counted = [1.0]
    registry.read(lambda: [Sample("healer_open", counted[0], (("severity", "critical"),), help="Open.")])
    counted[0] = 2
    assert registry.expose().decode().splitlines() == [
        "# HELP healer_open Open.",
        "# TYPE healer_open gauge",
        'healer_open{severity="critical"} 2',
    ]


@pytest.mark.parametrize(("value", "text"), [(float("inf"), "+Inf"), (float("-inf"), "-Inf"), (float("nan"), "NaN")])
def test_numbers_that_are_none_have_prometheus_names(value: float, text: str) -> None:
    registry = Registry()
    registry.gauge("healer_x", "").set(value)
    assert f"healer_x {text}\n".encode() in registry.expose()
