import io
import re

from notifiers.message import Emphasis, Message, Ok, Permanent, Reason, Span, Told, Tone, line
from notifiers.terminal import TerminalConfig, TerminalSender

STORY = Message(
    "[CRIT broken] rack r17 down, cn-1",
    (line("cause: ", Span("switch-3", Emphasis.CODE)), (), line(Span("graph", url="https://x.example/3"))),
    tone=Tone.BROKEN,
)
PLAIN = "* [CRIT broken] rack r17 down, cn-1\n  cause: switch-3\n\n  graph: https://x.example/3\n"


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_plain_where_nobody_looks() -> None:
    """Into a file or a pipe goes text without any escape, and long lines are not wrapped."""
    stream = io.StringIO()
    await TerminalSender("here", TerminalConfig(), stream).send(STORY, trace_id="")
    assert stream.getvalue() == PLAIN
    await TerminalSender("here", TerminalConfig(), stream).send(Message("x" * 500), trace_id="")
    assert f"* {'x' * 500}\n" in stream.getvalue()


async def test_colour_changes_no_word() -> None:
    """In colour the same words stand in the same places."""
    stream = io.StringIO()
    await TerminalSender("here", TerminalConfig(colour="always"), stream).send(STORY, trace_id="")
    assert "\x1b[" in stream.getvalue()
    assert re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()) == PLAIN


async def test_colour_can_be_forbidden() -> None:
    """`never` holds on a terminal too."""
    stream = Tty()
    await TerminalSender("here", TerminalConfig(colour="never"), stream).send(STORY, trace_id="")
    assert stream.getvalue() == PLAIN


async def test_edits_are_marked_as_updates() -> None:
    """What goes on is printed anew with `~`, so that a reader sees the same incident moving."""
    stream = io.StringIO()
    sender = TerminalSender("here", TerminalConfig(), stream)
    answer = await sender.send(Message("broken"), trace_id="")
    assert isinstance(answer, Ok)
    await sender.edit(answer.reference, Message("healed"), trace_id="")
    assert stream.getvalue() == "* broken\n~ healed\n"


async def test_each_message_has_its_reference() -> None:
    """Two messages are two references."""
    sender = TerminalSender("here", TerminalConfig(), io.StringIO())
    told = [await sender.send(Message("a"), trace_id="") for _ in range(2)]
    assert told == [Ok(Told("1", "here")), Ok(Told("2", "here"))]


async def test_narrow_encoding_shows_what_it_can() -> None:
    """A terminal that knows only ASCII still tells the story."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    answer = await TerminalSender("here", TerminalConfig(), stream).send(Message("rack 机架 down"), trace_id="")
    assert isinstance(answer, Ok)
    assert raw.getvalue() == b"* rack ?? down\n"


async def test_closed_terminal_is_final() -> None:
    """A terminal that went away does not come back: the answer says so."""
    stream = io.StringIO()
    sender = TerminalSender("here", TerminalConfig(), stream)
    stream.close()
    answer = await sender.send(STORY, trace_id="")
    assert isinstance(answer, Permanent)
    assert (answer.reason, answer.disable) == (Reason.CLOSED, True)
