"""Are the weights fitted to what they are measured on? Fit them on one kind of system, and report the others.

    python -m bench.tuning

Each weight in turn takes the best of half, the same and twice its value, until nothing gets better; first names count, then
those among three. Nothing is ever fitted on the families of `bench.families`. Called by hand after a change of signals; the
default weights are not what any of these fits found.
"""

import sys
from collections.abc import Iterable, Iterator

import msgspec

from bench import families
from bench.quality import STORMS, recorded
from bench.quality_scores import Labelled, labelled
from healer.alerts.identity import labels_of
from healer.convergence.candidates import WEIGHTS, Weights, rank
from healer.convergence.evidence import Clue
from healer.convergence.history import History, series_of
from healer.convergence.settings import LEVELS, Convergence
from healer.rehearsal.generators import Storm, storms
from healer.topology.index import Index

FACTORS = ((1, 2), (2, 1))
ROUNDS = 4
GREY = "grey"
"""The kind of generated storms on which weights are fitted too: in all others something is down, and wins over any score."""
SEEDS = 4
EACH = 15
"""Systems of each kind that is made, and storms in each."""
Percent = tuple[float, float]
Installations = list[list[Labelled]]
"""Systems of one kind, each with its storms in their order."""


def quality(installations: Installations, weights: Weights) -> Percent:
    """Percent of cases named first, and among three, when each storm is weighed as a whole."""
    found = [_ranks(cases, weights) for cases in installations]
    count = sum(map(len, installations))
    return 100 * sum(first for first, _ in found) / count, 100 * sum(three for _, three in found) / count


def _ranks(cases: list[Labelled], weights: Weights) -> tuple[int, int]:
    """How many roots of one installation were named first, and among three."""
    settings, history = Convergence(), History()
    first = three = 0
    for one in cases:
        index = Index(one.case.topology)
        clues: dict[int, Clue] = {}
        for alert in one.case.alerts:
            labels = labels_of(alert.labels)
            node, name, severity = labels["node"], labels["alertname"], labels["severity"]
            series = series_of(node, name, severity)
            onset = alert.starts_at - one.case.waits.get(name, 0)
            clue = Clue(index.add(node), name, LEVELS.index(severity), onset, history.rarity(series))
            clues.setdefault(series, clue)
        found = rank(clues.values(), index, settings.window, settings.slack, weights=weights)
        if not found:
            continue
        names = [index.name(each.node) for each in found]
        roots = frozenset().union(*one.truth.faults)
        first += names[0] in roots
        three += bool(roots & set(names[:3]))
        named = {series for series, clue in clues.items() if clue.node == found[0].node}
        history.learn(clues.keys() - named, named)
    return first, three


def fitted(cases: Installations) -> Weights:
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
    seen: dict[str, Installations] = {name: [cases] for name, cases in recorded(STORMS)}
    seen[GREY] = [_made(storms(GREY, seed, count=EACH)) for seed in range(1, SEEDS + 1)]
    held_out = {
        name: [_made(families.storms(name, seed, EACH)) for seed in range(1, SEEDS + 1)]
        for name in families.FAMILIES
        if name not in families.LOOKED_AT
    }
    columns = (*seen, *held_out, "held out, mean")
    print(f"{'weights':<22}" + "".join(f"{name:>16}" for name in columns))
    rows = {"default": WEIGHTS} | {f"fitted on {name}": fitted(cases) for name, cases in seen.items()}
    for name, weights in rows.items():
        found = [quality(cases, weights) for cases in seen.values()]
        others = [quality(cases, weights) for cases in held_out.values()]
        mean = (sum(first for first, _ in others) / len(others), sum(three for _, three in others) / len(others))
        cells = [f"{first:.1f} / {three:.1f}" for first, three in (*found, *others, mean)]
        print(f"{name:<22}" + "".join(f"{cell:>16}" for cell in cells), flush=True)
    return 0


def _made(made: Iterable[Storm]) -> list[Labelled]:
    return [labelled(storm.encode(), storm.name) for storm in made]


if __name__ == "__main__":
    sys.exit(main())
