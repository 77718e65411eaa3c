"""The same inputs as test_grown_files, chosen by what they reach: `python -m tests.unit.rules.coverage_guided [RUNS]`.

Needs atheris, which is installed by hand where it exists (`pip install atheris`); without it this says so and ends.
"""

import importlib
import sys

from tests.unit.rules.test_fuzz import Tally

RUNS = 100_000


def main(arguments: list[str]) -> int:
    """Grow files from bytes that atheris chooses; it stops at the first that raises, and keeps it."""
    try:
        atheris = importlib.import_module("atheris")
    except ImportError:
        print("atheris is not installed: python -m pip install atheris. `make fuzz` needs none.")
        return 2
    tally = Tally()
    atheris.instrument_all()
    atheris.Setup([sys.argv[0], f"-runs={arguments[0] if arguments else RUNS}", "-max_len=100"], tally.take)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
