"""Who saw a promise broken says so here, from wherever it runs; the scenario ends at the first accusation.

Checkers are called in the middle of the service's own code, where an exception would be somebody else's to handle.
"""

import asyncio
import traceback


class Court:
    """Collects accusations. `convened` is set by the first."""

    def __init__(self) -> None:
        self.accusations: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.convened = asyncio.Event()

    def accuse(self, promise: str, what: str) -> None:
        """`promise` does not hold, and this shows it."""
        self.accusations.append((promise, what))
        self.convened.set()

    def error(self, what: str) -> None:
        """Something failed that is no verdict on a promise."""
        self.errors.append(what)
        self.convened.set()

    def raised(self, error: BaseException) -> None:
        self.error("".join(traceback.format_exception(error)))
