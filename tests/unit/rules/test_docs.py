"""The manual is true: its examples compile, and its table of codes is the compiler's."""

import re
from pathlib import Path

import pytest

from rules import CODES, manual, reference
from rules.names import FUNCTIONS, NAMES, PREFIXES
from rules.scanning import ACTION_CLAUSES, RULE_CLAUSES, TEST_CLAUSES
from rules.units import Type
from tests.unit.rules import errors_page, said
from tests.unit.rules.build import compiled, ruleset

MANUAL_FILE = Path(__file__).parents[3] / "docs" / "rule-language.md"
MANUAL = MANUAL_FILE.read_text(encoding="utf-8")
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


def test_every_word_has_a_meaning() -> None:
    """What the tables know, the manual of words explains, and nothing else."""
    assert list(manual.RULE) == list(RULE_CLAUSES)
    assert list(manual.ACTION) == list(ACTION_CLAUSES)
    assert list(manual.TEST) == list(TEST_CLAUSES)
    assert list(manual.NAMES) == list(NAMES)
    assert list(manual.PREFIXES) == list(PREFIXES)
    assert list(manual.FUNCTIONS) == list(FUNCTIONS)
    assert {*manual.TYPES} == {kind.value for kind in Type} - {"broken"}


def test_the_reference_is_that_of_the_tables() -> None:
    """docs/rule-reference.md is as `python -m rules.reference` writes it."""
    assert (MANUAL_FILE.parent / "rule-reference.md").read_text(encoding="utf-8") == reference.page()


@pytest.mark.parametrize("entry", [*manual.RULE.values(), *manual.TEST.values()], ids=lambda entry: entry.written)
def test_what_the_reference_shows_can_be_written(entry: manual.Entry) -> None:
    """Each clause of the reference compiles as it is shown."""
    if entry in manual.TEST.values():
        lines = {entry.written, 'given: alert "X"', 'expect: no execute("drain_node")'}
        text = 'test "t"\n  ' + "\n  ".join(sorted(lines, reverse=True)) + "\n"
    else:
        lines = {entry.written, *(() if entry.written.startswith("on event") else ['on event: "X"'])}
        lines |= set() if entry.written.startswith("then") else {'then: notify("oncall")'}
        text = 'rule "r"\n  ' + "\n  ".join(sorted(lines)) + "\n"

    assert [problem for problem in compiled(text).problems if problem.severity == "error"] == []


@pytest.mark.parametrize("entry", manual.FUNCTIONS.values(), ids=lambda entry: entry.written)
def test_every_function_can_be_called_as_shown(entry: manual.Entry) -> None:
    """The reference's calls have the right number and kind of values."""
    written = entry.written.replace("(list)", "(ancestors(rack))").replace("(above, below)", "(nearest(rack), node)")
    written = re.sub(r"\bx\b(?!\))|(?<=known\()x", "load", written)
    written = written.replace("check_shop", "collect_diagnostics")
    clause = "verify" if written.startswith(("state", "exit_code")) else "when"
    for condition in (f"known({written})", written, f"{written} > 0", f"healthy({written})"):
        result = compiled(f'rule "r"\n  on event: "X"\n  {clause}: {condition}\n  then: notify("x")\n')
        if not any(problem.severity == "error" for problem in result.problems):
            return
    raise AssertionError([problem.message for problem in result.problems])
