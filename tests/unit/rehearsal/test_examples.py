"""The tour, the ten worked examples and what other pages show: every block compiles, is laid out, and its own tests pass."""

import re
from pathlib import Path

import pytest

from healer.rehearsal.trial import attempt
from rules import Source, compile_files
from rules.layout import lay_out

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page: str) -> list[str]:
    return re.findall(r"^```heal\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


EXAMPLES = blocks("rule-examples.md")
TOUR = blocks("rule-tour.md")
OTHERS = [*TOUR, *blocks("actions.md"), *blocks("changes.md"), *blocks("first-rule.md")]


def test_there_are_ten_examples() -> None:
    """Each expects something in one test, and nothing, or not that, in another."""
    assert len(EXAMPLES) == 10
    for example in EXAMPLES:
        expected = re.findall(r"^  expect: (\w+)", example, re.MULTILINE)
        assert {"nothing", "no"} & set(expected), example
        assert {"execute", "suggested"} & set(expected), example


@pytest.mark.parametrize("text", [*EXAMPLES, *OTHERS], ids=range(len(EXAMPLES) + len(OTHERS)))
def test_it_compiles_and_its_tests_pass(text: str) -> None:
    """Without an error, in the layout that `healer fmt` gives, and each test as it is written."""
    compiled = compile_files([Source("own.heal", text)], packs=False)
    assert compiled.ruleset is not None, compiled.problems
    for trial in compiled.ruleset.tests:
        if trial.path == "own.heal":
            assert attempt(trial, compiled.ruleset).failures == ()


@pytest.mark.parametrize("text", EXAMPLES, ids=range(10))
def test_an_example_is_without_a_doubt(text: str) -> None:
    """No warning beside what ships, and laid out already: whoever copies one begins with a clean file."""
    assert [one.code for one in compile_files([Source("own.heal", text)]).problems if one.path == "own.heal"] == []
    assert lay_out("own.heal", text)[0] == text
