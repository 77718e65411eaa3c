"""Single settings to try: read as in healer.yaml, laid over what was in force."""

import pytest

from healer.convergence.settings import Convergence, Hold
from healer.rehearsal.otherwise import Wrong, read_override
from healer.times import MINUTE, SECOND


def test_a_setting_is_changed_and_no_other() -> None:
    """With or without its room's name; what was set before stays."""
    was = Convergence(slack=7 * SECOND)
    for said in ("convergence.window=5m", "window=5m", "window = 5m"):
        now = read_override(said)(was)
        assert (now.window, now.slack) == (5 * MINUTE, 7 * SECOND)


def test_a_part_of_a_setting_is_changed_and_its_rest_kept() -> None:
    """Of a mapping one key, of a struct one field."""
    was = Convergence(hold=Hold(default=50 * SECOND, critical=20 * SECOND), for_={"A": MINUTE})
    assert read_override("hold.critical=10s")(was).hold == Hold(default=50 * SECOND, critical=10 * SECOND)
    assert read_override("hold=9s")(was).hold == Hold(default=9 * SECOND, critical=9 * SECOND)
    assert read_override("for.B=2m")(was).for_ == {"A": MINUTE, "B": 2 * MINUTE}
    assert read_override("severities.page=error")(was).severities["page"] == "error"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("window", "write KEY=VALUE"),
        ("=5m", "write KEY=VALUE"),
        ("windw=5m", "did you mean window?"),
        ("window=soon", "duration"),
        ("hold.critical=[", "not YAML"),
    ],
)
def test_what_is_wrong_is_said(said: str, why: str) -> None:
    with pytest.raises(Wrong, match=why.replace("?", r"\?")):
        read_override(said)
