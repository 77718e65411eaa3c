"""The manual is true: its examples compile, and its table of codes is the compiler's."""

import re
from pathlib import Path

import pytest

from rules import CODES
from rules.scanning import ACTION_CLAUSES, RULE_CLAUSES
from tests.unit.rules import errors_page, said
from tests.unit.rules.build import compiled, ruleset

MANUAL = (Path(__file__).parents[3] / "docs" / "rule-language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```heal\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_compile(example: str) -> None:
    """Every example of the manual compiles as it stands."""
    result = compiled(example)

    assert [problem for problem in result.problems if problem.severity == "error"] == []


def test_there_are_examples() -> None:
    """The manual has examples, so that the test above tests something."""
    assert len(EXAMPLES) >= 6


def test_codes_are_documented() -> None:
    """The manual's table holds every code with the compiler's own words, in order."""
    rows = re.findall(r"^\| ([EW]\d{4}) \| (.*) \|$", MANUAL, re.MULTILINE)

    assert rows == list(CODES.items())


def test_every_clause_is_documented() -> None:
    """The manual names every clause of rules and actions."""
    assert [word for word in (*RULE_CLAUSES, *ACTION_CLAUSES) if f"`{word}:" not in MANUAL] == []


def test_shipped_metrics_are_documented() -> None:
    """The manual names every metric that ships."""
    assert [name for name in ruleset("").metrics if f"`{name}`" not in MANUAL] == []


def test_the_page_of_codes_is_the_compilers() -> None:
    """docs/rule-errors.md has a section for every code, with what the compiler says to its example today."""
    assert errors_page.PAGE.read_text(encoding="utf-8") == errors_page.page()


def test_every_mistake_is_told_in_these_words() -> None:
    """mistakes.txt has what is said to each known mistake, word by word, as it was last read by a person."""
    assert said.FILE.read_text(encoding="utf-8") == said.everything()
