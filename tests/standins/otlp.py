"""A stand-in for an OpenTelemetry collector: takes traces by OTLP over HTTP in protobuf, and keeps their spans."""

from typing import Any, Self

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


class OtlpStandin:
    """In a test: `async with OtlpStandin() as collector`, then `collector.url`. `answer` is the status it gives."""

    def __init__(self) -> None:
        self.url = ""
        self.answer = 200
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/v1/traces", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        if request.content_type != "application/x-protobuf":
            return web.Response(status=415, text="send application/x-protobuf")
        told = ExportTraceServiceRequest()
        told.ParseFromString(await request.read())
        if self.answer != 200:
            return web.Response(status=self.answer, text="not now")
        for resource in told.resource_spans:
            self.resources.append({one.key: one.value.string_value for one in resource.resource.attributes})
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        body = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=body, content_type="application/x-protobuf")
