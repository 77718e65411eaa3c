"""`fmt`: one layout, nothing lost, the same meaning."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules import RuleSet, Source, compile_files
from rules.layout import WIDTH, lay_out, tokens_of
from tests.unit.rules.build import SEED

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "tests/unit/rehearsal/seed.heal").read_text(encoding="utf-8")
MANUAL = (ROOT / "docs" / "rule-language.md").read_text(encoding="utf-8")
FILES = [
    SEED,
    EXAMPLE,
    *(file.read_text(encoding="utf-8") for file in sorted((ROOT / "rules" / "packs").glob("*.heal"))),
    *re.findall(r"^```heal\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL),
]
SPACE = st.sampled_from(
    [" ", "  ", "\n", "\n\n", "\n\n\n", "\t", "\r\n", " # a word\n", "\n# alone\n", '\n   # "in" ( it\n']
)


def laid_out(text: str) -> str:
    """The layout of a text that can be read."""
    after, report = lay_out("x.heal", text)
    assert after is not None, report.problems
    return after


def meaning(text: str) -> object:
    """All that a text compiles to, but where it stands and in which words it was written."""
    ruleset = compile_files([Source("x.heal", text)], packs=False).ruleset
    assert ruleset is not None
    return meaning_of(ruleset)


def meaning_of(ruleset: RuleSet) -> object:
    """What a rule set says, without lines, versions, and the words that explain a decision."""
    named = ruleset.actions, ruleset.metrics, ruleset.commands
    own = [one for each in named for one in each.values() if not one.path.startswith("packs/")]
    return _bare(msgspec.to_builtins([ruleset.rules, own, ruleset.tests]))


def _bare(value: object) -> object:
    if isinstance(value, dict):
        return {key: _bare(one) for key, one in value.items() if key not in {"line", "version", "text", "key", "label"}}
    return [_bare(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("text", FILES, ids=range(len(FILES)))
def test_what_ships_keeps_its_tokens_and_its_meaning(text: str) -> None:
    """Every pack and every example: the same tokens and comments, the same meaning, and a layout that stays."""
    once = laid_out(text)

    assert tokens_of(once) == tokens_of(text)
    assert laid_out(once) == once
    assert meaning(once) == meaning(text)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.booleans())
def test_any_white_space_gives_the_same_layout(data: st.DataObject, comments: bool) -> None:
    """White space and comments anywhere between two tokens: nothing is lost, and a second time changes nothing."""
    plain = re.sub("#.*\\n", "", SEED)
    space = SPACE if comments else st.sampled_from([" ", "\n", "\n\n", "\t", "\r\n"])
    tokens = tokens_of(plain)
    text = ""
    for left, right in zip(tokens, [*tokens[1:], ""], strict=True):
        text += left + (" " if right == "event" else "" if right == ":" else data.draw(space))
    once = laid_out(text)

    assert tokens_of(once) == tokens_of(text)
    assert laid_out(once) == once
    assert comments or once == laid_out(plain)


def test_the_layout() -> None:
    """One clause a line, one step a line, comments where they were, one empty line between definitions."""
    text = 'rule   "a" on event:"X" # why\n  # before\n when : suppressed>-1 and not(resolved)\n'
    text += 'then:notify("x")notify( "y" )\n\n\n# of b\nrule "b" on event: "Y" then: notify("x")'

    assert laid_out(text) == (
        'rule "a"\n  on event: "X"  # why\n  # before\n  when: suppressed > -1 AND NOT (resolved)\n'
        '  then: notify("x")\n        notify("y")\n\n# of b\nrule "b"\n  on event: "Y"\n  then: notify("x")\n'
    )


def test_a_long_condition_is_broken() -> None:
    """A line that is too long goes on below, before AND or OR."""
    condition = " AND ".join(f'labels.name{number} == "value"' for number in range(12))
    lines = laid_out(f'rule "a"\n  on event: "X"\n  when: {condition}\n  then: notify("x")\n').splitlines()

    assert all(len(line) <= WIDTH for line in lines)
    assert sum(line.startswith("        AND") for line in lines) >= 2


def test_what_cannot_be_read_is_left_alone() -> None:
    """A file with a mistake of form has no layout, and the mistake is told."""
    after, report = lay_out("x.heal", 'rule "a"\n  on evnt: "X"\n')

    assert after is None
    assert [problem.code for problem in report.problems] == ["E0104"]
