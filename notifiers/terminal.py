"""The terminal: a story printed where healer runs, for a first look without any account.

Lines cannot be taken back, so an edit prints the story anew, marked `~` instead of `*`.
"""

from typing import ClassVar, Literal, TextIO

import msgspec
from rich.console import Console
from rich.style import Style
from rich.text import Text

from notifiers.cut import fit, utf16_units, without_links
from notifiers.message import Answer, Emphasis, Message, Ok, Permanent, Reason, Span, Told, Tone
from notifiers.sender import Limits, Unit

TEXT_UNITS = 16_384

_COLOURS = {Tone.BROKEN: "red", Tone.WORKING: "yellow", Tone.GOOD: "green", Tone.NEEDS_YOU: "magenta"}


class TerminalConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How stories look there."""

    takes_proxy: ClassVar[bool] = False

    colour: Literal["auto", "always", "never"] = "auto"
    """`auto` colours only a real terminal."""


class TerminalSender:
    """`Sender` on a text stream, which stays the caller's."""

    type = "terminal"
    can_edit = True
    limits = Limits(size=TEXT_UNITS, unit=Unit.UTF16)

    def __init__(self, name: str, config: TerminalConfig, stream: TextIO) -> None:
        self.name = name
        self._stream = stream
        self._told = 0
        self._console = Console(
            file=stream,
            force_terminal={"auto": None, "always": True, "never": False}[config.colour],
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=True,
        )

    # The trace id stands in the story's last line already, so these two have nowhere else to put it.
    async def send(self, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        self._told += 1
        return self._print("*", Told(message_id=str(self._told), chat=self.name), message)

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        return self._print("~", reference, message)

    async def close(self) -> None:
        """The stream belongs to whoever handed it in."""

    def _print(self, mark: str, reference: Told, message: Message) -> Answer:
        shown = fit(without_links(message), TEXT_UNITS, utf16_units, links=False)
        colour = _COLOURS.get(message.tone, "")
        text = Text(f"{mark} ", style=colour).append(self._showable(shown.title), Style.parse(f"bold {colour}".strip()))
        for spans in shown.lines:
            text.append("\n")
            if any(span.text for span in spans):
                text.append("  ")
            for span in spans:
                text.append(self._showable(span.text), _style(span))
        try:
            self._console.print(text)
            self._stream.flush()
        except (OSError, ValueError) as error:
            why = f"the terminal is gone: {type(error).__name__}"
            return Permanent(why=why, reason=Reason.CLOSED, disable=True)
        return Ok(reference)

    def _showable(self, text: str) -> str:
        """What the stream's encoding can write, with `?` for the rest."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return text.encode(encoding, "replace").decode(encoding)


def _style(span: Span) -> str:
    return {Emphasis.PLAIN: "", Emphasis.STRONG: "bold", Emphasis.CODE: "cyan"}[span.emphasis]
