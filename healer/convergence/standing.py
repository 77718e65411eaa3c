"""Which word concerns this alert? Of all silences and maintenance that hold now, the one that lasts longest.

Asked by `quiet` for every alert that arrives, so hundreds of them must cost no more than a few: each is filed under one of
its labels (or its node) and only those filed under a value that the alert has are tried.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from healer.alerts.matchers import Matchers
from healer.times import Micros


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


class Words:
    """What holds now, in order, and filed."""

    def __init__(self, standing: Iterable[Standing] = (), above: Above = lambda _: ()) -> None:
        self.all = tuple(sorted(standing, key=lambda one: one.order))
        self._above = above
        self._place = {id(one): number for number, one in enumerate(self.all)}
        self._by_label: dict[str, dict[str, list[Standing]]] = {}
        self._by_node: dict[int, list[Standing]] = {}
        self._beneath: dict[int, list[Standing]] = {}
        self._others: list[Standing] = []
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
        if self._others:
            yield self._others
        for name, filed in self._by_label.items():
            some = filed.get(labels.get(name, ""))
            if some is not None:
                yield some
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
        equal = [matcher for matcher in one.matchers if matcher.op == "="]
        # Many alerts share a name and few a host, so any other label tells them apart better.
        key = next((matcher for matcher in equal if matcher.name != "alertname"), equal[0] if equal else None)
        if key is None:
            self._others.append(one)
        else:
            self._by_label.setdefault(key.name, {}).setdefault(key.value, []).append(one)
