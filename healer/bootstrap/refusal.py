"""Why healer cannot start, or cannot go on by new files. Raised by all that wires it."""

from collections.abc import Sequence

from healer.documents.problems import Problem


class CannotStart(Exception):
    """What is wrong, and what to do about it; nothing was started. `problems` has the places, where it is about rules."""

    def __init__(self, why: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(why)
        self.problems = tuple(problems)
