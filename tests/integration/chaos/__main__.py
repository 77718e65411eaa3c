"""Chaos by hand: `python -m tests.integration.chaos --seed 7 --minutes 3`. With `--keep` the folder stays, logs and all."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.integration.chaos.course import run
from tests.integration.chaos.faults import draw, one_of_each

ROUNDS = 10


def main() -> int:
    """0: every promise held. The first that did not is raised."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=10, help="of faults; 0 has one of each kind and no kill switch"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often the kill switch is thrown")
    parser.add_argument("--keep", type=Path, help="an empty folder for everything that is written")
    given = parser.parse_args()
    rows = draw(given.seed, given.minutes * 60) if given.minutes else one_of_each(given.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.keep or Path(scratch)) / "site"
        course = run(folder, given.seed, rows, given.rounds if given.minutes else 0)
    print("\n".join(course.lines()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
