"""healer's own numbers, as /metrics writes them (Prometheus' text format). Read by `healer doctor`. Pure."""

import re
from collections.abc import Iterator

import msgspec

_LINE = re.compile(r"([A-Za-z_:][A-Za-z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")


class Number(msgspec.Struct, frozen=True):
    """One series at this moment."""

    name: str
    labels: dict[str, str]
    value: float


class Numbers:
    """All series of one page."""

    def __init__(self, page: str) -> None:
        self._all = list(_read(page))

    def one(self, name: str) -> float | None:
        """The value of a series without labels; None where it is not there."""
        return next((each.value for each in self._all if each.name == name), None)

    def each(self, name: str) -> list[Number]:
        return [number for number in self._all if number.name == name]


def _read(page: str) -> Iterator[Number]:
    for line in page.splitlines():
        found = _LINE.fullmatch(line)
        if found:
            labels = {name: _ESCAPE.sub(_unescape, value) for name, value in _LABEL.findall(found[2] or "")}
            yield Number(found[1], labels, float(found[3]))


def _unescape(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]
