"""Of the roots that healer calls 80 % sure, are about 80 % right? On storms it has not seen.

    python -m bench.reliability

Every recorded system plays its storms in several orders, generated ones and those held out beside them; after each storm a
person says whether the name was right, which is the only thing that the record learns from. What was said before that is
compared with the truth: for all together, and for each kind of system by itself, none of which another one's record knows.
"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from random import Random

from bench import families
from bench.quality import STORMS, recorded
from bench.quality_scores import Labelled, home, labelled, named
from healer.convergence.fixed import ONE
from healer.convergence.outcome import Naming
from healer.convergence.record import confidence, kind_of
from healer.convergence.settings import Convergence
from healer.rehearsal.generators import Storm, storms
from healer.rehearsal.playback import play_all

ORDERS = 10
BINS = (0, 50, 60, 70, 80, 90, 100)
"""Edges, in percent."""
SEEDS = 4
"""Systems of each kind that is generated."""
EACH = 30
"""Storms in each of them."""
SIZE = 200
"""Nodes of a generated datacentre."""
KINDS = ("two-faults", "missing-edges", "grey", "two-grey", "bad-day")
"""Kinds of generated storms in which a name may be wrong."""

Said = list[tuple[int | None, bool]]
"""How sure it was, in millionths, and whether it was right."""


def told(cases: list[Labelled]) -> Said:
    """What was said of each storm of one installation before it was known."""
    record: dict[str, tuple[int, int]] = {}
    said: Said = []
    for played, one in zip(play_all((each.case for each in cases), Convergence()), cases, strict=True):
        for number, fault in enumerate(one.truth.faults):
            found = home(played, one.truth, number)
            if found is None:
                continue
            incident = found.incident
            kind = kind_of(Naming(incident.how, None, incident.candidates))
            right = named(found) in fault
            said.append((confidence(record, kind).value, right))
            counted, wrong = record.get(kind, (0, 0))
            record[kind] = (counted + right, wrong + (not right))
    return said


def by_kind() -> Iterator[tuple[str, Said]]:
    """Each kind of system by its name, with all that was said in its installations."""
    for name, cases in recorded(STORMS):
        said: Said = []
        for order in range(ORDERS):
            mixed = list(cases)
            Random(order).shuffle(mixed)
            said += told(mixed)
        yield name, said
    for family in families.FAMILIES:
        yield family, _made(families.storms(family, seed, EACH) for seed in range(1, SEEDS + 1))
    for kind in KINDS:
        yield kind, _made(storms(kind, seed, SIZE, EACH) for seed in range(1, SEEDS + 1))


def _made(installations: Iterable[Iterable[Storm]]) -> Said:
    return [one for made in installations for one in told([labelled(storm.encode(), storm.name) for storm in made])]


def row(name: str, said: Said) -> str:
    """How many were named, of how many something was known, how sure on average, and how many of them were right."""
    known = [(value, right) for value, right in said if value is not None]
    if not known:
        return f"{name:<16}{len(said):>7}{0:>7}"
    mean = sum(value for value, _ in known) * 100 / ONE / len(known)
    share = 100 * sum(right for _, right in known) / len(known)
    return f"{name:<16}{len(said):>7}{len(known):>7}{mean:>12.1f}{share:>8.1f}{share - mean:>+8.1f}"


def table(said: Said) -> list[str]:
    """A line for each bin: how many were so sure, how sure on average, how many of them were right."""
    bins: dict[int, Said] = defaultdict(list)
    for value, right in said:
        if value is not None:
            edge = max(edge for edge in BINS[:-1] if value * 100 >= edge * ONE)
            bins[edge].append((value, right))
    return [row(f"{low} to {high} %", bins[low]) for low, high in pairwise(BINS) if bins[low]]


def main() -> int:
    heading = f"{'roots':>7}{'known':>7}{'mean said':>12}{'right':>8}{'apart':>8}"
    print(f"{'system':<16}{heading}")
    everything: Said = []
    for name, said in by_kind():
        print(row(name, said), flush=True)
        everything += said
    print(f"{'said':<16}{heading}")
    print("\n".join(table(everything)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
