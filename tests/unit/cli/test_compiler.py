"""A compiler's problem in a terminal: what is wrong stands out, the line is as it was written, what helps is apart."""

import io

import pytest

from healer.cli.compiler import show
from healer.cli.output import Output
from rules import Source, compile_files, format_problem


class Terminal(io.StringIO):
    """A stream that says that somebody looks at it."""

    def isatty(self) -> bool:
        return True


def shown(*, colour: bool) -> list[str]:
    """The lines of one problem on a terminal, or in a file."""
    stream = Terminal() if colour else io.StringIO()
    (problem,) = compile_files(
        [Source("x.heal", 'rule "r"\n  on evnt: "X"\n  then: notify("x")\n')], packs=False
    ).problems
    show(Output(stream), format_problem(problem), "red")
    return stream.getvalue().rstrip("\n").split("\n")


def test_in_a_file_it_is_plain() -> None:
    """Without a terminal there is not one escape in it."""
    assert shown(colour=False) == [
        "x.heal:2:3: error[E0104]: a rule has no clause `on evnt:`",
        '      on evnt: "X"',
        "      ^^^^^^^^",
        "  hint: did you mean `on event`?",
    ]


def test_on_a_terminal_what_is_wrong_stands_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head and the carets in red, the hint in another colour, the line itself as it was written."""
    for name in ("NO_COLOR", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    head, line, carets, hint = shown(colour=True)

    assert head.startswith("\x1b[1;31m")
    assert line == '      on evnt: "X"'
    assert carets.startswith("\x1b[31m")
    assert hint.startswith("\x1b[36m")
