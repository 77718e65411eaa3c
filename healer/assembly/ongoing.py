"""What goes on by itself now, and what is begun anew because something that it depends on was replaced?"""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Mapping
from functools import partial
from typing import Any, TypeAlias

from healer.journey.ports import StoreUnavailable
from healer.seams import Spawn

log = logging.getLogger(__name__)

STORE_S = 2.0
"""Seconds until what goes on by itself asks a store again that could not answer."""

Work = Callable[[], Coroutine[Any, Any, None]]
Wanted: TypeAlias = Mapping[str, tuple[object, Work]]
"""By name: what it cannot go on without, and what it does."""


class Ongoing:
    """Tasks by name, each started again when it fails."""

    def __init__(self, spawn: Spawn) -> None:
        self._spawn = spawn
        self._tasks: dict[str, tuple[object, asyncio.Task[None]]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._tasks

    def begin(self, name: str, depends: object, work: Work) -> None:
        """Start it, unless it goes on."""
        if name not in self._tasks:
            self._tasks[name] = depends, self.keep(name, work)

    def keep(self, name: str, work: Work) -> asyncio.Task[None]:
        """Start what goes on for as long as the process lives, whatever is wanted."""
        return self._spawn.keep(name, partial(_patiently, name, work))

    def end_all_but(self, names: Collection[str]) -> None:
        """End what is not among these."""
        for name in [name for name in self._tasks if name not in names]:
            self._end(name)

    def go_on(self, wanted: Wanted) -> None:
        """Start what is wanted, anew where it depends on something that was replaced, and end the rest."""
        self.end_all_but(wanted)
        for name, (depends, work) in wanted.items():
            if name in self._tasks and self._tasks[name][0] != depends:
                self._end(name)
            self.begin(name, depends, work)

    def _end(self, name: str) -> None:
        self._tasks.pop(name)[1].cancel()


async def _patiently(name: str, work: Work) -> None:
    """A store that cannot answer now is nobody's mistake: it is asked again soon, for however long it is away."""
    try:
        await work()
    except StoreUnavailable as error:
        log.warning("%s waits for the store: %s", name, error)
        await asyncio.sleep(STORE_S)
