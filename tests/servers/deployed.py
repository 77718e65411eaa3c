"""The files of deploy/, as they are, with only what a test has to change: addresses and waiting times."""

from collections.abc import Mapping
from pathlib import Path

DEPLOY = Path(__file__).parents[2] / "deploy"


def deployed(path: str, changes: Mapping[str, str]) -> str:
    """The text of `deploy/<path>` with each key replaced. Raises AssertionError for a key that is not in it."""
    text = (DEPLOY / path).read_text()
    for old, new in changes.items():
        assert old in text, f"deploy/{path} does not say {old!r} any more"
        text = text.replace(old, new)
    return text
