"""Where does a secret go that a command shows once? Into a new file for its owner alone, where `--out` names one."""

import os
from pathlib import Path

from healer.cli.failure import CALLED_WRONG, Failure


def write_new(file: Path, text: str) -> None:
    """One that is there already is left alone. Raises Failure."""
    try:
        opened = os.open(file.expanduser(), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise Failure(f"{file} is there already: name a new file", CALLED_WRONG) from None
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}", CALLED_WRONG) from None
    with os.fdopen(opened, "w", encoding="utf-8") as out:
        out.write(text + "\n")
