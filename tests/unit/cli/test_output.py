"""What commands write, on a terminal and in a pipe."""

import io

import msgspec
import pytest

from healer.cli.output import Output, showable


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_label_cannot_move_the_cursor() -> None:
    """Text of other people never reaches a terminal as something it would obey."""
    stream = Terminal()
    Output(stream, io.StringIO()).table(("NAME",), [("\x1b[2Jgone\x07\n[red]",)], empty="")
    assert "\x1b[2J" not in stream.getvalue()
    assert "[red]" in stream.getvalue()
    assert showable("a\nb", one_line=True) == "a\N{REPLACEMENT CHARACTER}b"


def test_columns_in_a_pipe_are_plain_and_whole() -> None:
    """What is piped has no colour, no lines broken, and columns that line up."""
    stream = io.StringIO()
    rows = [("a" * 60, "open", "x " * 80 + "end"), ("b", None, "short")]
    Output(stream, io.StringIO()).table(("ID", "STATUS", "WHY"), rows, empty="none")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0].index("STATUS") == lines[1].index("open") == 62
    assert lines[1].endswith("end")
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_narrow_terminal_breaks_no_id(width: int) -> None:
    """However narrow the terminal, ids stay whole: they are to be copied."""
    stream = Terminal()
    output = Output(stream, io.StringIO())
    output.console.width = width
    reason = "explained by SwitchDown on switch/core-1, four hops above, two minutes earlier, which is a good reason"
    output.table(
        ("STATUS", "FINGERPRINT", "NODE", "REASON"), [("root", "f" * 16, "service/x@r01-h01", reason)], empty=""
    )
    assert "f" * 16 in stream.getvalue()
    assert all(word in stream.getvalue() for word in reason.split())


def test_nothing_to_list_is_said() -> None:
    stream = io.StringIO()
    Output(stream, io.StringIO()).table(("ID",), [], empty="no incidents")
    assert stream.getvalue() == "no incidents\n"


def test_json_is_json_alone() -> None:
    """Remarks go to standard error, so that what a program reads is JSON."""
    stream, errors = io.StringIO(), io.StringIO()
    output = Output(stream, errors)
    output.aside("healer at http://127.0.0.1:9099")
    output.json({"items": [], "total": 0})
    assert msgspec.json.decode(stream.getvalue()) == {"items": [], "total": 0}
    assert "healer at" in errors.getvalue()
