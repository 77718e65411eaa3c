"""The lines of an iCalendar file (RFC 5545): unfolded, with their parameters, within their components.

Read by `healer.notification.oncall.ical`. Pure.
"""

import re
from collections.abc import Iterator

import msgspec

MAX_BYTES = 4 << 20
"""Of one calendar."""
_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=((?:"[^"]*"|[^";:,]*)(?:,(?:"[^"]*"|[^";:,]*))*)')
_NAME = re.compile(r"[A-Za-z0-9-]+")
_ESCAPED = re.compile(r"\\(.)")


class BadCalendar(ValueError):
    """A calendar that cannot be read, or says something that healer does not understand; the message says where and what."""


class Line(msgspec.Struct, frozen=True):
    """A property: its upper-case name, its parameters by upper-case name, and its value as it stands."""

    number: int
    name: str
    parameters: dict[str, str]
    value: str

    @property
    def text(self) -> str:
        """The value as text, its escapes undone."""
        return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], self.value)

    def refuse(self, why: str) -> BadCalendar:
        """What is wrong here."""
        return BadCalendar(f"line {self.number}: {self.name}: {why}")


def events(content: bytes) -> Iterator[list[Line]]:
    """The properties of each VEVENT, without those of alarms in it. Raises BadCalendar."""
    within: list[str] = []
    event: list[Line] = []
    seen = False
    for line in _lines(content):
        kind = line.value.strip().upper()
        if line.name == "BEGIN":
            within.append(kind)
            seen = seen or kind == "VCALENDAR"
            if kind == "VEVENT":
                event = []
        elif line.name == "END":
            if not within or within.pop() != kind:
                raise line.refuse(f"{kind} was not begun")
            if kind == "VEVENT":
                yield event
        elif within[-1:] == ["VEVENT"]:
            event.append(line)
    if within:
        raise BadCalendar(f"it is cut off: {within[-1]} does not end")
    if not seen:
        raise BadCalendar("this is no iCalendar: nothing begins with BEGIN:VCALENDAR")


def _lines(content: bytes) -> Iterator[Line]:
    if len(content) > MAX_BYTES:
        raise BadCalendar(f"it has {len(content)} bytes: at most {MAX_BYTES}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadCalendar("it is not UTF-8") from None
    whole, begins = "", 0
    for number, row in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if row[:1] in (" ", "\t"):
            whole += row[1:]
            continue
        if whole.strip():
            yield _line(whole, begins)
        whole, begins = row, number
    if whole.strip():
        yield _line(whole, begins)


def _line(whole: str, number: int) -> Line:
    name = _NAME.match(whole)
    end = name.end() if name else 0
    parameters: dict[str, str] = {}
    while found := _PARAMETER.match(whole, end):
        parameters[found[1].upper()] = found[2].strip('"')
        end = found.end()
    if name is None or whole[end : end + 1] != ":":
        raise BadCalendar(f"line {number}: this is no line of an iCalendar: {whole[:60]!r}")
    return Line(number, name[0].upper(), parameters, whole[end + 1 :])
