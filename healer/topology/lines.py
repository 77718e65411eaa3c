"""The lines of `topology.nodes`, checked and compiled: which alerts each is about, and what it makes of their labels. Pure.

`healer.settings` compiles them to check them, `healer.topology.mapping` to use them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from healer.alerts.matchers import MatcherError, Matchers, compile_pattern, parse_matchers
from healer.topology import settings
from healer.topology.template import Template, TemplateError


class MappingError(ValueError):
    """A line that cannot be used. `path` is the way to what is wrong within the line."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


NARROW = ("alertname", "job")
"""Labels of few values: which lines they leave is remembered by them, so that a new alert meets few expressions."""


class Line(msgspec.Struct, frozen=True):
    """One compiled line of `topology.nodes`. `name` is how reasons call it, `names` are the labels it reads.

    Its matchers are parted: `narrow` are those on the labels in NARROW, `rest` all others.
    """

    number: int
    name: str
    narrow: Matchers
    rest: Matchers
    templates: tuple[Template, ...]
    listed: bool
    extract: tuple[tuple[str, Callable[[bytes], Any]], ...]
    find: tuple[tuple[tuple[str, Template], ...], ...]
    explains: Matchers | None
    names: frozenset[str]

    @property
    def looks(self) -> bool:
        """Does its answer depend on which nodes there are?"""
        return self.listed or bool(self.find)


def compile_mapping(line: settings.Mapping, number: int) -> Line:
    """Check and compile one line. Raises MappingError."""
    assert not line.use, "lines that ship are put in their place by healer.topology.shipped"
    texts = (line.node,) if isinstance(line.node, str) else line.node
    listed = not isinstance(line.node, str)
    templates = []
    for index, text in enumerate(texts):
        if text != "none":
            templates.append(_template(text, ("node", index) if listed else ("node",)))
        elif listed:
            raise MappingError(("node", index), "none stands alone: a list names nodes, the first that exists")
    find = tuple(_finds(line.find))
    extract, groups = _extractions(line.extract)
    explains = _explains(line.explains)
    names = set(line.match.names | line.extract.keys())
    for template in (*templates, *(template for one in find for _, template in one)):
        names |= template.names - groups
    if explains is not None:
        names |= explains.names
    name = line.name or f"topology.nodes[{number}]"
    narrow = Matchers(one for one in line.match if one.name in NARROW)
    rest = Matchers(one for one in line.match if one.name not in NARROW)
    return Line(number, name, narrow, rest, tuple(templates), listed, extract, find, explains, frozenset(names))


def _finds(
    said: Mapping[str, str] | Sequence[Mapping[str, str]],
) -> Iterator[tuple[tuple[str, Template], ...]]:
    """What is looked for, in the order in which it is."""
    alone = isinstance(said, Mapping)
    for index, wanted in enumerate([said] if isinstance(said, Mapping) else said):
        path: tuple[str | int, ...] = ("find",) if alone else ("find", index)
        if alone and not wanted:
            continue
        if all(key == "kind" for key in wanted):
            raise MappingError(path, "kind alone finds many: add alias or an attribute")
        yield tuple((key, _template(text, (*path, key))) for key, text in sorted(wanted.items()))


def _explains(said: str | tuple[str, ...]) -> Matchers | None:
    """The matchers under which an alert explains others; None for never."""
    if said in ("always", "never"):
        return Matchers() if said == "always" else None
    try:
        return parse_matchers(said)
    except MatcherError as error:
        raise MappingError(("explains",), f"expected always, never or matchers: {error}") from None


def _template(text: str, path: tuple[str | int, ...]) -> Template:
    try:
        return Template(text)
    except TemplateError as error:
        raise MappingError(path, str(error)) from None


def _extractions(extract: Mapping[str, str]) -> tuple[tuple[tuple[str, Callable[[bytes], Any]], ...], set[str]]:
    compiled, groups = [], set[str]()
    for label, pattern in sorted(extract.items()):
        try:
            found = compile_pattern(pattern)
        except MatcherError as error:
            raise MappingError(("extract", label), str(error)) from None
        named = {name.decode() if isinstance(name, bytes) else name for name in found.groupindex}
        if not named:
            raise MappingError(("extract", label), "the expression has no named group: write (?P<name>...)")
        if groups & named:
            raise MappingError(("extract", label), f"the group {min(groups & named)} is extracted twice")
        groups |= named
        compiled.append((label, found.fullmatch))
    return tuple(compiled), groups


def extracted(line: Line, labels: Mapping[str, str]) -> dict[str, str] | str:
    """The labels with what the line's expressions took out of them; the label at fault when one does not match."""
    found_too = dict(labels)
    for label, fullmatch in line.extract:
        found = fullmatch((labels.get(label) or "").encode())
        if found is None:
            return label
        for name, value in found.groupdict().items():
            found_too[name.decode() if isinstance(name, bytes) else name] = value.decode() if value else ""
    return found_too
