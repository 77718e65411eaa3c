"""Times and labels as commands write them."""

import pytest

from healer.cli.words import ago, between, counted, label_text, rough
from healer.times import DAY, HOUR, MINUTE, SECOND


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "0s"),
        (-5 * SECOND, "0s"),
        (1_500_000, "1s"),
        (3 * MINUTE + 12 * SECOND, "3m12s"),
        (2 * HOUR + 5 * MINUTE + 3 * SECOND, "2h5m"),
        (40 * DAY, "5w5d"),
    ],
)
def test_a_duration_has_two_units(duration: int, text: str) -> None:
    assert rough(duration) == text


def test_how_long_ago() -> None:
    assert ago("1970-01-01T00:00:10.000Z", 70 * SECOND) == "1m"
    assert ago(None, 0) == ""
    assert between("1970-01-01T00:00:10Z", "1970-01-01T00:00:12Z") == "2s"
    assert between("1970-01-01T00:00:10Z", None) == ""


def test_labels_begin_with_the_name() -> None:
    assert label_text({"a": "1", "alertname": "X"}) == 'alertname="X", a="1"'


def test_one_is_singular() -> None:
    assert (counted(1, "alert"), counted(1200, "alert")) == ("1 alert", "1,200 alerts")
