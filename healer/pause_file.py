"""Is there a file on this machine that says that nothing may be begun? Looked for before each effect, by healer and by agents."""

import os


def halted(path: str) -> str:
    """Why nothing may be begun, or "" where there is no such file. What cannot be looked for counts as there."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"whether there is a file {path} cannot be told: {error.strerror}"
    return f"the file {path} is there: remove it, and healing goes on"
