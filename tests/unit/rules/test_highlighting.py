"""The TextMate grammar is the lexer's: nothing that rules may hold is without colour, and the file is as it was made."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rules.highlighting import grammar, keywords, text
from rules.names import FUNCTIONS, NAMES
from rules.scanning import ACTION_CLAUSES, RULE_CLAUSES, TEST_CLAUSES
from rules.units import DURATION_UNITS, SIZE_UNITS
from tests.unit.rules.build import SEED
from tests.unit.rules.test_layout import FILES

FILE = Path(__file__).parents[3] / "deploy" / "editors" / "heal.tmLanguage.json"


def coloured(row: str) -> list[tuple[str, str]]:
    """(text, scope) of a line, as an editor would find them: what begins first wins, then what is first in the list."""
    rules: list[dict[str, Any]] = grammar()["patterns"]
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(row):
        best: tuple[int, int, str, str] | None = None
        for number, rule in enumerate(rules):
            pattern = rule.get("match") or f'{rule["begin"]}(?:\\\\["\\\\]|[^"])*?(?:{rule["end"]})'
            hit = re.compile(pattern).search(row, at)
            if hit and hit[0] and (best is None or (hit.start(), number) < best[:2]):
                best = (hit.start(), number, hit[0], rule["name"])
        if best is None:
            return found
        found.append((best[2], best[3].removesuffix(".heal")))
        at = best[0] + len(best[2])
    return found


def scope(row: str, word: str) -> str:
    return dict(coloured(row))[word]


def test_the_file_is_as_it_was_made() -> None:
    """deploy/editors has what the tables say today."""
    assert FILE.read_text(encoding="utf-8") == text()
    assert json.loads(text())["fileTypes"] == ["heal"]


@pytest.mark.parametrize("word", [*RULE_CLAUSES, *ACTION_CLAUSES, *TEST_CLAUSES])
def test_every_clause_is_coloured(word: str) -> None:
    """A clause's word is one before its colon, in either case."""
    assert scope(f"  {word.upper()}: x", f"{word.upper()}:") == "keyword.control.clause"


@pytest.mark.parametrize("word", FUNCTIONS)
def test_every_function_is_coloured(word: str) -> None:
    """A function is one before its bracket."""
    assert scope(f"{word}(x)", word) == "support.function"


@pytest.mark.parametrize("word", [*NAMES, "labels.env", "topology.rack", "node.zone.x"])
def test_every_name_is_coloured(word: str) -> None:
    """Names of the language stand out from metrics and mistakes."""
    assert scope(f"({word} == x)", word) == "support.variable"


@pytest.mark.parametrize("word", ["95%", "3", "0.5", "1h30m", *(f"5{unit}" for unit in (*DURATION_UNITS, *SIZE_UNITS))])
def test_every_quantity_is_coloured(word: str) -> None:
    """Numbers carry their unit."""
    assert scope(f"x > {word}", word).startswith("constant.numeric")


def test_what_is_no_name_has_no_colour() -> None:
    """A misspelt name looks otherwise than a right one."""
    assert "durations" not in dict(coloured("(durations > 3)"))
    assert "mylabels.env" not in dict(coloured("(mylabels.env)"))


def test_a_line_of_everything() -> None:
    """Comments and strings hide what is in them."""
    row = 'rule "when: x"  # then: AND'

    assert coloured(row) == [
        ("rule", "storage.type"),
        ('"when: x"', "string.quoted.double"),
        ("# then: AND", "comment.line.number-sign"),
    ]


@pytest.mark.parametrize("word", ["within", "at most", "while running", "else", "approves", "execute", "summarize"])
def test_words_of_the_grammar_are_keywords(word: str) -> None:
    """They are taken from the grammar's own terminals."""
    assert word in keywords()


@pytest.mark.parametrize("text", [SEED, *FILES], ids=range(len(FILES) + 1))
def test_nothing_of_what_ships_is_left_over(text: str) -> None:
    """What no rule colours are names of metrics, nodes' kinds and brackets: words, and no half of anything."""
    for row in text.split("\n"):
        rest = row
        for piece, _ in coloured(row):
            rest = rest.replace(piece, " ", 1)
        assert re.fullmatch(r"[\s\w(){}\[\],:=.]*", rest), (row, rest)
