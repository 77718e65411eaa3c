"""The HTTP side as one application. Put together here, called by `healer.bootstrap`; nothing happens at import."""

from aiohttp import web

from healer.web import (
    accept,
    agents,
    alertmanager,
    alerts,
    approvals,
    audit,
    changes,
    drills,
    incidents,
    maintenance,
    notifications,
    oncall,
    pause,
    plan,
    plumbing,
    presses,
    reload,
    remediations,
    replicas,
    report,
    rules,
    saying,
    silences,
    topology,
    users,
)
from healer.web.auth import Access
from healer.web.guard import expecting, guarding
from healer.web.oversize import Oversize
from healer.web.ports import Service


def create_app(service: Service, oversize: Oversize | None = None, access: Access | None = None) -> web.Application:
    """Every route of `service`. Hand in the `Oversize` that somebody settles, or large requests stay an open trouble; and
    the `Access` whose credentials somebody may change."""
    large = oversize or Oversize(service.journal, service.clock)
    access = access or access_of(service)
    app = web.Application(middlewares=[guarding(access, service.registry)])
    expected = expecting(access, service.bounds.body, large)
    graphs = expecting(access, topology.MAX_GRAPH, large)
    signed = expecting(access, service.changes.max_body, None)
    pressed = expecting(access, presses.BODY_BYTES, None)
    special = {topology.PATH: graphs, **dict.fromkeys(changes.PATHS, signed), **dict.fromkeys(presses.PATHS, pressed)}
    ways = (
        *accept.routes(service, large),
        *changes.routes(service),
        *presses.routes(service),
        *incidents.routes(service),
        *saying.routes(service),
        *alerts.routes(service),
        *remediations.routes(service),
        *approvals.routes(service, access),
        *plan.routes(service),
        *rules.routes(service),
        *pause.routes(service),
        *drills.routes(service),
        *silences.routes(service),
        *maintenance.routes(service),
        *notifications.routes(service),
        *oncall.routes(service),
        *report.routes(service),
        *audit.routes(service),
        *users.routes(access),
        *agents.routes(service),
        *alertmanager.routes(service),
        *topology.routes(service),
        *replicas.routes(service),
        *plumbing.routes(service),
        *reload.routes(service),
    )
    app.add_routes(
        [
            web.RouteDef(
                way.method,
                way.path,
                way.handler,
                {**way.kwargs, "expect_handler": special.get(way.path, expected)},
            )
            for way in ways
        ]
    )
    return app


def access_of(service: Service) -> Access:
    """Who may come in."""
    return Access(service.auth, open_metrics=service.open_metrics, signed=changes.PATHS | presses.PATHS)
