"""What the service logs as an error in a run is a finding, unless a fault made its store unavailable. Used by the scenarios."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from healer.journey.ports import StoreUnavailable
from tests.simulation.court import Court
from tests.simulation.incarnation import CURRENT


class _Errors(logging.Handler):
    """What the service itself calls an error, other than a store that a fault made unavailable."""

    def __init__(self, court: Court) -> None:
        super().__init__(logging.ERROR)
        self._court = court

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.getMessage().startswith("step ") and "decided otherwise" in record.msg:
            return  # the promise `replay` has its own words for that
        life = CURRENT.get()
        if not isinstance(error, StoreUnavailable) and not (life and life.frozen):
            self._court.error(self.format(record))


@contextmanager
def listening(court: Court, *more: logging.Handler) -> Iterator[None]:
    """Hear what is logged as an error, and have all that is written by default looked through; keep it to ourselves."""
    log, handlers = logging.getLogger("healer"), (_Errors(court), *more)
    level, propagate = log.level, log.propagate
    for handler in handlers:
        log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        for handler in handlers:
            log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate
