"""I17: no secret stands where somebody reads it. What is written into any row of the store, into a log line or to people is
looked at in the instant in which it is written; what healer answers from memory when the seed is over."""

import logging
from collections.abc import Iterator

from healer.assembly import Healer
from healer.store.connections import raw_of
from healer.store.inline import Memory
from healer.store.schema import metadata
from healer.telemetry.logs import Logfmt
from tests.simulation.court import Court
from tests.simulation.secrets import MARK, Secrets

_MARK = MARK.encode()
_AROUND = 40
"""Characters before and after it that an accusation shows."""


def _triggers() -> Iterator[str]:
    """Of each table: what is written has to be looked at."""
    for table in metadata.sorted_tables:
        texts = [f'NEW."{column.name}"' for column in table.columns if column.type.python_type in (str, bytes)]
        for event in ("INSERT", "UPDATE") if texts else ():
            yield (
                f'CREATE TEMP TRIGGER "{event} {table.name}" AFTER {event} ON "{table.name}" '
                f"BEGIN SELECT looked_at('{table.name}', {', '.join(texts)}); END;"
            )


_TRIGGERS = "".join(_triggers())


class Unsaid(logging.Handler):
    """Looks for what every secret has in it. As a handler it writes lines as `healer serve` does, where there is one to hide."""

    def __init__(self, court: Court, memory: Memory, secrets: Secrets) -> None:
        super().__init__(logging.INFO)
        self._court = court
        self._secrets = secrets
        raw = raw_of(memory.connection)
        raw.create_function("looked_at", -1, self._written)
        raw.executescript(_TRIGGERS)

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or MARK in str(vars(record)):
            self.look("a log line", Logfmt(self._secrets.redact).format(record))

    def look(self, where: str, text: str) -> None:
        """Somebody can read this there."""
        if MARK in text:
            at = text.index(MARK)
            self._court.accuse("secrets", f"{where} has one: {text[max(at - _AROUND, 0) : at + _AROUND]!r}")

    def finally_look(self, healer: Healer) -> None:
        """What it answers from memory: how sources of the topology stand, what healer is troubled by, and /metrics."""
        for source in healer.desk.sources():
            self.look("a source's state", source.why)
        self.look("/metrics", healer.registry.expose().decode())

    def _written(self, table: str, *values: object) -> None:
        """A row was written, and may yet be rolled back; it should not be there all the same."""
        for value in values:
            data = value.encode() if isinstance(value, str) else value
            if isinstance(data, bytes) and _MARK in data:
                self.look(f"a row of {table}", data.decode("utf-8", "replace"))
