"""What one Alertmanager says: its alerts, its silences, since when it is up. API v2 over HTTP."""

import asyncio
from datetime import datetime
from typing import Protocol, TypeVar

import aiohttp
import msgspec

from healer.alerts.identity import canonical
from healer.alerts.silences import Silence, SilenceMatcher
from healer.prometheus.answer import TooLong, authorization, whole
from healer.settings.outside import Credentials
from healer.times import SECOND, Micros, from_datetime

T = TypeVar("T")

MAX_BODY = 256 << 20
"""Bytes of an answer: a storm of 200,000 alerts."""


class Unreachable(Exception):
    """It did not answer, or not in a way that can be understood."""


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
        """Silences that stand or are yet to begin."""
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


class AlertmanagerClient:
    """`Source` over HTTP."""

    def __init__(self, url: str, auth: Credentials | None, timeout: Micros, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._headers = authorization(auth)
        self._timeout_s = timeout / SECOND
        self._session = session

    async def up_since(self) -> Micros:
        return from_datetime((await self._get("status", _Status)).uptime)

    async def alerts(self) -> set[bytes]:
        return {canonical(alert.labels) for alert in await self._get("alerts", list[_Alert])}

    async def silences(self) -> tuple[Silence, ...]:
        found = await self._get("silences?expired=false", list[_Silence])
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
        )

    async def _get(self, path: str, kind: type[T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._session.get(f"{self.url}/api/v2/{path}", headers=self._headers) as response:
                    body = await whole(response, MAX_BODY) if response.status == 200 else b""
                    status = response.status
        except (aiohttp.ClientError, TimeoutError, TooLong) as error:
            raise Unreachable(f"{self.url}: {str(error) or type(error).__name__}") from error
        if status != 200:
            raise Unreachable(f"{self.url} answered {status}")
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.MsgspecError, ValueError) as error:
            raise Unreachable(f"{self.url} answered something else than Alertmanager's API: {error}") from error
