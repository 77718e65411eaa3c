"""What a reader asked for: `limit=`, `cursor=`, `status=`, `filter=`. Used by every handler that lists something."""

import base64
from collections.abc import Callable, Mapping, Sequence

import msgspec
from aiohttp import web

from healer.alerts.matchers import MatcherError, Matchers, parse_matchers
from healer.web.problems import Fault, Problem

DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
MAX_FILTERS = 32


class Query(msgspec.Struct, frozen=True):
    """One page of a list. `cursor` is the key of the last item that was shown, "" for the first page."""

    limit: int
    cursor: str
    statuses: frozenset[str]
    matchers: Matchers


def read_query(request: web.Request, statuses: Sequence[str] = ()) -> Query:
    """The page that a request asks for. Raises Problem 400 that names each parameter that is wrong."""
    faults: list[Fault] = []

    def read(name: str, reading: Callable[[str], object], default: object) -> object:
        text = request.query.get(name, "")
        try:
            return reading(text) if text else default
        except ValueError as wrong:
            faults.append(Fault(f"/{name}", str(wrong)))
            return default

    limit = read("limit", _limit, DEFAULT_LIMIT)
    cursor = read("cursor", _uncursor, "")
    wanted = request.query.getall("status", [])
    for status in wanted:
        if status not in statuses:
            known = f"one of {', '.join(statuses)}" if statuses else "nothing: this list has no status"
            faults.append(Fault("/status", f"{status[:64]!r} is not known; expected {known}"))
    matchers = Matchers()
    try:
        matchers = _matchers(request.query.getall("filter", []))
    except MatcherError as wrong:
        faults.append(Fault("/filter", str(wrong)))
    if faults:
        raise Problem(400, "the query cannot be read", faults)
    assert isinstance(limit, int)
    assert isinstance(cursor, str)
    return Query(limit, cursor, frozenset(wanted), matchers)


def page(items: Sequence[Mapping[str, object]], total: int, last: str) -> web.Response:
    """A list as the API writes it; `last` is the key to go on after, "" at the end."""
    return as_json({"items": items, "total": total, "next": cursor_of(last) if last else None})


def as_json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def cursor_of(key: str) -> str:
    """A key as an opaque text that is safe in a URL."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _uncursor(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise ValueError("take `next` of the page before as it is") from None


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text[:9]) > MAX_LIMIT:
        raise ValueError(f"expected a number from 0 to {MAX_LIMIT}")
    return int(text)


def _matchers(texts: list[str]) -> Matchers:
    if len(texts) > MAX_FILTERS:
        raise MatcherError(f"{len(texts)} filters: at most {MAX_FILTERS} are read")
    return Matchers(matcher for text in texts for matcher in parse_matchers(text))
