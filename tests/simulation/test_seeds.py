"""The runner itself: who is clean, who broke what, and what counts as caught."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

import tests.simulation as simulation
from tests.simulation import seeds
from tests.simulation.__main__ import main
from tests.simulation.seeds import catch, judge
from tests.simulation.taken_away import noting


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scenario of which seed 3 fails; without its guard, odd seeds break A1, and even ones something else."""
    guard = {"on": True}

    @noting
    def lacking() -> bool:
        return True

    def run(seed: int) -> simulation.Outcome:
        if not guard["on"] and lacking():
            raise simulation.Broken("A1" if seed % 2 else "A2", "lost one")
        if seed == 3:
            raise ZeroDivisionError
        return simulation.Outcome(trace=f"t{seed}", options={"odds": "calm"}, faults=("1s x: delay",))

    @contextmanager
    def unguarded() -> Iterator[None]:
        guard["on"] = False
        try:
            yield
        finally:
            guard["on"] = True

    monkeypatch.setitem(simulation.SCENARIOS, "toy", run)
    for promise in ("A1", "E1"):
        broken = simulation.Ablation(f"no guard {promise}", "no guard", promise, "toy", unguarded)
        monkeypatch.setitem(simulation.ABLATIONS, broken.name, broken)


def test_a_seed_is_clean_broken_or_failed() -> None:
    """An exception is no verdict on a promise, and a promise names itself."""
    assert judge("toy", 1).end == "clean"
    assert judge("toy", 3).end == "failed"
    broken = judge("toy", 5, "no guard A1")
    assert (broken.end, broken.promise) == ("broken", "A1")


def test_only_the_named_promise_counts_as_caught() -> None:
    """An ablation caught by another promise, or by an exception, is not caught."""
    found = catch("no guard A1", range(10)).verdict
    assert found is not None
    assert found.seed == 1
    missed = catch("no guard E1", range(10))
    assert missed.verdict is None
    assert missed.why == "not noticed by 10 seeds, 10 of which reached it"


def test_what_nobody_calls_is_not_called_unnoticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ablation whose replacement is never called says so: it is the ablation that is wrong."""
    elsewhere = simulation.Ablation("elsewhere", "nothing", "A1", "toy", nullcontext)
    monkeypatch.setitem(simulation.ABLATIONS, "elsewhere", elsewhere)
    assert catch("elsewhere", range(3)).why == "was never reached"


def test_the_command_reports_bad_seeds_and_how_to_see_them_again(capsys: pytest.CaptureFixture[str]) -> None:
    """A failing run ends with 1 and gives the command for each bad seed."""
    assert main(["--scenario", "toy", "--seeds", "5"]) == 1
    said = capsys.readouterr().out
    assert "toy, seed 3: failed" in said
    assert "python -m tests.simulation --scenario toy --from 3 --seeds 1" in said
    assert "4 of 5 seeds clean" in said


def test_one_seed_shows_everything(capsys: pytest.CaptureFixture[str]) -> None:
    """A replayed seed prints what it chose and each fault."""
    assert main(["--scenario", "toy", "--from", "2", "--seeds", "1"]) == 0
    said = capsys.readouterr().out
    for part in ("trace: t2", "odds: calm", "1s x: delay"):
        assert part in said


def test_seeds_that_caught_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first seed of a stretch that catches is kept beside those of others; what is caught no more stays as it was."""
    monkeypatch.setattr(seeds, "CAUGHT", tmp_path / "caught.json")
    found = [seeds.catch_in(seeds.Stretch("no guard A1", first, first + 4))[1] for first in (0, 4, 8)]
    assert found == [1, 5, 9]
    assert seeds.catch_in(seeds.Stretch("no guard A1", 4, 5))[1] is None
    seeds.note_caught("no guard A1", [1, 5, 9])
    seeds.note_caught("another", [7])
    seeds.note_caught("another", [])
    assert seeds.caught_before("no guard A1") == [1, 5, 9]
    assert seeds.caught_before("another") == [7]
