"""What does one wrapper say, over an SSH channel or to the process beside it? Bounded lines, bounded waiting.

Used by `healer.executors.wrapped`, and by those who lead to a wrapper.
"""

import asyncio
from typing import Protocol

from healer.executors.target import Order, Result
from healer.executors.wrapper import PREFIX, Done, Looked, Ready, read_answer

READY_S = 30.0
"""Seconds from a start to the wrapper's first answer: it may wait 10 s for its lock, and a sick disk syncs slowly."""
LINE_MAX_BYTES = 8_192
NOISE_MAX_BYTES = 2_048
"""What a login shell or sudo may say before the wrapper speaks; kept to explain why it did not."""


class Cut(Exception):
    """The wrapper's answer did not come."""


class Unreachable(Exception):
    """Known before the wrapper heard a word: no effect."""

    def __init__(self, outcome: str, why: str) -> None:
        super().__init__(why)
        refused = outcome == "refused"
        self.result = Result(
            "refused" if refused else "failed", why=why, started=False, lasting=refused, down=not refused
        )


class Ear(Protocol):
    """Where a wrapper hears."""

    def write(self, data: bytes) -> None: ...


class Mouth(Protocol):
    """Where it speaks."""

    async def read(self, n: int) -> bytes: ...


class Conversation:
    """The conversation with one wrapper: bounded lines, bounded waiting. `broken` is what its ends raise when they are cut."""

    def __init__(self, stdin: Ear, stdout: Mouth, broken: tuple[type[Exception], ...] = (OSError,)) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._broken = broken
        self._buffer = b""

    def write(self, data: bytes) -> None:
        """Raises Cut when the channel is known to be closed; then not a byte has left."""
        try:
            self._stdin.write(data)
        except self._broken as error:
            raise Cut(f"the connection was closed: {say(error)}") from error

    async def answer(self, within_s: float, order: Order) -> Ready | Done | Looked | Result:
        noise = b""
        try:
            async with asyncio.timeout(within_s):
                while not (line := await self._line()).startswith(PREFIX):
                    noise = (noise + line + b"\n")[:NOISE_MAX_BYTES]
            return read_answer(line.removeprefix(PREFIX), order)
        except TimeoutError as error:
            raise Cut(f"no answer within {within_s:g} s{_heard(noise)}") from error
        except ValueError as error:
            raise Cut(str(error)) from error
        except Cut as error:
            raise Cut(f"{error}{_heard(noise + self._buffer)}") from error

    async def output(self, size: int) -> bytes:
        """The bytes after a `done`. What is lost on the way is missing; the outcome stands without it."""
        try:
            async with asyncio.timeout(READY_S):
                while len(self._buffer) < size:
                    self._buffer += await self._more()
        except (TimeoutError, Cut):
            pass
        return self._buffer[:size]

    async def _line(self) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE_MAX_BYTES:
                raise Cut(f"a line of more than {LINE_MAX_BYTES} bytes")
            self._buffer += await self._more()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    async def _more(self) -> bytes:
        try:
            data = await self._stdout.read(LINE_MAX_BYTES)
        except self._broken as error:
            raise Cut(f"the connection was lost: {say(error)}") from error
        if not data:
            raise Cut("the connection ended without an answer")
        return data


def _heard(noise: bytes) -> str:
    text = " ".join(noise.decode("utf-8", "replace").split())
    return f"; the machine said: {text[:300]}" if text else ""


def say(error: BaseException) -> str:
    """An error in words; some of asyncssh's and of the system's have none."""
    return str(error) or type(error).__name__
