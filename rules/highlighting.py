"""The TextMate grammar of rule files, made from the tables that read them: `python -m rules.highlighting FILE` writes it.

Editors that know TextMate grammars (VS Code, Sublime Text, IntelliJ, bat) colour rule files with it; docs/editors.md says how.
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from lark.lexer import PatternStr

from rules.names import FUNCTIONS, NAMES, PREFIXES
from rules.parsing import _parser
from rules.ruleset import MODES
from rules.scanning import ACTION_CLAUSES, RULE_CLAUSES, TEST_CLAUSES
from rules.units import DURATION_UNITS, SIZE_UNITS

SCOPE: Final = "source.heal"
_DEFINITIONS: Final = ("rule", "action", "test", "metric", "command")
_LITERALS: Final = frozenset({"STRING", "QUANTITY", "NAME", "LABEL", "BOOLEAN", "PLACEHOLDER"})
_LOGIC: Final = ("and", "or", "not", "in", "for")


def grammar() -> dict[str, Any]:
    """The grammar as its JSON has it."""
    patterns = [
        _rule("comment.line.number-sign.heal", r"#.*$"),
        {
            "name": "string.quoted.double.heal",
            "begin": '"',
            "end": '"|$',
            "patterns": [
                _rule("constant.character.escape.heal", r'\\["\\]'),
                _rule("variable.other.interpolated.heal", r"\{\{\s*[A-Za-z_][\w.]*\s*\}\}"),
                _rule("variable.parameter.heal", r"\{\w+\}"),
            ],
        },
        _rule(
            "storage.type.heal",
            rf'(?i)(?<![\w.])(?:{_either(_DEFINITIONS[:3])}|command)(?=\s*")|(?<![\w.])metric(?=\s+\w+\s*:)',
        ),
        _rule("keyword.control.clause.heal", rf"(?i)(?<![\w.])(?:{_either(_clauses())})\s*:"),
        _rule("variable.parameter.heal", r"[A-Za-z_]\w*(?=\s*:)"),
        _rule("constant.numeric.heal", rf"(?<![\w.])\d+(?:\.\d+)?(?:e\d+)?(?:%|(?:{_either(SIZE_UNITS)})\b)?(?![\w])"),
        _rule("constant.numeric.duration.heal", rf"(?<![\w.])(?:\d+(?:{_either(DURATION_UNITS)}))+\b"),
        _rule("constant.language.heal", r"(?i)(?<![\w.])(?:true|false|yes|no|unknown)\b"),
        _rule("keyword.operator.logical.heal", rf"(?i)(?<![\w.])(?:{_either(_LOGIC)})\b"),
        _rule("keyword.operator.heal", _either(_signs())),
        _rule("support.function.heal", rf"(?<![\w.])(?:{_either(FUNCTIONS)})(?=\s*\()"),
        _rule(
            "support.variable.heal", rf"(?<![\w.])(?:(?:{_either(PREFIXES)})(?:\.\w+)+|(?:{_either(NAMES)})\b(?!\.))"
        ),
        _rule("keyword.other.heal", rf"(?i)(?<![\w.])(?:{_either(keywords())})\b"),
        _rule("constant.language.mode.heal", rf"(?i)(?<![\w.])(?:{_either(MODES)})\b"),
    ]
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "healer rules",
        "scopeName": SCOPE,
        "fileTypes": ["heal"],
        "patterns": patterns,
    }


def keywords() -> list[str]:
    """The words of the grammar that are no operators, as they are written: `at most`, `while running`, `within`."""
    found: set[str] = set()
    for terminal in _parser().terminals:
        if isinstance(terminal.pattern, PatternStr) or terminal.name in _LITERALS or terminal.name.startswith("__"):
            continue
        text = re.sub(r"\(\?[=!].*\)|\\b|\(\?:|\)", "", terminal.pattern.value).replace(r"\s+", " ")
        found.update(text.split("|"))
    return sorted(found - set(_LOGIC))


def _signs() -> list[str]:
    found = (
        each.pattern for each in _parser().terminals if each.name in {"COMPARE", "MATCHES", "DEFAULT", "SIGN", "SCALE"}
    )
    return sorted({sign for pattern in found for sign in _alternatives(pattern.value)}, key=len, reverse=True)


def _alternatives(text: str) -> list[str]:
    plain = re.sub(r"^\(\?:|\)$", "", text).replace("\\", "")
    return plain.split("|") if len(plain) > 2 else [plain]


def _clauses() -> list[str]:
    return sorted({*RULE_CLAUSES, *ACTION_CLAUSES, *TEST_CLAUSES}, key=len, reverse=True)


def _either(words: Iterable[str]) -> str:
    """A pattern for any of these words, the longest first."""
    longest = sorted(dict.fromkeys(words), key=lambda word: (-len(word), word))
    return "|".join(re.sub(r"([\\^$.|?*+()\[\]{}/-])", r"\\\1", word).replace(" ", r"\s+") for word in longest)


def _rule(name: str, match: str) -> dict[str, Any]:
    return {"name": name, "match": match}


def text() -> str:
    """The file."""
    return json.dumps(grammar(), indent=2) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
