"""The kill suite notices: a healer that breaks a promise is caught by that promise, and by no other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.kill import promises
from tests.integration.kill.places import Place
from tests.integration.kill.world import World, world

PROMISES: dict[str, Callable[[World], object]] = {
    "A1": promises.kept,
    "A4": promises.told_once,
    "E1": promises.acted_once,
}


@pytest.mark.parametrize(
    ("broken", "places"),
    [
        ("A1", [Place.IN_T1, Place.IN_T1, Place.IN_T1]),
        ("A4", [Place.IN_T4, Place.SENT, Place.IN_T4]),
        ("E1", [Place.IN_T4, Place.IN_T4, Place.IN_T4]),
    ],
)
def test_a_broken_promise_is_noticed(tmp_path: Path, broken: str, places: list[Place]) -> None:
    """Acknowledged before the commit, told anew after a restart, repeated instead of probed: each by its own checker."""
    with world(tmp_path / "world", 7, broken) as here:
        here.live(places)
        here.settle()
        caught = []
        for promise, check in PROMISES.items():
            try:
                check(here)
            except AssertionError:
                caught.append(promise)
        assert caught == [broken]
