"""Targets that are quoted without secrets: a command may print its environment, an API may repeat what it was sent.

What is said here is kept with effects, told to people and looked at again, so it is redacted before anybody reads it.
"""

from collections.abc import Callable, Mapping

import msgspec

from healer.executors.target import Go, Order, Result, Seen, Target


class Redacted:
    """`Target` that says what another one says, as far as it may be read."""

    def __init__(self, target: Target, redact: Callable[[str], str]) -> None:
        self._target = target
        self._redact = redact

    async def run(self, order: Order, go: Go) -> Result:
        return self._result(await self._target.run(order, go))

    async def probe(self, order: Order) -> Result:
        return self._result(await self._target.probe(order))

    async def observe(self, order: Order) -> Seen:
        said = await self._target.observe(order)
        return msgspec.structs.replace(said, output=self._redact(said.output), why=self._redact(said.why))

    async def close(self) -> None:
        await self._target.close()

    def _result(self, said: Result) -> Result:
        return msgspec.structs.replace(said, output=self._redact(said.output), why=self._redact(said.why))


def redacted(targets: Mapping[str, Target], redact: Callable[[str], str]) -> dict[str, Target]:
    """All of them, by the names of their executors."""
    return {name: Redacted(target, redact) for name, target in targets.items()}
