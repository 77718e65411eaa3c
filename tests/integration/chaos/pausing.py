"""`healer serve` that stands still between its last look at the kill switch and what follows from it: used by `site`.

    python -m tests.integration.chaos.pausing CONFIG LOG

It stops itself, each time that a target is told go, after that is decided and before it is sent. LOG gets a line each time.
"""

import signal
import sys
from pathlib import Path

from healer.cli.main import main
from tests.integration.kill.launch import Fate, mortal
from tests.integration.kill.places import Place


def launch(config: str, log: str) -> int:
    with mortal(Fate(Place.READY, 1, Path(log), by=signal.SIGSTOP)):
        return main(["serve", "--config", config])


if __name__ == "__main__":
    sys.exit(launch(*sys.argv[1:]))
