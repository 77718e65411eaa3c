"""/api/v1/silences: silences said to healer itself, and a look at those that are mirrored. `healer silence` calls it.

When a POST or DELETE was answered 2xx the word is in the journal, and holds from there on.
"""

import msgspec
from aiohttp import web

from healer.alerts import silences
from healer.alerts.silences import MAX_KEPT, OWN, Silence, can_update, state
from healer.journey.records import Hushed, Lifted
from healer.times import Micros
from healer.web import acting, shapes, words
from healer.web.body import Bodies
from healer.web.orders import BODY_BYTES, read_order, refuse
from healer.web.ports import Service
from healer.web.problems import Problem
from healer.web.query import as_json, page, read_query

STATES = ("pending", "active", "expired")
UNKNOWN_ID = "no silence of healer's own has the id {}; `healer silence list` shows them"


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename=words.NAMES):
    """What a person says: matchers as `job="node"`, from when (else now) until when, or for how long; by whom, and why.

    With an `id` it changes that silence; other matchers, or another beginning, make it another one.
    """

    matchers: list[str]
    id: str = ""
    starts_at: str = ""
    ends_at: str = ""
    for_: str = ""
    created_by: str = ""
    comment: str = ""


_order = msgspec.json.Decoder(Order)


def routes(service: Service) -> list[web.RouteDef]:
    view, bodies = service.view, Bodies(service.bounds)

    async def listed(request: web.Request) -> web.Response:
        """All, those that hold first; `filter=` is on the values of equal names among their matchers."""
        query = read_query(request, STATES)
        await view.settled()
        now = service.clock.now()
        found = [
            one
            for one in ordered(view.all_silences(), now)
            if (not query.statuses or state(one, now) in query.statuses)
            and query.matchers.matches({m.name: m.value for m in one.matchers})
        ]
        start = next((number + 1 for number, one in enumerate(found) if one.id == query.cursor), 0)
        shown = found[start : start + query.limit]
        last = shown[-1].id if shown and start + query.limit < len(found) else ""
        return page([shapes.silence(one, now) for one in shown], len(found), last)

    async def one(request: web.Request) -> web.Response:
        await view.settled()
        id = request.match_info["id"]
        found = next((one for one in view.all_silences() if one.id == id), None)
        if found is None:
            raise Problem(404, UNKNOWN_ID.format(id[:64]))
        return as_json(shapes.silence(found, service.clock.now()))

    async def add(request: web.Request) -> web.Response:
        body = await bodies.read(request, BODY_BYTES)
        try:
            order = read_order(body, _order)
        finally:
            bodies.free(len(body))
        said = meant(order, acting.who(request, order.created_by), service.clock.now())
        id = await hush(service, said)
        found = view.own_silence(id)
        return as_json(shapes.silence(found or msgspec.structs.replace(said, id=id), service.clock.now()))

    async def expire(request: web.Request) -> web.Response:
        id = request.match_info["id"]
        found = view.own_silence(id)
        if found is None:
            raise Problem(404, UNKNOWN_ID.format(id[:64]))
        if state(found, service.clock.now()) == "expired":
            raise Problem(409, f"silence {id} already expired")
        await words.say(service, Lifted(id, acting.who(request, "")))
        return as_json(shapes.silence(view.own_silence(id) or found, service.clock.now()))

    return [
        web.get("/api/v1/silences", listed),
        web.post("/api/v1/silences", add),
        web.get("/api/v1/silences/{id}", one),
        web.delete("/api/v1/silences/{id}", expire),
    ]


def meant(order: Order, by: str, now: Micros) -> Silence:
    """The silence that an order means. Raises Problem 400 with everything that is wrong with it."""
    wrong: words.Wrong = []
    starts_at = words.instant(order.starts_at, "startsAt", wrong) or now
    ends_at, lasts = words.instant(order.ends_at, "endsAt", wrong), words.duration(order.for_, "for", wrong)
    if bool(ends_at) is bool(lasts) and not wrong:
        wrong.append(("endsAt", "say until when (endsAt), or for how long (for): one of both"))
    said = Silence(
        id=order.id,
        source=OWN,
        matchers=words.matchers(order.matchers, wrong),
        starts_at=starts_at,
        ends_at=ends_at or max(starts_at, now) + lasts,
        created_by=by,
        comment=order.comment,
    )
    wrong += [(name, "who says so, and why, is part of it") for name, text in _words(said) if not text.strip()]
    refuse(wrong or silences.wrong(said, now), "the silence")
    return said


async def hush(service: Service, said: Silence, *, about: str = "", key: str = "") -> str:
    """Write a silence that can be taken; its id by now. `about` is the incident under whose message that was said, `key` makes
    it count once. Raises Problem 404 for an id that is not known, 409 when full."""
    view, now = service.view, service.clock.now()
    known = view.own_silence(said.id) if said.id else None
    if said.id and known is None:
        raise Problem(404, UNKNOWN_ID.format(said.id[:64]))
    if (
        known is None
        and sum(one.source == OWN and state(one, now) != "expired" for one in view.all_silences()) >= MAX_KEPT
    ):
        raise Problem(409, f"there are {MAX_KEPT} silences: expire some that nobody needs")
    fresh = view.identify(await words.say(service, Hushed(said, about, key)))
    if known is None or view.own_silence(fresh) is not None or not can_update(known, said, now):
        return fresh
    return said.id


def ordered(found: list[Silence], now: Micros) -> list[Silence]:
    """As Alertmanager lists them: active by their end, pending by their beginning, what is over newest first."""

    def key(one: Silence) -> tuple[int, Micros, str]:
        match state(one, now):
            case "active":
                return (0, one.ends_at, one.id)
            case "pending":
                return (1, one.starts_at, one.id)
            case _:
                return (2, -one.ends_at, one.id)

    return sorted(found, key=key)


def _words(said: Silence) -> list[tuple[str, str]]:
    return [("createdBy", said.created_by), ("comment", said.comment)]
