"""Is the audit log as it was written? Finds any change, gap or reordering, and says what it cannot know. Pure.

Called by `healer audit verify`, over the entries of a store, of a running healer or of an export.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from healer.audit.anchor import Anchor, is_signed
from healer.audit.chain import START, Entry, Head, incident_of, seal
from healer.times import format_rfc3339

MAX_FINDINGS = 100
"""One broken log breaks in many places; the first ones say where to look."""


class Finding(msgspec.Struct, frozen=True):
    """Something is not as it was written: in which chain, at which place (0: about the chain), and what."""

    writer: str
    place: int
    what: str


class Chain(msgspec.Struct, frozen=True):
    """What is known of one chain: its last entry, and the last one that an anchor vouches for (0: none)."""

    writer: str
    last: int
    anchored: int
    anchored_at: int = 0


class Verdict(msgspec.Struct, frozen=True):
    """`outside` anchors came from elsewhere, `inside` ones from the store itself; `unknown` are sentences."""

    entries: int
    chains: tuple[Chain, ...]
    findings: tuple[Finding, ...]
    inside: int
    outside: int
    unknown: tuple[str, ...]

    @property
    def good(self) -> bool:
        return not self.findings


class Kept(msgspec.Struct, frozen=True):
    """What stands beside the entries: the heads as the store has them, and the anchors from within and from outside.

    `key` is the public key, in hexadecimal, that all anchors have to be signed with; "" takes the one of the outside
    anchors, or else whichever the first one has.
    """

    installation: str
    heads: Sequence[Head] = ()
    inside: Sequence[Anchor] = ()
    outside: Sequence[Anchor] = ()
    key: str = ""


def verify(entries: Iterable[Entry], kept: Kept, heads: Callable[[], Sequence[Head]] | None = None) -> Verdict:
    """The verdict over all entries, in the order of their numbers.

    Of a log that grows meanwhile, `kept.heads` are from before the first entry was read; `heads` reads them once more.
    """
    anchors = (*kept.inside, *kept.outside)
    wanted: dict[tuple[str, int], list[Anchor]] = {}
    for anchor in anchors:
        wanted.setdefault((anchor.writer, anchor.place), []).append(anchor)
    walk = _Walk({(head.writer, head.place): head for head in kept.heads})
    for entry in entries:
        walk.take(entry)
        for anchor in wanted.pop((entry.writer, entry.place), ()):
            walk.compare(anchor, entry.digest)
    after = heads() if heads is not None else kept.heads
    findings = [*walk.findings, *_ends(walk.heads, kept.heads, after), *_cut(wanted, walk.heads)]
    findings += _signatures(anchors, kept)
    findings += [*_in_order(kept.inside, "the store", first=""), *_in_order(kept.outside, "those from outside")]
    chains = tuple(_chain(head, anchors) for head in walk.heads.values())
    unknown = tuple(_unknown(chains, kept))
    return Verdict(walk.count, chains, tuple(findings[:MAX_FINDINGS]), len(kept.inside), len(kept.outside), unknown)


class _Walk:
    """Along all chains at once. After a finding it goes on from what the store says, so that one change is one finding."""

    def __init__(self, remembered: Mapping[tuple[str, int], Head]) -> None:
        self._remembered = remembered
        self.heads: dict[str, Head] = {}
        self.findings: list[Finding] = []
        self.count = 0
        self._number = 0

    def take(self, entry: Entry) -> None:
        before = self.heads.get(entry.writer, Head(entry.writer, 0, START))
        self.count += 1
        if entry.number <= self._number:
            self._find(entry, f"entry {entry.number} stands after entry {self._number}")
        elif entry.place <= before.place:
            self._find(entry, f"it stands after place {before.place}: reordered, or inserted")
        elif entry.place > before.place + 1:
            self._find(entry, f"{_places(before.place + 1, entry.place - 1)} missing: deleted")
        elif seal(before, entry.at, entry.kind, entry.detail).digest != entry.digest:
            self._find(entry, "it, or what stood before it, is not what was written")
        elif incident_of(entry.detail) != entry.incident:
            self._find(entry, f"it is listed under incident {entry.incident or 'none'}, and says another")
        remembered = self._remembered.get((entry.writer, entry.place))
        if remembered is not None and remembered.digest != entry.digest:
            self._find(entry, "the store remembers another entry as the newest of its chain")
        self._number = max(self._number, entry.number)
        self.heads[entry.writer] = Head(entry.writer, entry.place, entry.digest)

    def compare(self, anchor: Anchor, digest: str) -> None:
        if anchor.digest != digest:
            when = format_rfc3339(anchor.at)
            what = f"the anchor of {when} says that another entry stood here: rewritten since"
            self.findings.append(Finding(anchor.writer, anchor.place, what))

    def _find(self, entry: Entry, what: str) -> None:
        self.findings.append(Finding(entry.writer, entry.place, what))


def _ends(found: Mapping[str, Head], before: Sequence[Head], after: Sequence[Head]) -> Iterator[Finding]:
    """What the store remembers to have written, against where its chains end."""
    for head in before:
        last = found[head.writer].place if head.writer in found else 0
        if last < head.place:
            yield Finding(head.writer, head.place, f"{_places(last + 1, head.place)} missing at the end: cut off")
    known = {head.writer: head.place for head in after}
    for writer, head in found.items():
        if writer not in known:
            yield Finding(writer, head.place, "a chain that the store does not remember to have written")
        elif head.place > known[writer]:
            yield Finding(writer, head.place, f"the store remembers place {known[writer]} as the newest: added since")


def _cut(wanted: Mapping[tuple[str, int], list[Anchor]], found: Mapping[str, Head]) -> Iterator[Finding]:
    """Anchors whose entry never came."""
    for (writer, place), (anchor, *_) in sorted(wanted.items()):
        last = found[writer].place if writer in found else 0
        how = "the log ends before it: cut off" if place > last else "there is no such entry: deleted"
        yield Finding(writer, place, f"the anchor of {format_rfc3339(anchor.at)} vouches for it, and {how}")


def _signatures(anchors: Sequence[Anchor], kept: Kept) -> Iterator[Finding]:
    key = kept.key or next((anchor.key for anchor in (*kept.outside, *kept.inside)), "")
    for anchor in anchors:
        of = f"the anchor of {format_rfc3339(anchor.at)}"
        if not is_signed(anchor):
            yield Finding(anchor.writer, anchor.place, f"{of} is not signed as it says: forged, or changed")
        elif anchor.key != key:
            yield Finding(anchor.writer, anchor.place, f"{of} is signed with another key: {anchor.key}")
        elif anchor.installation != kept.installation:
            yield Finding(anchor.writer, anchor.place, f"{of} is about installation {anchor.installation}")


def _in_order(anchors: Sequence[Anchor], where: str, first: str | None = None) -> Iterator[Finding]:
    """Each anchor names the one before it; `first` is what the first one has to name, None for whatever it does."""
    before = first
    for anchor in anchors:
        missing = before is not None and anchor.previous != before
        before = anchor.fingerprint
        if missing:
            what = f"before the anchor of {format_rfc3339(anchor.at)} one is missing among {where}"
            yield Finding(anchor.writer, anchor.place, what)


def _chain(head: Head, anchors: Sequence[Anchor]) -> Chain:
    mine = [anchor for anchor in anchors if anchor.writer == head.writer and anchor.place <= head.place]
    newest = max(mine, key=lambda anchor: anchor.place, default=None)
    if newest is None:
        return Chain(head.writer, head.place, 0)
    return Chain(head.writer, head.place, newest.place, newest.at)


def _unknown(chains: Sequence[Chain], kept: Kept) -> Iterator[str]:
    """What no look at this log can tell."""
    if not chains:
        yield "there is no entry: an empty log and one that was emptied look the same without an anchor"
    for chain in chains:
        if not chain.anchored:
            yield (
                f"chain {chain.writer} has no anchor: that its entries fit one another is all that is known; "
                "whoever can write the store may have written all of it anew (set audit.anchor)"
            )
        elif chain.anchored < chain.last:
            yield (
                f"{_range(chain.anchored + 1, chain.last)} of chain {chain.writer} came after its last anchor: "
                "they fit one another, and could have been written anew"
            )
        if chain.anchored:
            yield f"whether anything after place {chain.last} of chain {chain.writer} was cut off"
    if kept.inside and not kept.outside:
        yield (
            "whether the anchors are the ones that were sent out: these are the store's own; "
            "compare with what went outside (--anchors FILE)"
        )


def _places(first: int, last: int) -> str:
    return f"{_range(first, last)} {'is' if first == last else 'are'}"


def _range(first: int, last: int) -> str:
    return f"place {first}" if first == last else f"places {first} to {last}"
