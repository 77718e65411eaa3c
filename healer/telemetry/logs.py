"""What happened, one line each: logfmt, with the trace id of the incident or request it belongs to, and no secret in it.

`healer.bootstrap` configures it once. Rooms log with the standard library: `log.info("stored", extra={"alerts": 3})`; what is
given as `extra` becomes a key of its own.
"""

import json
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO

from healer.telemetry.redacting import Redactor

trace_id: ContextVar[str] = ContextVar("trace_id", default="")
"""32 hexadecimal digits while something works for an incident or a request, else ""."""

MAX_VALUE_CHARACTERS = 8_000
"""Of one value; a traceback is cut in its middle."""
CHATTY = ("asyncssh",)
"""Libraries that tell each step at level info; healer's own lines say what matters of it."""

_OWN = frozenset(vars(logging.LogRecord("", 0, "", 0, "", (), None))) | {"message", "asctime", "taskName"}
_LEVELS = {"WARNING": "warn", "CRITICAL": "fatal"}
_BARE = re.compile(r'[^\s"=\x00-\x1f\x7f]+')
_KEY = re.compile(r"[^A-Za-z0-9_.-]")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")


def trace_of(traceparent: str) -> str:
    """The trace id in a `traceparent` header (W3C Trace Context), or ""."""
    found = _TRACEPARENT.fullmatch(traceparent) if len(traceparent) < 256 else None
    return found[1] if found and not traceparent.startswith("ff") else ""


@contextmanager
def within_trace(trace: str) -> Iterator[None]:
    """Log lines of this task carry `trace` for as long as the block runs."""
    token = trace_id.set(trace)
    try:
        yield
    finally:
        trace_id.reset(token)


class Logfmt(logging.Formatter):
    """`ts=2026-01-07T10:00:00.000Z level=info logger=healer.web msg="listening" trace=... key=value`."""

    def __init__(self, redact: Redactor | None = None) -> None:
        super().__init__()
        self._redact = redact or Redactor()

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={_quoted(value)}" for key, value in self.pairs(record))

    def pairs(self, record: logging.LogRecord) -> Iterator[tuple[str, str]]:
        """Keys and texts of one line, without secrets, each within its limit."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        yield "ts", moment.replace("+00:00", "Z")
        yield "level", _LEVELS.get(record.levelname, record.levelname.lower())
        yield "logger", record.name
        yield "msg", self._text(record.getMessage())
        if trace := trace_id.get():
            yield "trace", trace
        for key, value in vars(record).items():
            if key not in _OWN:
                yield _KEY.sub("_", key), self._text(value)
        if record.exc_info and record.exc_info[0]:
            yield "error", self._text(self.formatException(record.exc_info))

    def _text(self, value: object) -> str:
        return _cut(self._redact(str(value)))


class Json(Logfmt):
    """The same keys as one JSON object a line, for collectors."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(dict(self.pairs(record)))


def configure(
    stream: TextIO, *, level: str = "info", format: Literal["text", "json"] = "text", secrets: Iterable[str] = ()
) -> None:
    """Send every log line to `stream`. `secrets` are the values of settings that must never be shown."""
    handler = logging.StreamHandler(stream)
    redact = Redactor(secrets)
    handler.setFormatter(Json(redact) if format == "json" else Logfmt(redact))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))


def _cut(text: str) -> str:
    if len(text) <= MAX_VALUE_CHARACTERS:
        return text
    half = MAX_VALUE_CHARACTERS // 2
    return f"{text[:half]} ... {len(text) - 2 * half} characters left out ... {text[-half:]}"


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.translate(_CONTROLS) + '"'


_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)} | {10: "\\n", 13: "\\r", 9: "\\t"}
