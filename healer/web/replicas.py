"""GET /api/v1/owner: which replica converges. And what only that one answers: others say where it is."""

from aiohttp import web

from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import as_json

PATH = "/api/v1/owner"
HAND_OVER_SECONDS = 5
"""After so long another replica converges, when the one that did is gone."""


def routes(service: Service) -> list[web.RouteDef]:
    async def owner(_: web.Request) -> web.Response:
        known = service.converging()
        if known is None:
            return as_json({"replica": None, "converges": True, "owner": None, "epoch": None})
        somebody = {"replica": known.owner, "url": known.url} if known.owner else None
        return as_json(
            {"replica": known.replica, "converges": known.mine, "owner": somebody, "epoch": known.epoch or None}
        )

    return [web.get(PATH, owner)]


def standing(service: Service) -> str:
    """For /-/ready: which part this replica has; "" where there is only one."""
    known = service.converging()
    if known is None:
        return ""
    if known.mine:
        return f"{known.replica} converges (epoch {known.epoch})"
    return (
        f"{known.replica} follows {_named(known.owner, known.url)}" if known.owner else "no replica converges just now"
    )


def must_converge(service: Service) -> None:
    """Raises Problem 503, naming the replica to ask, where another one has what is asked for."""
    known = service.converging()
    if known is None or known.mine:
        return
    if not known.owner:
        raise Problem(503, "no replica converges just now: ask again", retry_after=HAND_OVER_SECONDS)
    why = f"{known.replica} follows, and does not have this: ask {_named(known.owner, known.url)}, which converges"
    raise Problem(503, why)


def _named(name: str, url: str) -> str:
    return f"{name} at {url}" if url else name
