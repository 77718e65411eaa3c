"""/api/v2 as Alertmanager has it (0.25), so that amtool, karma and Grafana work with healer unchanged.

Silences are healer's own; those that it mirrors are their Alertmanager's to list and change. `inhibitedBy` of an alert is the
root that explains it. POST /api/v2/alerts is in `healer.web.accept`. Errors are JSON texts, which is what its clients read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from healer.alerts import silences
from healer.alerts.identity import fingerprint_of, labels_of
from healer.alerts.instants import BadTime, read_instant
from healer.alerts.matchers import MatcherError, Matchers, compile_pattern, parse_matchers
from healer.alerts.model import Detail
from healer.alerts.silences import OWN, Silence, SilenceMatcher, state
from healer.convergence.outcome import AlertView
from healer.journey.records import Lifted
from healer.times import Micros, format_rfc3339
from healer.web import acting, words
from healer.web.alerts import AT_A_TIME
from healer.web.body import Bodies
from healer.web.orders import BODY_BYTES
from healer.web.ports import Service, View
from healer.web.problems import Problem
from healer.web.query import MAX_FILTERS, as_json
from healer.web.silences import hush, ordered

SPOKEN = "0.25.0"
"""The version of Alertmanager whose API this is; clients choose their words by it."""
ANNOTATED = 500
"""Alerts of one answer whose annotations are read from the store; further ones come without."""

Handler = Callable[[web.Request], Awaitable[web.Response]]
Json = dict[str, Any]


class Matcher(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class Postable(msgspec.Struct, rename="camel"):
    """A silence as clients post it; an id changes that silence."""

    matchers: list[Matcher]
    starts_at: str
    ends_at: str
    created_by: str
    comment: str
    id: str | None = None


_postable = msgspec.json.Decoder(Postable)


def routes(service: Service) -> list[web.RouteDef]:
    view, bodies, clock = service.view, Bodies(service.bounds), service.clock
    up_since = clock.now()

    async def status(_: web.Request) -> web.Response:
        build = dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "healer")
        return as_json(
            {
                "cluster": {"status": "disabled", "peers": []},
                "versionInfo": {"version": SPOKEN} | build,
                "config": {"original": ""},
                "uptime": format_rfc3339(up_since),
            }
        )

    async def receivers(_: web.Request) -> web.Response:
        return as_json([{"name": name} for name in view.channels()])

    async def listed(request: web.Request) -> web.Response:
        await view.settled()
        now, wanted = clock.now(), _filters(request)
        own = ordered([one for one in view.all_silences() if one.source == OWN], now)
        return as_json([_silence(one, now) for one in own if wanted.matches({m.name: m.value for m in one.matchers})])

    async def one(request: web.Request) -> web.Response:
        await view.settled()
        return as_json(_silence(_known(view, request), clock.now()))

    async def post(request: web.Request) -> web.Response:
        body = await bodies.read(request, BODY_BYTES)
        try:
            said = _said(body)
        finally:
            bodies.free(len(body))
        wrong = silences.wrong(said, clock.now())
        if wrong:
            raise Problem(400, f"failed to create silence: {wrong[0][1]}")
        said = msgspec.structs.replace(said, created_by=acting.who(request, said.created_by))
        return as_json({"silenceID": await hush(service, said)})

    async def expire(request: web.Request) -> web.Response:
        found = _known(view, request)
        if state(found, clock.now()) == "expired":
            # Alertmanager answers this very status; amtool shows its words.
            raise Problem(500, f"silence {found.id} already expired")
        await words.say(service, Lifted(found.id, acting.who(request, "")))
        return web.Response()

    async def alerts(request: web.Request) -> web.Response:
        return as_json([written for _, written in await _chosen(service, request)])

    async def groups(request: web.Request) -> web.Response:
        """By incident: its root's name and node are the group's labels."""
        found: dict[str, list[Json]] = {}
        names: dict[str, Json] = {}
        for alert, written in await _chosen(service, request):
            found.setdefault(alert.incident or written["fingerprint"], []).append(written)
            if alert.status == "root" or (alert.incident or written["fingerprint"]) not in names:
                names[alert.incident or written["fingerprint"]] = _group(alert)
        receiver = {"name": next(iter(view.channels()), "healer")}
        return as_json([{"labels": names[id], "receiver": receiver, "alerts": some} for id, some in found.items()])

    return [
        web.get("/api/v2/status", status),
        web.get("/api/v2/receivers", receivers),
        web.get("/api/v2/silences", _plainly(listed)),
        web.post("/api/v2/silences", _plainly(post)),
        web.get("/api/v2/silence/{id}", _plainly(one)),
        web.delete("/api/v2/silence/{id}", _plainly(expire)),
        web.get("/api/v2/alerts", _plainly(alerts)),
        web.get("/api/v2/alerts/groups", _plainly(groups)),
    ]


async def _chosen(service: Service, request: web.Request) -> list[tuple[AlertView, Json]]:
    """The alerts that a request asks for, each with what Alertmanager says of one, in the order of their fingerprints."""
    view = service.view
    await view.settled()
    wanted, receivers = _filters(request), [{"name": name} for name in view.channels()]
    only = request.query.get("receiver", "")
    if only and not any(_names(only, one["name"]) for one in receivers):
        return []
    shown = {name for name in ("active", "silenced", "inhibited") if request.query.get(name, "true") != "false"}
    found: list[tuple[AlertView, Json]] = []
    for number, alert in enumerate(view.alerts()):
        if number % AT_A_TIME == AT_A_TIME - 1:
            await asyncio.sleep(0)
        if alert.ended_at or _standing(alert) not in shown or not wanted.matches(labels_of(alert.labels)):
            continue
        where = view.where(alert.labels) if len(found) < ANNOTATED else None
        detail = await service.projections.detail(*where) if where is not None else None
        found.append((alert, _alert(alert, detail, receivers)))
    return sorted(found, key=lambda pair: pair[1]["fingerprint"])


def _known(view: View, request: web.Request) -> Silence:
    """The silence that a request is about, which was said to healer itself. Raises Problem."""
    found = view.own_silence(request.match_info["id"])
    if found is None:
        raise Problem(404, f"silence {request.match_info['id'][:64]} not found")
    return found


def _plainly(handler: Handler) -> Handler:
    """The handler, saying no as Alertmanager does: a JSON text."""

    async def plainly(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Problem as problem:
            body = msgspec.json.encode(problem.detail)
            return web.Response(status=problem.status, body=body, content_type="application/json")

    return plainly


def _said(body: bytes) -> Silence:
    """The silence in a body. Raises Problem 400."""
    try:
        posted = _postable.decode(body)
        starts_at, ends_at = read_instant(posted.starts_at), read_instant(posted.ends_at)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadTime) as error:
        raise Problem(400, f"failed to create silence: {error}") from None
    return Silence(
        id=posted.id or "",
        source=OWN,
        matchers=tuple(SilenceMatcher(m.name, m.value, m.is_regex, m.is_equal) for m in posted.matchers),
        starts_at=starts_at,
        ends_at=ends_at,
        created_by=posted.created_by,
        comment=posted.comment,
    )


def _silence(found: Silence, now: Micros) -> Json:
    return {
        "id": found.id,
        "status": {"state": state(found, now)},
        "updatedAt": format_rfc3339(found.updated_at),
        "comment": found.comment,
        "createdBy": found.created_by,
        "startsAt": format_rfc3339(found.starts_at),
        "endsAt": format_rfc3339(found.ends_at),
        "matchers": [
            {"name": m.name, "value": m.value, "isRegex": m.is_regex, "isEqual": m.is_equal} for m in found.matchers
        ],
    }


def _standing(alert: AlertView) -> str:
    return {"silenced": "silenced", "suppressed": "inhibited"}.get(alert.status, "active")


def _alert(alert: AlertView, detail: Detail | None, receivers: list[dict[str, str]]) -> Json:
    labels = labels_of(alert.labels)
    standing = _standing(alert)
    return {
        "labels": labels,
        "annotations": detail.annotations if detail is not None else {},
        "generatorURL": detail.generator_url if detail is not None else "",
        "startsAt": format_rfc3339(alert.starts_at),
        "endsAt": format_rfc3339(alert.ended_at),
        "updatedAt": format_rfc3339(alert.starts_at),
        "fingerprint": fingerprint_of(labels),
        "receivers": receivers,
        "status": {
            "state": "active" if standing == "active" else "suppressed",
            "silencedBy": [alert.silence or alert.code] if standing == "silenced" else [],
            "inhibitedBy": [fingerprint_of(labels_of(alert.by))] if standing == "inhibited" and alert.by else [],
        },
    }


def _group(alert: AlertView) -> Json:
    labels = {"alertname": labels_of(alert.labels).get("alertname", "")}
    return labels | {"node": alert.node} if alert.node else labels


def _filters(request: web.Request) -> Matchers:
    """`filter=`, given any number of times. Raises Problem 400."""
    texts = request.query.getall("filter", [])
    if len(texts) > MAX_FILTERS:
        raise Problem(400, f"{len(texts)} filters: at most {MAX_FILTERS} are read")
    try:
        return Matchers(matcher for text in texts for matcher in parse_matchers(text))
    except MatcherError as error:
        raise Problem(400, f"bad matcher: {error}") from None


def _names(pattern: str, name: str) -> bool:
    try:
        return compile_pattern(pattern).fullmatch(name.encode()) is not None
    except MatcherError as error:
        raise Problem(400, f"failed to parse receiver param: {error}") from None
