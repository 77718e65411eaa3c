"""Are the weights fitted to what they are measured on? Fit them on one system, and report another, both ways.

    python -m bench.tuning

Each weight in turn takes the best of half, the same and twice its value, until nothing gets better; first names count, then
those among three. Called by hand after a change of signals; the default weights are not what any of these fits found.
"""

import sys
from collections.abc import Iterator

import msgspec

from bench.quality import STORMS, recorded
from bench.quality_scores import Labelled
from healer.alerts.identity import labels_of
from healer.convergence.candidates import WEIGHTS, Weights, rank
from healer.convergence.evidence import Clue
from healer.convergence.history import History, series_of
from healer.convergence.settings import LEVELS, Convergence
from healer.topology.index import Index

FACTORS = ((1, 2), (2, 1))
ROUNDS = 4
Percent = tuple[float, float]


def quality(cases: list[Labelled], weights: Weights) -> Percent:
    """Percent of cases named first, and among three, when each storm is weighed as a whole."""
    settings, history = Convergence(), History()
    first = three = 0
    for one in cases:
        index = Index(one.case.topology)
        clues: dict[int, Clue] = {}
        for alert in one.case.alerts:
            labels = labels_of(alert.labels)
            node, name, severity = labels["node"], labels["alertname"], labels["severity"]
            series = series_of(node, name, severity)
            clue = Clue(index.add(node), name, LEVELS.index(severity), alert.starts_at, history.rarity(series))
            clues.setdefault(series, clue)
        found = rank(clues.values(), index, settings.window, settings.slack, weights=weights)
        if not found:
            continue
        names = [index.name(each.node) for each in found]
        first += names[0] in one.truth.faults[0]
        three += bool(one.truth.faults[0] & set(names[:3]))
        named = {series for series, clue in clues.items() if clue.node == found[0].node}
        history.learn(clues.keys() - named, named)
    return 100 * first / len(cases), 100 * three / len(cases)


def fitted(cases: list[Labelled]) -> Weights:
    """The weights that are best on these cases, from the default ones on."""
    best, weights = quality(cases, WEIGHTS), WEIGHTS
    for _ in range(ROUNDS):
        before = best
        for other in _neighbours(weights):
            found = quality(cases, other)
            if found > best:
                best, weights = found, other
        if best == before:
            break
    return weights


def _neighbours(weights: Weights) -> Iterator[Weights]:
    for name in weights.__struct_fields__:
        for times, parts in FACTORS:
            yield msgspec.structs.replace(weights, **{name: getattr(weights, name) * times // parts})


def main() -> int:
    systems = dict(recorded(STORMS))
    print(f"{'weights':<24}" + "".join(f"{name:>16}" for name in systems))
    rows = {"default": WEIGHTS} | {f"fitted on {name}": fitted(cases) for name, cases in systems.items()}
    for name, weights in rows.items():
        found = [quality(cases, weights) for cases in systems.values()]
        print(f"{name:<24}" + "".join(f"{f'{first:.1f} / {three:.1f}':>16}" for first, three in found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
