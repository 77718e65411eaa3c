"""Generated storms through the whole fold, and a line on what was decided of each: for processes to be compared.

python -m tests.unit.rehearsal.folding RECORDS    so many records make a step
"""

import sys
from collections.abc import Iterator
from hashlib import blake2b
from itertools import groupby

import msgspec

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.convergence.settings import Convergence
from healer.journey.charter import Charter
from healer.journey.fold import Fold
from healer.journey.records import Delivered, Entry
from healer.rehearsal.generators import Storm, storms
from healer.times import Micros
from healer.topology.graph import Node, topology
from tests.unit.journey.world import DECIDING, INSTALLATION, chartered, cut

KINDS = ("two-faults", "flapping", "late-root", "noise")


def entries(storm: Storm) -> Iterator[Entry]:
    """What happened at one instant is one record."""
    happenings: list[tuple[Micros, bool, Alert]] = []
    for one in storm.alerts:
        labels = canonical(one.labels)
        happenings.append((one.starts_at, False, Alert(labels, True, one.starts_at, 0)))
        if one.ends_at:
            happenings.append((one.ends_at, True, Alert(labels, False, one.starts_at, one.ends_at)))
    happenings.sort(key=lambda one: (one[0], one[1], one[2].labels))
    for position, (at, some) in enumerate(groupby(happenings, key=lambda one: one[0]), start=2):
        yield Entry(position, at, Delivered("storm", tuple(alert for _, _, alert in some)))


def chartered_for(storm: Storm) -> Charter:
    """The storm's topology, and the `for:` of its rules."""
    deciding = msgspec.structs.replace(DECIDING, convergence=Convergence(for_=storm.waits), max_nodes=10_000)
    return chartered(deciding, topology(map(Node, storm.nodes), storm.edges))


def decided(storm: Storm, records: int) -> str:
    """A digest of all that does not depend on how the records were cut into steps."""
    charter = chartered_for(storm)
    happened = list(entries(storm))
    journal = [Entry(1, happened[0].at, charter.adopted), *happened]
    cuts = range(records, len(journal) + 1, records)
    diary = cut(journal, {charter.adopted: charter}, cuts, Fold(charter, INSTALLATION))
    told = list(diary.decided().items())
    assert diary.incidents
    return blake2b(msgspec.msgpack.encode(told), digest_size=16).hexdigest()


if __name__ == "__main__":
    for kind in KINDS:
        print(kind, decided(next(storms(kind, 2, 300)), int(sys.argv[1])))
