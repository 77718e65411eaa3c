"""How sure a name is comes from the installation's own record, and from nothing else."""

import pytest

from healer.convergence.fixed import ONE
from healer.convergence.outcome import Candidate, Naming
from healer.convergence.record import ENOUGH, confidence, kind_of


def ranked(*scores: int, alerting: int = 1) -> Naming:
    found = [Candidate(str(at), b"{}" if at < alerting else b"", score, ()) for at, score in enumerate(scores)]
    return Naming("ranked", None, tuple(found))


@pytest.mark.parametrize(
    ("naming", "kind"),
    [
        (Naming("direct"), "direct"),
        (Naming("unmapped"), "unmapped"),
        (Naming("ranked"), "ranked"),
        (ranked(3 * ONE), "ranked, alone, few"),
        (ranked(3 * ONE, ONE), "ranked, clear, few"),
        (ranked(3 * ONE, 2_900_000), "ranked, close, few"),
        (ranked(3 * ONE, 2_600_000, ONE, ONE, alerting=4), "ranked, ahead, many"),
    ],
)
def test_a_kind_says_how_it_was_found_how_far_ahead_and_among_how_many(naming: Naming, kind: str) -> None:
    assert kind_of(naming) == kind


def test_a_young_installation_does_not_know_yet() -> None:
    found = confidence({"ranked, clear, few": (ENOUGH - 1, 0)}, "ranked, clear, few")
    assert (found.value, found.right, found.of) == (None, ENOUGH - 1, ENOUGH - 1)
    assert confidence({}, "direct").value is None


def test_what_is_known_of_one_family_says_nothing_of_another() -> None:
    assert confidence({"direct": (100, 0)}, "ranked, clear, many").value is None


def test_a_kind_that_is_rarely_right_is_less_sure_than_its_family() -> None:
    record = {"ranked, clear, many": (18, 2), "ranked, close, few": (3, 17)}
    clear, close = (confidence(record, kind).value for kind in record)
    assert clear is not None
    assert close is not None
    assert close < ONE // 2 < clear < ONE


def test_a_kind_that_was_never_judged_is_as_sure_as_its_family() -> None:
    found = confidence({"ranked, close, few": (8, 2)}, "ranked, clear, many")
    assert found.value == 9 * ONE // 12
    assert (found.right, found.of) == (8, 10)
