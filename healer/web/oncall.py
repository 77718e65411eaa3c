"""GET /api/v1/oncall: who is on call by each schedule, until when, and who is next. `at=` asks of another time, `schedule=` of
one schedule."""

from typing import Any

from aiohttp import web

from healer.alerts.instants import BadTime, read_instant
from healer.notification.oncall.duty import Duty, next_change, on_duty
from healer.notification.oncall.reach import Rota, reached_by
from healer.times import Micros
from healer.web.ports import Service
from healer.web.problems import Fault, Problem
from healer.web.query import as_json
from healer.web.shapes import when


def routes(service: Service) -> list[web.RouteDef]:
    rota = service.rota
    if rota is None:
        return []

    async def listed(request: web.Request) -> web.Response:
        found, at = rota(), _at(request) or service.clock.now()
        names = list(found.oncall.schedules)
        if asked := request.query.get("schedule", ""):
            if asked not in names:
                known = ", ".join(names) or "none"
                raise Problem(404, f"no schedule is called {asked[:100]!r}; schedules: {known}")
            names = [asked]
        items = [shape(found, name, at) for name in names]
        return as_json({"items": items, "total": len(items), "next": None})

    return [web.get("/api/v1/oncall", listed)]


def shape(rota: Rota, name: str, at: Micros) -> dict[str, Any]:
    """Who is on call by a schedule at an instant, and after that."""
    schedule, shifts = rota.oncall.schedules[name], rota.shifts.get(name, ())
    duty = on_duty(schedule, at, shifts, rota.calendars)
    change = next_change(schedule, at, shifts, rota.calendars)
    return {
        "schedule": name,
        "zone": schedule.zone,
        "at": when(at),
        **_said(rota, duty),
        "until": when(change.at) if change is not None else None,
        "next": _said(rota, change.duty) if change is not None else None,
    }


def _said(rota: Rota, duty: Duty) -> dict[str, Any]:
    people = [
        {"name": who, "channels": [one.channel for one in reached_by(who, rota.oncall, rota.channels)]}
        for who in duty.people
    ]
    return {"people": people, "source": duty.source}


def _at(request: web.Request) -> Micros:
    try:
        return read_instant(request.query.get("at", ""))
    except BadTime as error:
        raise Problem(400, "the query cannot be read", [Fault("/at", str(error))]) from None
