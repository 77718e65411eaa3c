"""What people silenced and where they work, by the journal alone: each word with its time, and what is known to hang on what.

For the checkers of A2 and maintenance. A word counts from the step that applied it.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from healer.alerts.maintenance import Maintenance
from healer.alerts.silences import Silence, identify
from healer.convergence.people import Said
from healer.journey.records import Extended, Hushed, Lifted, Maintained, Rewired, Silenced
from healer.times import DAY, HOUR, MINUTE, Micros
from tests.simulation.tape import Row, Tape

_DAILY = re.compile(r"daily (\d\d):(\d\d)")


class Word(msgspec.Struct):
    """That alerts on a node (`below`: and beneath it) are not to be spoken of; `work` that nothing is to be repaired there."""

    id: str
    source: str
    node: str
    begins: Micros
    ends: Micros
    since: Micros
    below: bool = False
    work: bool = False


class Standing:
    """All words so far. `advance` brings it to what is applied."""

    def __init__(self, tape: Tape, installation: str, parents: Mapping[str, str]) -> None:
        self._tape = tape
        self._installation = installation
        self._words: dict[str, Word] = {}
        self._mirrored: dict[str, list[Word]] = {}
        self._read = 0
        self._wall: Micros = 0
        self.parents = dict(parents)
        """As far as the topology says by now; each node has one."""
        self._hangs_since: dict[str, Micros] = {}
        self.wordy = False
        """Whether somebody said by now which alert comes from which."""

    def advance(self, applied: int, wall: Micros) -> None:
        """Take what was applied; `wall` is the engine's time after it."""
        rows = self._tape.words
        while self._read < len(rows) and rows[self._read].position <= applied:
            self._take(rows[self._read], max(rows[self._read].at, self._wall))
            self._read += 1
        self._wall = wall

    def above(self, node: str) -> Iterator[str]:
        """The ancestors of a node that the topology knows by now, nearest first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def word(self, id: str) -> Word | None:
        """The word with this id."""
        mirrored = (one for source in self._mirrored.values() for one in source)
        return self._words.get(id) or next((one for one in mirrored if one.id == id), None)

    def on(self, node: str, wall: Micros) -> list[Word]:
        """The words that hold for a node at this instant."""
        if not self._words and not self._mirrored:
            return []
        chain = (node, *self.above(node))
        everything = (*self._words.values(), *(one for source in self._mirrored.values() for one in source))
        return [
            one
            for one in everything
            if one.begins <= wall < one.ends and (one.node == node or (one.below and one.node in chain))
        ]

    def about_since(self, word: Word, node: str) -> Micros:
        """Since when a word holds for a node at the earliest: edges by which it is beneath may have come later."""
        between = []
        for above in (node, *self.above(node)):
            if above == word.node:
                break
            between.append(self._hangs_since.get(above, 0))
        return max(word.since, word.begins, *between)

    def _take(self, row: Row, at: Micros) -> None:
        record = row.record
        if isinstance(record, Silenced):
            if record.readable:
                self._mirrored[record.source] = [_silence(one, one.id, at) for one in record.silences]
        elif isinstance(record, Hushed):
            known = self._words.get(record.silence.id)
            if known is not None and known.begins <= at < known.ends:
                known.ends = record.silence.ends_at
            else:
                id = identify(self._installation, row.position)
                self._words[id] = word = _silence(record.silence, id, at)
                word.begins = max(word.begins, at)
        elif isinstance(record, Maintained):
            id = identify(self._installation, row.position)
            self._words[id] = _work(record.maintenance, id, at)
        elif isinstance(record, Extended):
            word = self._words[record.id]
            word.ends = record.until if at < word.ends else word.ends
        elif isinstance(record, Lifted):
            word = self._words[record.id]
            word.ends = min(word.ends, at)
        elif isinstance(record, Rewired):
            self._rewire(record, at)
        elif isinstance(record, Said):
            self.wordy = self.wordy or record.verb in ("blame", "split", "merge")

    def _rewire(self, record: Rewired, at: Micros) -> None:
        for parent, child in record.patch.cut:
            if self.parents.get(child) == parent:
                del self.parents[child]
        for parent, child in record.patch.edges:
            if self.parents.get(child) != parent:
                self.parents[child], self._hangs_since[child] = parent, at


def _silence(said: Silence, id: str, at: Micros) -> Word:
    return Word(id, said.source, said.matchers[0].value, said.starts_at, said.ends_at, at)


def _work(said: Maintenance, id: str, at: Micros) -> Word:
    begins, ends = max(said.starts_at, at), said.ends_at
    if said.schedule:
        found = _DAILY.fullmatch(said.schedule)
        assert found, f"nobody here says {said.schedule!r}"
        begins = at - at % DAY + int(found[1]) * HOUR + int(found[2]) * MINUTE
        begins += DAY if begins + said.lasts <= at else 0  # a clock that is behind may be said before midnight
        ends = begins + said.lasts
    return Word(id, "healer", said.node, begins, ends, at, said.below, work=True)
