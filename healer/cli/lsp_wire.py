"""Messages of the Language Server Protocol on a pair of streams: a header with the length, then JSON-RPC."""

from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

MAX_MESSAGE = 16 << 20
"""Bytes of one message."""
MAX_HEADER = 1024
"""Bytes of one line of a header."""
PARSE_ERROR, METHOD_NOT_FOUND, INTERNAL_ERROR = -32700, -32601, -32603


class Broken(Exception):
    """What came is no message, and nobody can say where the next one begins."""


def messages(stream: BinaryIO) -> Iterator[Any]:
    """Each message that comes, until the stream ends; None for one that is no JSON. Raises Broken."""
    while True:
        length = _length(stream)
        if length is None:
            return
        body = stream.read(length)
        if len(body) < length:
            return
        try:
            yield msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            yield None


def _length(stream: BinaryIO) -> int | None:
    """The length that a header says; None at the end of the stream."""
    length: int | None = None
    while True:
        line = stream.readline(MAX_HEADER)
        if not line:
            return None
        if not line.strip():
            if length is None:
                raise Broken("a header without Content-Length")
            return length
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            if not value.strip().isdigit() or int(value) > MAX_MESSAGE:
                raise Broken(f"Content-Length: a number of at most {MAX_MESSAGE}")
            length = int(value)


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write one message."""
    body = msgspec.json.encode({"jsonrpc": "2.0", **message})
    stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    stream.flush()
