"""Each safeguard that is taken away is missed: by the promise that its line in docs/simulation.md names, and no other."""

import re
from pathlib import Path

import pytest

from tests.simulation import ABLATIONS, load
from tests.simulation.seeds import catch, caught_before

load()
PAGE = Path(__file__).parents[2] / "docs" / "simulation.md"
WITHIN = 500


@pytest.mark.parametrize("name", sorted(ABLATIONS))
def test_what_is_taken_away_is_missed(name: str) -> None:
    """Without this safeguard some seed breaks the promise that it serves; an exception or another promise does not count."""
    found = catch(name, (*caught_before(name)[:1], *range(WITHIN)))
    assert found.verdict is not None, f"{name!r}: {found.why}"


def test_the_page_lists_every_ablation() -> None:
    """The table in docs/simulation.md says of each what it changes and who must notice."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    said = {name: (changes, promise) for name, changes, promise in rows}
    for name, ablation in ABLATIONS.items():
        assert said.get(name) == (ablation.changes, ablation.promise)


@pytest.mark.parametrize(
    "promise",
    [
        *("A1", "A2", "A4", "E1", "E2", "E3", "E4", "E5", "arrows", "audit", "liveness", "escalation", "secrets"),
        *("places", "turns", "heard"),
    ],
)
def test_every_promise_can_fail(promise: str) -> None:
    """For each promise there is something whose absence breaks it."""
    assert [name for name, ablation in ABLATIONS.items() if ablation.promise == promise]
