"""/api/v1/maintenance: who works where, once or again and again. `healer maintenance` calls it.

When a POST or DELETE was answered 2xx the word is in the journal, and holds from there on.
"""

from typing import Annotated

import msgspec
from aiohttp import web

from healer.accounts.model import Deed
from healer.alerts import maintenance
from healer.alerts.maintenance import MAX_KEPT, Maintenance, extended, state, wrong_interval
from healer.alerts.schedule import next_start
from healer.journey.records import Extended, Lifted, Maintained
from healer.times import Micros
from healer.web import acting, shapes, words
from healer.web.body import Bodies
from healer.web.orders import BODY_BYTES, read_order, refuse
from healer.web.ports import Service, View
from healer.web.problems import Problem
from healer.web.query import as_json, page, read_query

STATES = ("pending", "active", "expired")


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename=words.NAMES):
    """What a person says: a node (`below`: with everything beneath it) or matchers; from when (else now) until when, or for
    how long; by whom, and why. With a `schedule` it comes again, each time for so long, in a time `zone` of its own."""

    node: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    matchers: list[str] = []
    below: bool = False
    starts_at: str = ""
    ends_at: str = ""
    for_: str = ""
    schedule: Annotated[str, msgspec.Meta(max_length=200)] = ""
    zone: Annotated[str, msgspec.Meta(max_length=100)] = ""
    created_by: str = ""
    comment: str = ""


class Longer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename=words.NAMES):
    """Until when, or how much longer than it would have lasted."""

    ends_at: str = ""
    for_: str = ""


_order = msgspec.json.Decoder(Order)
_longer = msgspec.json.Decoder(Longer)


def routes(service: Service) -> list[web.RouteDef]:
    view, bodies, clock = service.view, Bodies(service.bounds), service.clock

    async def listed(request: web.Request) -> web.Response:
        """Under way first, then what is to come, then what is over."""
        query = read_query(request, STATES)
        await view.settled()
        now = clock.now()
        standing = [(state(one, now), one) for one in view.maintenance()]
        found = [(stands, one) for stands, one in standing if not query.statuses or stands in query.statuses]
        found.sort(key=lambda pair: (("active", "pending", "expired").index(pair[0]), pair[1].starts_at, pair[1].id))
        start = next((number + 1 for number, (_, one) in enumerate(found) if one.id == query.cursor), 0)
        shown = [one for _, one in found[start : start + query.limit]]
        last = shown[-1].id if shown and start + query.limit < len(found) else ""
        return page([shapes.work(one, now) for one in shown], len(found), last)

    async def one(request: web.Request) -> web.Response:
        await view.settled()
        return as_json(shapes.work(_known(view, request), clock.now()))

    async def add(request: web.Request) -> web.Response:
        order = await read(request, _order)
        now = clock.now()
        said = meant(order, acting.who(request, order.created_by), now, view)
        acting.require(service, request, "operate", _on(said))
        if sum(state(one, now) != "expired" for one in view.maintenance()) >= MAX_KEPT:
            raise Problem(409, f"there is maintenance in {MAX_KEPT} places: end some that nobody needs")
        id = view.identify(await words.say(service, Maintained(said)))
        return as_json(shapes.work(view.maintenance_of(id) or msgspec.structs.replace(said, id=id), clock.now()))

    async def extend(request: web.Request) -> web.Response:
        longer = await read(request, _longer)
        now = clock.now()
        found = _going_on(_known(view, request), now)
        acting.require(service, request, "operate", _on(found))
        until = _until(longer, found, now)
        await words.say(service, Extended(found.id, until, acting.who(request, "")))
        return as_json(shapes.work(view.maintenance_of(found.id) or found, clock.now()))

    async def end(request: web.Request) -> web.Response:
        found = _going_on(_known(view, request), clock.now())
        acting.require(service, request, "operate", _on(found))
        await words.say(service, Lifted(found.id, acting.who(request, "")))
        return as_json(shapes.work(view.maintenance_of(found.id) or found, clock.now()))

    async def read(request: web.Request, shape: msgspec.json.Decoder[words.T]) -> words.T:
        body = await bodies.read(request, BODY_BYTES)
        try:
            return read_order(body, shape)
        finally:
            bodies.free(len(body))

    return [
        web.get("/api/v1/maintenance", listed),
        web.post("/api/v1/maintenance", add),
        web.get("/api/v1/maintenance/{id}", one),
        web.post("/api/v1/maintenance/{id}/extend", extend),
        web.delete("/api/v1/maintenance/{id}", end),
    ]


def _on(work: Maintenance) -> tuple[Deed, ...]:
    """What a right has to cover; nothing in particular where matchers say where."""
    return (Deed("", work.node),) if work.node else ()


def meant(order: Order, by: str, now: Micros, view: View) -> Maintenance:
    """The maintenance that an order means. Raises Problem 400 with everything that is wrong with it."""
    wrong: words.Wrong = []
    starts_at = words.instant(order.starts_at, "startsAt", wrong)
    ends_at, lasts = words.instant(order.ends_at, "endsAt", wrong), words.duration(order.for_, "for", wrong)
    if not order.schedule:
        starts_at = max(starts_at, now)
        if bool(ends_at) is bool(lasts) and not wrong:
            wrong.append(("endsAt", "say until when (endsAt), or for how long (for): one of both"))
        ends_at = ends_at or starts_at + lasts
    elif not order.zone:
        wrong.append(("zone", "say whose clock the schedule means: an IANA name, like Europe/Berlin or UTC"))
    said = Maintenance(
        id="",
        created_by=by,
        comment=order.comment,
        starts_at=starts_at,
        ends_at=ends_at,
        node=order.node,
        below=order.below,
        matchers=words.matchers(order.matchers, wrong),
        schedule=order.schedule,
        zone=order.zone,
        lasts=lasts if order.schedule else 0,
    )
    if order.node and (near := view.near(order.node)) is not None:
        hint = f"did you mean {', '.join(near)}?" if near else "`healer topology show` lists what there is"
        wrong.append(("node", f"the topology has no node {order.node!r}; {hint}"))
    refuse(wrong or maintenance.wrong(said, now), "the maintenance")
    return said


def _known(view: View, request: web.Request) -> Maintenance:
    id = request.match_info["id"]
    found = view.maintenance_of(id)
    if found is None:
        raise Problem(404, f"no maintenance has the id {id[:64]}; `healer maintenance list` shows them")
    return found


def _going_on(found: Maintenance, now: Micros) -> Maintenance:
    if state(found, now) == "expired":
        raise Problem(409, f"maintenance {found.id} is over already; add another one")
    return found


def _until(longer: Longer, found: Maintenance, now: Micros) -> Micros:
    """When it is to end by now. Raises Problem 400."""
    wrong: words.Wrong = []
    until, more = words.instant(longer.ends_at, "endsAt", wrong), words.duration(longer.for_, "for", wrong)
    if bool(until) is bool(more) and not wrong:
        wrong.append(("endsAt", "say until when (endsAt), or how much longer (for): one of both"))
    refuse(wrong, "this")
    under_way = maintenance.occurrence(found, now)
    if found.schedule and under_way is None:
        raise Problem(409, f"maintenance {found.id} is not under way: a recurring one is extended while it is")
    begin, end = under_way or (found.starts_at, found.ends_at)
    until = until or end + more
    once = msgspec.structs.replace(extended(found, until, now), starts_at=begin, ends_at=until)
    wrong = wrong_interval(once, now)
    following = next_start(found.schedule, found.zone, now) if found.schedule else None
    if following is not None and until > following:
        wrong.append(("endsAt", "it would run into the next time that it comes anyway"))
    refuse(wrong, "this")
    return until
