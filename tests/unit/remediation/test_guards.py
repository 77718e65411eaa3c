"""Each guard's no, with the number that it says, right at its edge."""

from typing import Any

import msgspec
import pytest

from healer.convergence.outcome import AtWork
from healer.remediation import guards
from healer.remediation.guards import FRESH, OBSERVED, Observed
from healer.remediation.model import Refused
from healer.times import DAY, MINUTE, SECOND
from tests.unit.remediation.build import HOST, NOON, RESTART, alert, incident, plan

WELL = Observed(
    now=NOON,
    incident=incident(),
    root=alert(),
    on_target=(alert(),),
    above_target=(),
    silences_age=FRESH,
    silences_readable=True,
)


STALE = DAY


def refuse(**changes: Any) -> Refused | None:
    return guards.refusal(guards.observe(plan(), RESTART, msgspec.structs.replace(WELL, **changes)))


def said(**changes: Any) -> tuple[str, str] | None:
    refused = refuse(**changes)
    return (refused.guard, refused.why) if refused else None


def test_a_fresh_root_on_a_node_where_nobody_works_is_healed() -> None:
    """No guard says no; the oldest view of silences that is accepted is 10 s old."""
    assert said() is None
    assert said(root=alert("member")) is None
    assert said(silences_age=None) is None, "there is no Alertmanager to mirror"
    assert said(root=alert(starts_at=NOON - STALE), now=NOON) is not None, "another episode"


@pytest.mark.parametrize(
    ("changes", "guard", "why"),
    [
        ({"silences_readable": False}, "silenced", "cannot be read, so somebody may be working there"),
        ({"silences_age": FRESH + 1}, "silenced", "were read 10s ago, at most 10s is fresh"),
        ({"silences_age": 3 * MINUTE}, "silenced", "were read 3m ago, at most 10s is fresh"),
        (
            {"on_target": (alert(), alert("silenced", silence="s7 by jo until 13:00"))},
            "silenced",
            f"an alert on {HOST} is silenced by s7 by jo until 13:00",
        ),
        ({"on_target": (alert(silence="s7"),)}, "silenced", "silenced by s7"),
        (
            {"at_work": AtWork("m1", "jo", "rack/r1 and everything beneath it", NOON + MINUTE, "new disks")},
            "maintenance",
            f"{HOST} is left to jo, who has rack/r1 and everything beneath it in maintenance until 2026-01-01T12:01:00.000Z: "
            "new disks (maintenance m1)",
        ),
        ({"incident": None}, "only roots", "is root, not a root"),
        ({"root": None}, "only roots", "the alert that the rule shop matched is gone, not a root"),
        ({"root": alert("suppressed")}, "only roots", "matched is suppressed, not a root"),
        ({"root": alert("held")}, "only roots", "matched is held, not a root"),
        (
            {"above_target": (alert("resolved", node="rack/r1"), alert("root", node="switch/s1"))},
            "only roots",
            f"switch/s1, above {HOST}, is the root of something itself",
        ),
        ({"above_target": (alert("held", node="rack/r1"),)}, "only roots", "rack/r1, above"),
        ({"root": alert("resolved")}, "only roots", "is resolved, not a root"),
        (
            {"root": alert(starts_at=NOON - MINUTE + 1)},
            "freshness",
            "the alert ended and fires anew; it is another episode by now",
        ),
        ({"now": NOON - MINUTE + STALE + 1}, "freshness", "the alert fires for longer than 1d"),
    ],
)
def test_a_no_says_which_guard_and_by_how_much(changes: dict[str, Any], guard: str, why: str) -> None:
    """Whoever reads it knows what to do about it."""
    refused = said(**changes)
    assert refused is not None
    assert refused[0] == guard
    assert why in refused[1]


def test_the_edges_belong_to_yes() -> None:
    """Exactly as old as allowed is fresh."""
    assert said(now=NOON - MINUTE + STALE) is None
    assert said(silences_age=FRESH) is None
    assert said(above_target=(alert("suppressed", node="rack/r1"), alert("resolved", node="rack/r1"))) is None


def test_somebody_who_may_be_working_there_comes_first() -> None:
    """Of several reasons the one that concerns people is said."""
    refused = said(silences_readable=False, root=None, incident=None)
    assert refused is not None
    assert refused[0] == "silenced"
    names = [guard.__name__ for guard in OBSERVED]
    assert names.index("silenced") < names.index("maintenance") < names.index("only_roots")


def test_waiting_is_not_promised_where_nobody_knows() -> None:
    """Observed guards do not say when to try again."""
    refused = refuse(silences_age=FRESH + SECOND)
    assert refused is not None
    assert refused.retry_at == 0
