"""/metrics, /-/healthy and /-/ready, as in the Prometheus family."""

from aiohttp import web

from healer.telemetry.metrics import CONTENT_TYPE
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.replicas import standing


def routes(service: Service) -> list[web.RouteDef]:
    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=service.registry.expose(), headers={"Content-Type": CONTENT_TYPE})

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="healer is healthy.\n")

    async def ready(_: web.Request) -> web.Response:
        is_ready, why = service.view.ready()
        if not is_ready:
            raise Problem(503, f"healer is not ready: {why}", retry_after=1)
        part = standing(service)
        return web.Response(text=f"healer is ready: {part}.\n" if part else "healer is ready.\n")

    return [
        web.get("/metrics", metrics),
        web.get("/-/healthy", healthy),
        web.get("/-/ready", ready),
    ]
