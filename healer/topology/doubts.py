"""What is odd about the lines of `topology.nodes`, beside a topology and the alerts there were. Pure.

Called by `healer check --config`, `healer topology show` and `healer topology unmapped`. All of it is legal: a kind may be
known only tomorrow. But a typing error looks just like that, and nobody would notice.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from healer.topology import settings
from healer.topology.graph import Topology, kind_of
from healer.topology.inspection import Note
from healer.topology.mapped import Mapped
from healer.topology.shipped import shipped_names

NAMED = 5
"""Nodes of one kind that are named."""


def doubts(lines: Sequence[settings.Mapping], topology: Topology | None) -> list[Note]:
    """Lines that nothing reaches; and, where the whole topology is known, those that find nothing in it.

    Of the lines that ship, only that they are not reached is told: nobody has everything they are for.
    """
    found = list(_unreached(lines))
    if topology is not None and topology.nodes:
        own = [(number, line) for number, line in enumerate(lines) if not _ships(line)]
        found += _unknown_kinds(own, topology)
        found += _unknown_attributes(own, topology)
    return found


def strangers(mapped: Iterable[Mapped]) -> list[Note]:
    """Nodes that alerts name and the topology does not, by kind: nothing above them can explain their alerts."""
    kinds: dict[str, Counter[str]] = {}
    for one in mapped:
        if one.node is not None and not one.known and one.code != "labels source":
            kinds.setdefault(kind_of(one.node), Counter())[one.node] += 1
    notes = []
    for _, nodes in sorted(kinds.items()):
        named = ", ".join(node for node, _ in nodes.most_common(NAMED))
        more = f" and {len(nodes) - NAMED} more" if len(nodes) > NAMED else ""
        text = f"{named}{more}: alerts name them, the topology does not, so nothing above explains those alerts"
        notes.append(Note("stranger", tuple(sorted(nodes)), text))
    return notes


def _unreached(lines: Sequence[settings.Mapping]) -> Iterator[Note]:
    for number, line in enumerate(lines):
        rest = len(lines) - number - 1
        if not len(line.match) and rest:
            text = f"{_called(number, line)} matches every alert: no line after it is reached ({rest} of them)"
            yield Note("unreached", (), text)
            return
        if any(earlier.match == line.match for earlier in lines[:number]):
            text = f"{_called(number, line)} is not reached: an earlier line has the same matchers"
            yield Note("unreached", (), text)


def _unknown_kinds(lines: Iterable[tuple[int, settings.Mapping]], topology: Topology) -> Iterator[Note]:
    kinds = {node.kind or kind_of(node.id) for node in topology.nodes}
    for number, line in lines:
        texts = (line.node,) if isinstance(line.node, str) else line.node
        wanted = {kind_of(text) for text in texts} | {one.get("kind", "") for one in _finds(line)}
        missing = sorted(kind for kind in wanted if kind and "{" not in kind and kind not in kinds)
        if missing and not wanted & kinds:
            text = f"{_called(number, line)}: the topology has no node of kind {' or '.join(missing)}"
            yield Note("unknown kind", (), text)


def _unknown_attributes(lines: Iterable[tuple[int, settings.Mapping]], topology: Topology) -> Iterator[Note]:
    known = {key for node in topology.nodes for key in node.attributes} | {"kind", "alias"}
    for number, line in lines:
        missing = sorted({key for one in _finds(line) for key in one} - known)
        if missing:
            text = (
                f"{_called(number, line)}: no node has the attribute {' or '.join(missing)}, so nothing is found by it"
            )
            yield Note("unknown attribute", (), text)


def _finds(line: settings.Mapping) -> Sequence[Mapping[str, str]]:
    if isinstance(line.find, dict):
        return [line.find] if line.find else []
    return line.find


def _ships(line: settings.Mapping) -> bool:
    return line.name.partition("/")[0] in shipped_names()


def _called(number: int, line: settings.Mapping) -> str:
    return line.name or f"topology.nodes[{number}]"
