"""What one Alertmanager says: its alerts, its silences, since when it is up. API v2 over HTTP."""

import asyncio
from datetime import datetime
from typing import Protocol, TypeVar

import aiohttp
import msgspec

from healer.alerts.identity import canonical, labels_of
from healer.alerts.silences import Silence, SilenceMatcher
from healer.prometheus.answer import TooLong, authorization, whole
from healer.settings.outside import Credentials
from healer.times import SECOND, Micros, format_rfc3339, from_datetime

T = TypeVar("T")

MAX_BODY = 256 << 20
"""Bytes of an answer: a storm of 200,000 alerts."""
MAX_WORDS = 200
"""Bytes of a refusal that are kept."""


class Unreachable(Exception):
    """It did not answer, or not in a way that can be understood."""


HEALER = "healer"
"""Who healer is as the author of silences."""
TOLD = "healer has told"
"""How the comment of healer's own silences begins."""


SAID = "said to healer"
"""... and of those that people said to healer, and that healer keeps there too."""


class Source(Protocol):
    """The port: one Alertmanager. Every method raises Unreachable."""

    @property
    def url(self) -> str: ...

    async def up_since(self) -> Micros:
        """When it started, microseconds since 1970."""
        ...

    async def alerts(self) -> set[bytes]:
        """Canonical labels of all alerts it knows, silenced and inhibited ones included."""
        ...

    async def silences(self) -> tuple[Silence, ...]:
        """Silences that stand or are yet to begin, less those by which healer itself holds the backstop back, which are nobody's
        word, and those that it keeps there of its own: it knows them."""
        ...


class _Status(msgspec.Struct):
    uptime: datetime


class _Alert(msgspec.Struct):
    labels: dict[str, str]


class _State(msgspec.Struct):
    state: str


class _Matcher(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class _Silence(msgspec.Struct, rename="camel"):
    id: str
    status: _State
    matchers: list[_Matcher]
    starts_at: datetime
    ends_at: datetime
    created_by: str = ""
    comment: str = ""


class Hold(msgspec.Struct, frozen=True):
    """A short silence of one alert, because healer has told of its incident. `id` is "" for a new one, whose `since` lies
    in the past: from when on it holds is Alertmanager's to say, whose clock may be behind."""

    labels: bytes
    incident: str
    since: Micros
    until: Micros
    id: str = ""


class Kept(msgspec.Struct, frozen=True):
    """A silence of healer's own as it stands in Alertmanager."""

    id: str
    starts_at: Micros
    ends_at: Micros


class _Added(msgspec.Struct):
    silence_id: str = msgspec.field(name="silenceID")


_status = msgspec.json.Decoder(_Status)
_alerts = msgspec.json.Decoder(list[_Alert])
_silence = msgspec.json.Decoder(_Silence)
_silences = msgspec.json.Decoder(list[_Silence])
_added = msgspec.json.Decoder(_Added)


class AlertmanagerClient:
    """`Source`, `healer.alertmanager.backstop.Place` and `healer.alertmanager.passing_on.Place`, over HTTP."""

    def __init__(
        self,
        url: str,
        auth: Credentials | None,
        timeout: Micros,
        session: aiohttp.ClientSession,
        installation: str = "",
    ) -> None:
        """`installation` tells what this healer keeps there from what another one does."""
        self.url = url
        self._mark = f"{SAID} {installation[:8]}".rstrip()
        self._headers = authorization(auth)
        self._timeout_s = timeout / SECOND
        self._session = session

    async def up_since(self) -> Micros:
        return from_datetime((await self._get("status", _status)).uptime)

    async def alerts(self) -> set[bytes]:
        return {canonical(alert.labels) for alert in await self._get("alerts", _alerts)}

    async def silences(self) -> tuple[Silence, ...]:
        found = await self._get("silences?expired=false", _silences)
        return tuple(
            Silence(
                id=one.id,
                source=self.url,
                matchers=tuple(SilenceMatcher(m.name, m.value, m.is_regex, m.is_equal) for m in one.matchers),
                starts_at=from_datetime(one.starts_at),
                ends_at=from_datetime(one.ends_at),
                created_by=one.created_by,
                comment=one.comment,
            )
            for one in sorted(found, key=lambda one: one.id)
            if one.status.state != "expired"
            and not (one.created_by == HEALER and one.comment.startswith((TOLD, self._mark)))
        )

    async def kept(self) -> dict[str, Kept]:
        """What healer keeps there of its own silences, by their ids at healer. Raises Unreachable."""
        found = await self._get("silences?expired=false", _silences)
        return {
            one.comment.removeprefix(f"{self._mark} (").partition(")")[0]: Kept(
                one.id, from_datetime(one.starts_at), from_datetime(one.ends_at)
            )
            for one in found
            if one.created_by == HEALER and one.comment.startswith(f"{self._mark} (") and one.status.state != "expired"
        }

    async def keep(self, silence: Silence, until: Micros, there: Kept | None) -> None:
        """Have one of healer's own silences hold there, until then; `there` is what is kept of it so far. Raises Unreachable."""
        matchers = [
            {"name": one.name, "value": one.value, "isRegex": one.is_regex, "isEqual": one.is_equal}
            for one in silence.matchers
        ]
        said = {
            "matchers": matchers,
            # Alertmanager renews only what keeps its beginning, and that it chose itself.
            "startsAt": format_rfc3339(there.starts_at if there is not None else silence.starts_at),
            "endsAt": format_rfc3339(until),
            "createdBy": HEALER,
            "comment": f"{self._mark} ({silence.id}) by {silence.created_by}: {silence.comment}",
        }
        status, body = await self._post("silences", said | {"id": there.id} if there is not None else said)
        if status != 200:
            raise Unreachable(_refused(self.url, status, body))

    async def let_go(self, id: str) -> None:
        """End a silence there. One that ended already is none. Raises Unreachable."""
        status, body = await self._ask("DELETE", f"silence/{id}", b"")
        if status not in (200, 404):
            raise Unreachable(_refused(self.url, status, body))

    async def hold_back(self, hold: Hold) -> Hold:
        """Silence what it names, or renew that silence. Returns it with the id and beginning that Alertmanager gave it,
        which are new ones when it no longer knew the old. Raises Unreachable."""
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in labels_of(hold.labels).items()
        ]
        silence = {
            "matchers": matchers,
            "startsAt": format_rfc3339(hold.since),
            "endsAt": format_rfc3339(hold.until),
            "createdBy": HEALER,
            "comment": f"{TOLD} of it: incident {hold.incident}",
        }
        status, body = await self._post("silences", silence | {"id": hold.id} if hold.id else silence)
        if status == 404 and hold.id:
            status, body = await self._post("silences", silence)
        if status != 200:
            raise Unreachable(_refused(self.url, status, body))
        id = _read(self.url, body, _added).silence_id
        if id == hold.id:
            return hold
        # Alertmanager renews only what keeps its beginning, and that it chose itself.
        began = (await self._get(f"silence/{id}", _silence)).starts_at
        return msgspec.structs.replace(hold, id=id, since=from_datetime(began))

    async def _post(self, path: str, said: object) -> tuple[int, bytes]:
        return await self._ask("POST", path, msgspec.json.encode(said))

    async def _ask(self, method: str, path: str, data: bytes) -> tuple[int, bytes]:
        headers = {**self._headers, "Content-Type": "application/json"}
        url = f"{self.url}/api/v2/{path}"
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._session.request(method, url, data=data, headers=headers) as response:
                    return response.status, await whole(response, MAX_BODY)
        except (aiohttp.ClientError, TimeoutError, TooLong) as error:
            raise Unreachable(f"{self.url}: {str(error) or type(error).__name__}") from error

    async def _get(self, path: str, shape: msgspec.json.Decoder[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._session.get(f"{self.url}/api/v2/{path}", headers=self._headers) as response:
                    body = await whole(response, MAX_BODY) if response.status == 200 else b""
                    status = response.status
        except (aiohttp.ClientError, TimeoutError, TooLong) as error:
            raise Unreachable(f"{self.url}: {str(error) or type(error).__name__}") from error
        if status != 200:
            raise Unreachable(f"{self.url} answered {status}")
        return _read(self.url, body, shape)


def _refused(url: str, status: int, body: bytes) -> str:
    return f"{url} took no silence, it answered {status}: {body[:MAX_WORDS].decode(errors='replace')}"


def _read(url: str, body: bytes, shape: msgspec.json.Decoder[T]) -> T:
    try:
        return shape.decode(body)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unreachable(f"{url} answered something else than Alertmanager's API: {error}") from error
