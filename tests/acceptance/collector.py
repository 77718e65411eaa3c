"""The stand-in for an OpenTelemetry collector, on an event loop of its own beside a test that has none. Used by `road`."""

import asyncio
import threading
from typing import Any, Self

from tests.standins.otlp import OtlpStandin


class Collector:
    """`with Collector() as collector:`; then `collector.url`, and `collector.spans` as they came."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="collector", daemon=True)
        self._standin = OtlpStandin()

    @property
    def url(self) -> str:
        return self._standin.url

    @property
    def spans(self) -> list[Any]:
        return list(self._standin.spans)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._standin.__aenter__(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._standin.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
