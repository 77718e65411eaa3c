"""`healer` as people call it, run to its end. Used by the tests of bad input and bad files."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """A command's exit code, and all that it said."""

    code: int
    text: str


def healer_says(*arguments: str, folder: Path) -> Ended:
    """Run `healer ARGUMENTS` to its end."""
    executable = Path(sys.executable).with_name("healer")
    done = subprocess.run([executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    return Ended(done.returncode, done.stdout + done.stderr)
