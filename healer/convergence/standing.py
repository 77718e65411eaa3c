"""Which word concerns this alert? Of all silences and maintenance that hold now, the one that lasts longest.

Asked by `quiet` for every alert that arrives, so hundreds of them must cost no more than a few: each is filed under one of
its labels (or its node), and only those are tried that the alert's value of it does not rule out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from healer.alerts.matchers import Matcher, Matchers
from healer.times import Micros

REMEMBERED = 100_000
"""Values of a label whose words are remembered."""


class Standing(msgspec.Struct, frozen=True):
    """A word that holds now, ready to match: by `matchers`, or (in maintenance) by `node`, -1 where it is not known.

    `until` is when it ends, wall time; `below` says that it is about everything beneath the node too.
    """

    id: str
    source: str
    matchers: Matchers
    until: Micros
    node: int = -1
    below: bool = False

    @property
    def order(self) -> tuple[Micros, str, str]:
        """The one that lasts longest says until when; then by name, so that arrival does not show."""
        return (-self.until, self.source, self.id)


Above = Callable[[int], Sequence[tuple[int, int]]]


class Filed:
    """Words that are filed under one label, each by one of its matchers."""

    def __init__(self) -> None:
        self._equal: dict[str, list[Standing]] = {}
        self._others: list[tuple[Matcher, Standing]] = []
        self._found: dict[str, list[Standing]] = {}

    def add(self, key: Matcher, one: Standing) -> None:
        if key.op == "=":
            self._equal.setdefault(key.value, []).append(one)
        else:
            self._others.append((key, one))

    def at(self, value: str) -> list[Standing]:
        """Those that this value of the label does not rule out, in order. Remembered, because values come again."""
        if not self._others:
            return self._equal.get(value, [])
        found = self._found.get(value)
        if found is None:
            if len(self._found) >= REMEMBERED:
                self._found.clear()
            found = self._equal.get(value, []) + [one for key, one in self._others if key.matches(value)]
            self._found[value] = found = sorted(found, key=lambda one: one.order)
        return found


class Words:
    """What holds now, in order, and filed."""

    def __init__(self, standing: Iterable[Standing] = (), above: Above = lambda _: ()) -> None:
        self.all = tuple(sorted(standing, key=lambda one: one.order))
        self._above = above
        self._place = {id(one): number for number, one in enumerate(self.all)}
        self._by_label: dict[str, Filed] = {}
        self._by_node: dict[int, list[Standing]] = {}
        self._beneath: dict[int, list[Standing]] = {}
        for one in self.all:
            self._file(one)

    def __bool__(self) -> bool:
        return bool(self.all)

    def first(self, labels: Mapping[str, str], node: int) -> Standing | None:
        """The first in order that concerns an alert with these labels on this node (-1: none)."""
        best: Standing | None = None
        for some in self._candidates(labels, node):
            for one in some:
                if best is not None and self._place[id(one)] >= self._place[id(best)]:
                    break
                if one.matchers.matches(labels):
                    best = one
                    break
        return best

    def on_node(self, node: int) -> Standing | None:
        """The first in order that is about this node itself, whatever fires there."""
        found = [one for some in self._about(node) for one in some]
        return min(found, key=lambda one: one.order, default=None)

    # --- inside

    def _candidates(self, labels: Mapping[str, str], node: int) -> Iterable[list[Standing]]:
        for name, filed in self._by_label.items():
            yield filed.at(labels.get(name, ""))
        if node >= 0 and self._by_node:
            yield from self._about(node)

    def _about(self, node: int) -> Iterable[list[Standing]]:
        if (here := self._by_node.get(node)) is not None:
            yield here
        if self._beneath:
            for above, _ in self._above(node):
                if (there := self._beneath.get(above)) is not None:
                    yield there

    def _file(self, one: Standing) -> None:
        if not len(one.matchers):
            # No matchers: it is about a node, and one that is gone from the topology concerns nothing.
            if one.node >= 0:
                self._by_node.setdefault(one.node, []).append(one)
                if one.below:
                    self._beneath.setdefault(one.node, []).append(one)
            return
        key = min(one.matchers, key=_tells_apart)
        self._by_label.setdefault(key.name, Filed()).add(key, one)


def _tells_apart(matcher: Matcher) -> tuple[bool, bool, bool]:
    """Which matcher to file by: many alerts share a name and few a host, and one that excludes leaves nearly all."""
    return (not matcher.is_equal, matcher.is_regex, matcher.name == "alertname")
