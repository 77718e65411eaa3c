"""Who saw a promise broken says so here, from wherever it runs; the scenario ends at the first accusation.

Checkers are called in the middle of the service's own code, where an exception would be somebody else's to handle.
"""

import asyncio
import traceback
from collections.abc import Coroutine
from typing import Any


class Court:
    """Collects accusations. `convened` is set by the first."""

    def __init__(self) -> None:
        self.accusations: list[tuple[str, str]] = []
        self.errors: list[str] = []
        self.convened = asyncio.Event()

    async def follow(self, story: Coroutine[Any, Any, None]) -> None:
        """To its end, or to the first accusation."""
        everything = asyncio.ensure_future(story)
        convened = asyncio.ensure_future(self.convened.wait())
        await asyncio.wait([everything, convened], return_when=asyncio.FIRST_COMPLETED)
        if everything.done():
            everything.result()

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
