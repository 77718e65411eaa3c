"""How a command says that it cannot go on: one sentence that says what to do next, and the exit code."""

FOUND_WRONG = 1
"""Something is wrong with what was looked at."""
CALLED_WRONG = 2
"""The command was given something that it cannot use."""


class Failure(Exception):
    """Raised by commands; `healer.cli.main` prints it and exits with `code`."""

    def __init__(self, sentence: str, code: int = FOUND_WRONG) -> None:
        super().__init__(sentence)
        self.code = code
