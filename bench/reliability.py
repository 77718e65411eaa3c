"""Of the roots that healer calls 80 % sure, are about 80 % right? On storms it has not seen.

    python -m bench.reliability

Every recorded system plays its storms in several orders, generated ones beside them; after each storm a person says whether
the name was right, which is the only thing that the record learns from. What is said before that is compared with the truth.
"""

import sys
from collections import defaultdict
from itertools import pairwise
from random import Random

from bench.quality import STORMS, recorded
from bench.quality_scores import Labelled, home, labelled, named
from healer.convergence.fixed import ONE
from healer.convergence.outcome import Naming
from healer.convergence.record import confidence, kind_of
from healer.convergence.settings import Convergence
from healer.rehearsal.generators import storms
from healer.rehearsal.playback import play_all

ORDERS = 10
BINS = (0, 50, 60, 70, 80, 90, 100)
"""Edges, in percent."""

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


def table(said: Said) -> list[str]:
    """A line for each bin: how many were so sure, how sure on average, how many of them were right."""
    bins: dict[int, Said] = defaultdict(list)
    for value, right in said:
        if value is not None:
            edge = max(edge for edge in BINS[:-1] if value * 100 >= edge * ONE)
            bins[edge].append((value, right))
    lines = [f"{'said':<14}{'roots':>7}{'mean said':>12}{'right':>8}"]
    for low, high in pairwise(BINS):
        there = bins[low]
        if there:
            mean = sum(value for value, _ in there if value is not None) * 100 / ONE / len(there)
            share = 100 * sum(right for _, right in there) / len(there)
            lines.append(f"{f'{low} to {high} %':<14}{len(there):>7}{mean:>12.1f}{share:>8.1f}")
    lines.append(f"{'not known yet':<14}{sum(value is None for value, _ in said):>7}")
    return lines


def main() -> int:
    said: Said = []
    for _, cases in recorded(STORMS):
        for order in range(ORDERS):
            mixed = list(cases)
            Random(order).shuffle(mixed)
            said += told(mixed)
    for kind in ("two-faults", "missing-edges"):
        said += told([labelled(storm.encode(), storm.name) for storm in storms(kind, seed=1, size=200, count=30)])
    print("\n".join(table(said)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
