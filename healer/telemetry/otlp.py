"""Spans to a collector by OTLP over HTTP, in protobuf. Made by bootstrap when `telemetry.otlp.endpoint` is set.

The encoding comes from OpenTelemetry's own exporter, which is heavy and therefore an extra; the request is ours, so that no
thread is needed and time-outs and cancellation are those of everything else.
"""

import asyncio
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import aiohttp
from opentelemetry.sdk.trace import ReadableSpan

from healer.documents.fields import Secret
from healer.telemetry.exporting import NotTaken
from healer.times import SECOND, Micros

PATH = "/v1/traces"
MAX_WORDS = 200
"""Bytes of a refusal that are kept."""
_LATER = frozenset({408, 429, 502, 503, 504})
"""The statuses that OTLP calls retryable, and a request that timed out."""
_ENCODER = "opentelemetry.exporter.otlp.proto.common.trace_encoder"


class ExtraMissing(Exception):
    """The extra is not installed, and how to install it."""


class OtlpHttp:
    """`healer.telemetry.exporting.Sink`. Raises ExtraMissing when it is made without the extra."""

    def __init__(
        self, endpoint: str, headers: Mapping[str, Secret], timeout: Micros, session: aiohttp.ClientSession
    ) -> None:
        try:
            self._encode: Any = import_module(_ENCODER).encode_spans
        except ImportError:
            raise ExtraMissing(
                "telemetry.otlp needs the extra otlp: install healer-oncall[otlp], or take telemetry.otlp out"
            ) from None
        self._url = endpoint.rstrip("/") + PATH
        self._headers = headers
        self._timeout_s = timeout / SECOND
        self._session = session

    async def export(self, spans: Sequence[ReadableSpan]) -> None:
        body: bytes = self._encode(spans).SerializeToString()
        headers = {name: value.reveal() for name, value in self._headers.items()}
        headers["Content-Type"] = "application/x-protobuf"
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._session.post(self._url, data=body, headers=headers) as response:
                    status, words = response.status, await response.content.read(MAX_WORDS)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise NotTaken(f"{self._url}: {str(error) or type(error).__name__}", again=True) from error
        if not 200 <= status < 300:
            why = f"{self._url} answered {status}: {words.decode(errors='replace')}"
            raise NotTaken(why, again=status in _LATER)
