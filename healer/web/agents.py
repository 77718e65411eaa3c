"""GET /api/v1/agents: who is enrolled, there, and at what; and who is invited. POST invites one: the answer is the file that
goes to its machine. DELETE /api/v1/agents/{name}: it may not come in any more. `healer agents` calls them.
"""

from collections.abc import Callable
from typing import Annotated

import msgspec
from aiohttp import web

from healer.executors.agent.agents import Agents, BadName
from healer.executors.agent.post import Standing
from healer.executors.agent.roll import Invited
from healer.times import Micros
from healer.web import acting, shapes
from healer.web.body import Bodies
from healer.web.orders import read_order
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import as_json
from healer.web.replicas import must_converge

PATH = "/api/v1/agents"
BODY_BYTES = 16 * 1024


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is invited; the node's id, mostly."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


_order = msgspec.json.Decoder(Order)


def routes(service: Service) -> list[web.RouteDef]:
    bodies = Bodies(service.bounds)

    def known() -> Agents:
        """Those of this healer, where agents may dial in. Raises Problem."""
        if service.agents is None:
            raise Problem(404, "no agent can dial in here: set executors.agent (docs/agent.md says how)")
        must_converge(service)
        return service.agents

    async def listed(_: web.Request) -> web.Response:
        agents = known()
        items = [standing(each, service.clock.now(), service.redact) for each in agents.standings()]
        items += [invited(each) for each in agents.invited()]
        return as_json({"items": items, "total": len(items), "next": None})

    async def invite(request: web.Request) -> web.Response:
        agents = known()
        body = await bodies.read(request, BODY_BYTES)
        try:
            order = read_order(body, _order)
        finally:
            bodies.free(len(body))
        try:
            made = await agents.invite(order.name, acting.who(request, "") or acting.ANONYMOUS)
        except BadName as error:
            raise Problem(400, str(error)) from None
        return as_json(made)

    async def remove(request: web.Request) -> web.Response:
        agents = known()
        name = request.match_info["name"]
        if not await agents.remove(name, acting.who(request, "") or acting.ANONYMOUS):
            raise Problem(404, f"there is no agent {name[:200]}, and nobody invited it")
        return as_json({"name": name, "status": "removed"})

    return [web.get(PATH, listed), web.post(PATH, invite), web.delete(PATH + "/{name}", remove)]


def standing(each: Standing, now: Micros, redact: Callable[[str], str]) -> shapes.Json:
    """An agent that was enrolled; `status` is `active` or `inactive`. What runs there may print what nobody may read."""
    return {
        "name": each.name,
        "status": "active" if each.active else "inactive",
        "last_heard_at": shapes.when(now - each.silent_for),
        "load": each.beat.load,
        "tasks": each.beat.tasks,
        "waiting": each.waiting,
        "running": [
            {"intent": one.intent, "since": shapes.when(now - one.age), "output": redact(one.output)}
            for one in each.beat.running
        ],
        "paused": each.beat.paused or None,
        "version": each.version or None,
        "certificate_until": shapes.when(each.expires_at),
    }


def invited(each: Invited) -> shapes.Json:
    """One that may enrol until then."""
    return {"name": each.name, "status": "invited", "invited_until": shapes.when(each.until)}
