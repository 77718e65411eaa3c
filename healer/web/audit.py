"""GET /api/v1/audit: the log of decisions and effects, oldest first; /api/v1/audit/heads: what vouches for it.

`incident=` names one incident; `newest=N` gives the newest N. `sealed` is what the hash chain covers, to the letter, so that
`healer audit verify` can check it without believing the healer that it asks.
"""

from typing import Any

import msgspec
from aiohttp import web

from healer.audit.chain import Entry
from healer.web.ports import Service
from healer.web.problems import Fault, Problem
from healer.web.query import MAX_LIMIT, as_json, cursor_of, read_query
from healer.web.shapes import Json, when


def routes(service: Service) -> list[web.RouteDef]:
    log = service.audit
    if log is None:
        return []

    async def listed(request: web.Request) -> web.Response:
        query = read_query(request)
        incident = request.query.get("incident", "")
        newest = _newest(request)
        if newest:
            found = await log.newest(newest, incident)
            return as_json({"items": [shape(each) for each in found], "total": len(found), "next": None})
        after = int(query.cursor) if query.cursor.isascii() and query.cursor.isdigit() else 0
        found = await log.entries(after, max(query.limit, 1), incident)
        following = cursor_of(str(found[-1].number)) if len(found) == max(query.limit, 1) else None
        total = len(found) if incident else sum(head.place for head in await log.heads())
        return as_json({"items": [shape(each) for each in found], "total": total, "next": following})

    async def heads(_: web.Request) -> web.Response:
        anchors = await log.anchors()
        return as_json(
            {
                "installation": service.installation,
                "heads": [msgspec.structs.asdict(head) for head in await log.heads()],
                "anchors": [msgspec.structs.asdict(anchor) for anchor in anchors],
            }
        )

    return [web.get("/api/v1/audit", listed), web.get("/api/v1/audit/heads", heads)]


def shape(found: Entry) -> Json:
    """An entry for people, and as it was sealed."""
    return {
        "number": found.number,
        "at": when(found.at) if type(found.at) is int else None,
        "kind": found.kind,
        "incident": found.incident or None,
        "detail": _read(found.detail),
        "sealed": {
            "writer": found.writer,
            "place": found.place,
            "at": found.at,
            "kind": found.kind,
            "detail": found.detail,
            "digest": found.digest,
        },
    }


def _read(detail: str) -> Any:
    """What it says; null for what is no JSON any more."""
    try:
        return msgspec.json.decode(detail)
    except (msgspec.DecodeError, TypeError):
        return None


def _newest(request: web.Request) -> int:
    text = request.query.get("newest", "")
    if text and not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= MAX_LIMIT):
        raise Problem(400, "the query cannot be read", [Fault("/newest", f"expected a number from 1 to {MAX_LIMIT}")])
    return int(text) if text else 0
