"""mistakes.txt: what the compiler says to each known mistake, word by word. `python -m tests.unit.rules.said` writes it anew.

Whoever changes a message sees every text that changes with it, and reads them as somebody who is tired and in a hurry.
"""

from pathlib import Path

from rules import FEATURES, Problem, format_problem
from tests.unit.rules.build import problems
from tests.unit.rules.test_mistakes import MISTAKES

FILE = Path(__file__).with_name("mistakes.txt")
MAX_SHOWN = 300
"""Characters of a text that are shown before what is said to it."""


def said(text: str, code: str) -> str:
    """What is said to one text, with the text where it is short."""
    told = problems(text, FEATURES if code.startswith("E06") else ())
    shown = text.rstrip("\n") if len(text) <= MAX_SHOWN else f"({len(text)} characters)"
    quoted = "\n".join(f"| {row}".rstrip() for row in shown.split("\n"))
    return f"{quoted}\n{spoken(told)}\n"


def spoken(told: list[Problem]) -> str:
    """The problems as a terminal shows them, without what is behind the last letter of a line."""
    return "\n".join(line.rstrip() for problem in told for line in format_problem(problem).splitlines())


def everything() -> str:
    """The whole file."""
    return "\n".join(said(text, code) for text, code, _, _ in MISTAKES)


if __name__ == "__main__":
    FILE.write_text(everything(), encoding="utf-8")
