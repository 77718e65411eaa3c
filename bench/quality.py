"""Does healer name the root? Labelled storms through the engine, and how often the truth was named.

    python -m bench.quality [--storms DIR] [--cases]

The recorded storms of bench/storms (their README has source and licence), the families that nothing was chosen by, and
generated ones; or every folder of cases in DIR, each an installation of its own, each case printed. `make bench-quality
[STORMS=DIR]` calls it.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from bench import families
from bench.quality_scores import HEADING, Labelled, Line, Scored, labelled, line, mean, read, score
from healer.convergence.settings import Convergence
from healer.documents.problems import DocumentError, Problem
from healer.rehearsal.generators import KINDS, SIZE, Storm, storms
from healer.rehearsal.playback import play_all

STORMS = Path(__file__).parent / "storms"
OBSCURED = ("missing-edges", "noise", "silent-root", "grey", "two-grey", "bad-day", "bad-night")
"""Kinds of generated storms of which not all is known, not all is down, or not all has to do with the fault."""
SIZES = (150, SIZE, 3_000)
"""Nodes of the datacentres in which bad days are generated."""
SEEDS = 4
"""Systems for each kind of generated storm."""
STORMS_EACH = 5
"""Storms in each of them."""
HELD_OUT_EACH = 15
"""The same for the families: long enough for an installation to learn what comes with every storm."""


def run(cases: Iterable[Labelled], settings: Convergence) -> list[Scored]:
    """Cases as one installation's history, in this order."""
    listed = list(cases)
    played = play_all((one.case for one in listed), settings)
    return [score(found, one.truth) for found, one in zip(played, listed, strict=True)]


def recorded(folder: Path) -> Iterator[tuple[str, list[Labelled]]]:
    """Every folder of cases below `folder` (or itself) is one installation, its cases in the order of their names.

    Raises DocumentError with what is wrong in any of its files.
    """
    for one in sorted({file.parent for file in folder.rglob("*.json")}):
        cases: list[Labelled] = []
        problems: list[Problem] = []
        for file in sorted(one.glob("*.json")):
            try:
                cases.append(read(file))
            except DocumentError as error:
                problems += error.problems
        if problems:
            raise DocumentError(problems)
        yield (one.relative_to(folder).as_posix() if one != folder else folder.resolve().name, cases)


def generated(kind: str, *, seeds: int = SEEDS, each: int = STORMS_EACH, size: int = SIZE) -> list[Scored]:
    """Generated storms of one kind, each datacentre an installation of its own."""
    return _made(lambda seed: storms(kind, seed, size, each), seeds)


def held_out(family: str, *, seeds: int = SEEDS, each: int = HELD_OUT_EACH) -> list[Scored]:
    """Storms of one of the families that nothing was chosen by."""
    return _made(lambda seed: families.storms(family, seed, each), seeds)


def _made(make: Callable[[int], Iterable[Storm]], seeds: int) -> list[Scored]:
    def of(seed: int) -> list[Scored]:
        return run((labelled(storm.encode(), storm.name) for storm in make(seed)), Convergence())

    return list(chain.from_iterable(map(of, range(1, seeds + 1))))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storms", type=Path, help="a folder of cases instead of the recorded and generated ones")
    parser.add_argument("--cases", action="store_true", help="print each case")
    given = parser.parse_args(arguments)
    folder: Path = given.storms or STORMS
    if not folder.is_dir():
        print(f"{folder} is no folder: name one with JSON files as in bench/storms", file=sys.stderr)
        return 2
    if not any(folder.rglob("*.json")):
        print(f"{folder} has no cases: name a folder of JSON files as in bench/storms", file=sys.stderr)
        return 2
    try:
        systems = dict(recorded(folder))
    except DocumentError as error:
        print(error, file=sys.stderr)
        return 2
    print(HEADING)
    each = given.cases or given.storms is not None
    _together("recorded, mean", (_shown(name, run(cases, Convergence()), each=each) for name, cases in systems.items()))
    if given.storms is None:
        for name in families.LOOKED_AT:
            _shown(name, held_out(name), each=each)
        never = [name for name in families.FAMILIES if name not in families.LOOKED_AT]
        _together("held out, mean", (_shown(name, held_out(name), each=each) for name in never))
        _generated(each=each)
    return 0


def _generated(*, each: bool) -> None:
    """Generated storms of each kind, and together those in which all edges are known and nothing else is wrong."""
    complete: list[Scored] = []
    for kind in KINDS:
        for size in SIZES if kind.startswith("bad-") else (SIZE,):
            scored = generated(kind, size=size)
            _shown(f"{kind}, {size}" if kind.startswith("bad-") else kind, scored, each=each)
            complete += () if kind in OBSCURED else scored
    _shown("complete, together", complete, each=False)


def _shown(name: str, scored: list[Scored], *, each: bool) -> Line:
    found = line(name, scored)
    print(found, flush=True)
    if each:
        _cases(scored)
    return found


def _together(name: str, lines: Iterable[Line]) -> None:
    listed = list(lines)
    if len(listed) > 1:
        print(mean(listed, name), flush=True)


def _cases(scored: list[Scored]) -> None:
    for one in scored:
        verdict = "first" if one.first == one.faults else "among three" if one.among_three == one.faults else "missed"
        over = ", two faults in one incident" if one.over_merged else ""
        print(
            f"  {one.case}: {one.alerts} alerts, {one.incidents} incidents, {verdict}: {one.named or 'nothing'}{over}"
        )


if __name__ == "__main__":
    sys.exit(main())
