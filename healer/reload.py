"""Read the files again, and go on by them, or not at all. Asked by POST /-/reload and by SIGHUP; wired by `healer.bootstrap`.

One reload at a time. What the last one came to is in /metrics, under the names that the Prometheus family uses, and in the log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Literal

import msgspec

from healer.documents.problems import DocumentError, Problem
from healer.seams import Clock
from healer.telemetry.metrics import Sample
from healer.times import SECOND, Micros

log = logging.getLogger(__name__)

Because = Literal["wrong", "restart", "unavailable"]


class Reloaded(msgspec.Struct, frozen=True):
    """What is different now. `changed` are keys of the configuration, `files` what changed in files that it names."""

    changed: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What was read and does not count yet."""


class NotReloaded(Exception):
    """What ran before runs on. `because` the files are wrong, they ask for a restart, or healer cannot do it now."""

    def __init__(self, because: Because, why: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(why)
        self.because = because
        self.problems = tuple(problems)


class Reload:
    """`again` reads and takes; it raises NotReloaded or DocumentError, and then has changed nothing. `tell` hears, and never
    raises, whether the files are wrong, and how."""

    def __init__(
        self,
        again: Callable[[], Awaitable[Reloaded]],
        clock: Clock,
        tell: Callable[[bool, str], Awaitable[None]] | None = None,
    ) -> None:
        self._again = again
        self._clock = clock
        self._tell = tell
        self._one = asyncio.Lock()
        self._successful = True
        self._succeeded_at: Micros = clock.now()

    async def __call__(self) -> Reloaded:
        """Reload. Raises NotReloaded."""
        async with self._one:
            successful = False
            try:
                reloaded = await self._again()
                successful = True
            except NotReloaded as error:
                await self._refuse(error)
                raise
            except DocumentError as error:
                refused = NotReloaded("wrong", "the files cannot be used", error.problems)
                await self._refuse(refused)
                raise refused from None
            finally:
                self._successful = successful
            self._succeeded_at = self._clock.now()
            if self._tell is not None:
                await self._tell(False, "")
            log.info("reloaded: %s", "; ".join((*reloaded.changed, *reloaded.files, *reloaded.notes)) or "no change")
            return reloaded

    async def on_signal(self) -> None:
        """Reload; the log has said what came of it."""
        try:
            await self()
        except NotReloaded:
            return

    async def _refuse(self, error: NotReloaded) -> None:
        said = _said(error)
        log.error("not reloaded, what ran before runs on: %s", said)
        if error.because == "wrong" and self._tell is not None:
            await self._tell(True, said)

    def samples(self) -> Iterator[Sample]:
        """For /metrics. A start counts as a reload that succeeded."""
        yield Sample(
            "healer_config_last_reload_successful", self._successful, help="Whether the last reload was taken."
        )
        yield Sample(
            "healer_config_last_reload_success_timestamp_seconds",
            self._succeeded_at / SECOND,
            help="When the configuration in use was taken.",
        )


def _said(error: NotReloaded) -> str:
    said = "; ".join(map(str, error.problems))
    return f"{error}: {said}" if said else str(error)
