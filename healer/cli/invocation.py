"""How was this command called? So that what is printed to be typed next can be typed as it stands."""

import sys
from pathlib import Path


def typed() -> str:
    """`healer`, or the path by which it was called: a clone's `.venv/bin/healer` need not be on anybody's PATH."""
    return sys.argv[0] if Path(sys.argv[0]).name == "healer" else "healer"
