"""Traces by OTLP over HTTP, to a stand-in for a collector that reads the protobuf."""

import importlib.util
import sys

import aiohttp
import pytest
from opentelemetry.sdk.resources import Resource

from healer.documents.fields import Secret
from healer.telemetry.exporting import NotTaken
from healer.telemetry.otlp import ExtraMissing, OtlpHttp
from healer.telemetry.trace import spans
from healer.times import SECOND
from tests.servers.process import free_port
from tests.standins.otlp import OtlpStandin
from tests.unit.telemetry.test_trace import HEALED, over

TRACE = spans(over(), HEALED, Resource({"service.name": "healer"}))


async def test_a_collector_gets_one_trace_with_every_stage() -> None:
    """Ids, parents, times and attributes arrive as they were recorded, with the headers that the collector asks for."""
    async with OtlpStandin() as collector, aiohttp.ClientSession() as session:
        sink = OtlpHttp(f"{collector.url}/", {"X-Key": Secret("s3cret")}, 5 * SECOND, session)
        await sink.export(TRACE)
    assert collector.headers[0]["X-Key"] == "s3cret"
    assert collector.resources == [{"service.name": "healer"}]
    assert {span.trace_id.hex() for span in collector.spans} == {over().trace_id}
    root, *children = collector.spans
    assert root.name == "incident"
    assert {child.name for child in children} == {"detect", "converge", "decide", "execute", "verify", "notify"}
    assert {child.parent_span_id for child in children} == {root.span_id}
    assert root.start_time_unix_nano == TRACE[0].start_time
    assert all(0 < span.start_time_unix_nano <= span.end_time_unix_nano for span in collector.spans)


@pytest.mark.parametrize(("status", "again"), [(503, True), (429, True), (400, False), (401, False), (404, False)])
async def test_a_refusal_says_whether_to_ask_again(status: int, again: bool) -> None:
    """As OTLP says: a few statuses are worth another try, all others are for good."""
    async with OtlpStandin() as collector, aiohttp.ClientSession() as session:
        collector.answer = status
        with pytest.raises(NotTaken, match=f"answered {status}: not now") as refused:
            await OtlpHttp(collector.url, {}, 5 * SECOND, session).export(TRACE)
    assert refused.value.again == again


async def test_a_collector_that_is_away_is_asked_again() -> None:
    """No connection says nothing about the trace."""
    async with aiohttp.ClientSession() as session:
        with pytest.raises(NotTaken, match="Cannot connect") as refused:
            await OtlpHttp(f"http://127.0.0.1:{free_port()}", {}, SECOND, session).export(TRACE)
    assert refused.value.again


async def test_without_the_extra_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """healer runs without it, and traces are asked for in the configuration."""
    assert importlib.util.find_spec("opentelemetry.exporter.otlp.proto.common")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.common.trace_encoder", None)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(ExtraMissing, match=r"healer-oncall\[otlp\]"):
            OtlpHttp("http://127.0.0.1:4318", {}, SECOND, session)
