"""Which series an expression reads, whatever stands around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.prometheus.selectors import selectors


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('up{instance="a"}', ['up{instance="a"}']),
        ('min(up{instance="a"})', ['up{instance="a"}']),
        ("up", ["up"]),
        ("job:errors:rate5m > 0.5", ["job:errors:rate5m"]),
        ("rate(errors_total[5m]) / rate(requests_total[5m])", ["errors_total", "requests_total"]),
        ("sum by (job, instance) (rate(x[5m]))", ["x"]),
        ("sum(rate(x[5m])) without (job)", ["x"]),
        ("a / on(instance) group_left(job) b", ["a", "b"]),
        ('1 - avg(rate(cpu{mode="idle"}[5m] offset 1h))', ['cpu{mode="idle"} offset 1h']),
        ("x offset -5m", ["x offset - 5m"]),
        ("x @ 1609746000", ["x @ 1609746000"]),
        ("x @ end()", ["x @ end ( )"]),
        ('{__name__="up", job=~"a|b{2}"}', ['{__name__="up",job=~"a|b{2}"}']),
        ('up{path="}[\\"x"}', ['up{path="}[\\"x"}']),
        ("max_over_time(x[1h:5m])", ["x"]),
        ("max_over_time(rate(x[5m])[1h:5m])", ["x"]),
        ("absent(up) or vector(1)", ["up"]),
        ("vector(1)", []),
        ("time() - 5 > bool 3", []),
        ("1e3 + 0x1F + Inf", []),
        ("up # and down\n", ["up"]),
        ("up == 1 and up == 1", ["up"]),
        ("histogram_quantile(0.9, sum(rate(b_bucket[5m])) by (le))", ["b_bucket"]),
        ('label_replace(up, "a", "$1", "b", "(.*)")', ["up"]),
        ("up unless down", ["up", "down"]),
        ('count_values("version", build_info)', ["build_info"]),
    ],
)
def test_the_selectors_of_an_expression(expression: str, expected: list[str]) -> None:
    """Names that are functions, keywords, labels, durations or text are none; ranges go, offsets stay."""
    assert selectors(expression) == tuple(expected)


@given(st.text(alphabet="ab{}[]()\"'`\\#@:, \noffset5m-", max_size=60))
def test_any_text_comes_to_an_end(text: str) -> None:
    """A text that is no PromQL gives selectors or none; Prometheus will say what is wrong with it."""
    assert all(selectors(text))
