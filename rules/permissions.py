"""What may the rules of this folder do? Read from the settings, asked when a rule compiles and when a step is planned."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from rules.facts import NodeFact
from rules.patterns import BadPattern, compile_pattern, matches
from rules.ruleset import MODES, Mode

_MATCHER = re.compile(r'\s*([A-Za-z_][\w.]*)\s*(=~|!~|!=|=)\s*"((?:\\["\\]|[^"])*)"\s*')
_ORDER: Final = {mode: number for number, mode in enumerate(MODES)}


class BadMatcher(ValueError):
    """The text is no matcher; the error says what would be."""


class Permission(msgspec.Struct, frozen=True, kw_only=True):
    """What the files below `path` may do. None: anything; `nodes` are matchers of attributes, all of which must hold."""

    path: str
    owner: str = ""
    actions: tuple[str, ...] | None = None
    nodes: tuple[str, ...] = ()
    mode_at_most: Mode = "auto"

    def covers(self, path: str) -> bool:
        """Whether the file is this one, or lies below it."""
        return path == self.path or path.startswith(self.path.rstrip("/\\") + "/")

    def exceeded_by(self, mode: Mode) -> bool:
        """Whether a rule of that mode does more than it may."""
        return _ORDER[mode] > _ORDER[self.mode_at_most]


def permission_for(permissions: Sequence[Permission], path: str) -> Permission | None:
    """The permission of a file: of the folder that is nearest to it."""
    return max((each for each in permissions if each.covers(path)), key=lambda each: len(each.path), default=None)


@lru_cache(maxsize=1024)
def read_matcher(text: str) -> tuple[str, str, str]:
    """`owner="team-a"` as (attribute, operator, value). Raises BadMatcher."""
    found = _MATCHER.fullmatch(text)
    if not found:
        raise BadMatcher(f'{text!r} is no matcher, such as owner="team-a" or kind=~"host|vm"')
    value = re.sub(r'\\(["\\])', r"\1", found[3])
    if found[2] in {"=~", "!~"}:
        try:
            compile_pattern(value)
        except BadPattern as bad:
            raise BadMatcher(f"{text!r}: RE2 does not accept the pattern: {bad}") from None
    return found[1], found[2], value


def touches(nodes: Sequence[str], node: NodeFact) -> bool:
    """Whether the node has what all matchers ask for. An attribute that is missing is empty, as in Prometheus."""
    return all(_holds(*read_matcher(text), node) for text in nodes)


def _holds(attribute: str, sign: str, wanted: str, node: NodeFact) -> bool:
    own = {"id": node.id, "name": node.name, "kind": node.kind}
    value = own.get(attribute) or node.attributes.get(attribute, "")
    found = matches(wanted, value) if "~" in sign else value == wanted
    return found is not sign.startswith("!")
