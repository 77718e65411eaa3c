"""The eight rules of docs/practice.md: they compile without an error, pass their own tests, and each of them acts in one."""

import re
from pathlib import Path

import pytest

from healer.rehearsal.trial import attempt
from healer.remediation.abilities import LACKS
from rules import Source, compile_files

PAGE = (Path(__file__).parents[3] / "docs" / "practice.md").read_text("utf-8")
RULES = dict(re.findall(r"^## ([^\n]+)\n.*?^```heal\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


def test_there_are_eight() -> None:
    assert len(RULES) == 8


@pytest.mark.parametrize("title", RULES)
def test_a_rule_from_practice(title: str) -> None:
    """Something is expected of it, and something that it leaves alone or does not achieve."""
    compiled = compile_files([Source("practice.heal", RULES[title])], packs=False, lacks=LACKS)
    assert compiled.ruleset is not None, compiled.problems
    assert [one.code for one in compiled.problems if one.code != "W0206"] == []
    tried = [attempt(trial, compiled.ruleset) for trial in compiled.ruleset.tests]
    assert {one.trial.name: one.failures for one in tried if not one.passed} == {}
    assert len(tried) >= 2
    assert any(each.form == "step" and not each.absent for one in tried for each in one.trial.expects)
