"""What one Prometheus says of its alerts and rules: since when their conditions hold, and how long rules wait. API v1 over HTTP.

Read by `healer.prometheus.onsets`; a stand-in with the same methods serves tests.
"""

import asyncio
import math
from collections.abc import Mapping
from typing import Protocol, TypeVar

import aiohttp
import msgspec

from healer.alerts.instants import BadTime, read_instant
from healer.convergence.lasting import Rule
from healer.prometheus.answer import TooLong, authorization, whole
from healer.settings.outside import Prometheus
from healer.times import SECOND, Micros

MAX_BODY = 64 << 20
"""Bytes of an answer: about a hundred thousand alerts."""
MAX_RULES = 10_000
"""Rules that wait, of one Prometheus; kube-prometheus has 139."""
MAX_WORDS = 200
"""Characters of a server's complaint that are kept."""

T = TypeVar("T")


class CannotTell(Exception):
    """It did not answer, or not as Prometheus does."""


class Active(msgspec.Struct, frozen=True):
    """An alert as Prometheus has it: without external labels, before relabelling. `value` is its expression's, if a number."""

    labels: dict[str, str]
    active_at: Micros
    value: float | None = None


class Source(Protocol):
    """The port: one Prometheus. Both reading methods raise CannotTell."""

    @property
    def url(self) -> str: ...

    def speaks_for(self, labels: Mapping[str, str]) -> bool:
        """Whether alerts with these labels may be its own, as its `match` says."""
        ...

    async def active(self) -> list[Active]:
        """All alerts that are pending or firing there."""
        ...

    async def rules(self) -> tuple[Rule, ...]:
        """All alerting rules with the name of one that waits, in the order of names."""
        ...


class _Alert(msgspec.Struct):
    labels: dict[str, str]
    activeAt: str = ""  # noqa: N815 - Prometheus' own name
    value: str = ""


class _Alerts(msgspec.Struct):
    alerts: list[_Alert] = []


class _Rule(msgspec.Struct):
    name: str = ""
    type: str = ""
    duration: float = 0.0
    labels: dict[str, str] = {}


class _Group(msgspec.Struct):
    rules: list[_Rule] = []


class _Groups(msgspec.Struct):
    groups: list[_Group] = []


class _Reply(msgspec.Struct):
    status: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""


_reply = msgspec.json.Decoder(_Reply)
_alerts = msgspec.json.Decoder(_Alerts)
_groups = msgspec.json.Decoder(_Groups)


def _number(said: str) -> float | None:
    try:
        value = float(said)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class PrometheusRules:
    """`Source` over HTTP."""

    def __init__(self, server: Prometheus, session: aiohttp.ClientSession) -> None:
        self.url = server.url
        self._server = server
        self._session = session

    def speaks_for(self, labels: Mapping[str, str]) -> bool:
        return self._server.match.matches(labels)

    async def active(self) -> list[Active]:
        found: list[Active] = []
        for one in (await self._get("alerts", _alerts)).alerts:
            try:
                found.append(Active(one.labels, read_instant(one.activeAt), _number(one.value)))
            except BadTime:
                continue  # an alert that does not say since when says nothing that is asked here
        return found

    async def rules(self) -> tuple[Rule, ...]:
        groups = (await self._get("rules?type=alert", _groups)).groups
        every = [
            Rule(rule.name, rule.labels, round(rule.duration * SECOND))
            for group in groups
            for rule in group.rules
            if rule.type == "alerting"
        ]
        # A rule that does not wait counts only beside one of its name that does.
        waiting = {rule.name for rule in every if rule.lasts}
        found = sorted((rule for rule in every if rule.name in waiting), key=_order)
        if len(found) > MAX_RULES:
            raise CannotTell(f"{self.url} has {len(found)} rules with `for`, at most {MAX_RULES} are read")
        return tuple(found)

    async def _get(self, path: str, shape: msgspec.json.Decoder[T]) -> T:
        headers = authorization(self._server.auth)
        try:
            async with asyncio.timeout(self._server.timeout / SECOND):
                async with self._session.get(f"{self.url}/api/v1/{path}", headers=headers) as response:
                    status, body = response.status, await whole(response, MAX_BODY)
            reply = _reply.decode(body)
            if reply.status == "success":
                return shape.decode(reply.data)
        except TimeoutError:
            raise CannotTell(f"{self.url} did not answer within {self._server.timeout / SECOND:g}s") from None
        except (aiohttp.ClientError, TooLong) as error:
            raise CannotTell(f"{self.url}: {str(error) or type(error).__name__}"[:MAX_WORDS]) from error
        except (msgspec.MsgspecError, ValueError):
            raise CannotTell(f"{self.url} answered {status}, and not as Prometheus does") from None
        raise CannotTell(f"{self.url}: {reply.error or status}"[:MAX_WORDS])


def _order(rule: Rule) -> tuple[str, Micros, list[tuple[str, str]]]:
    return rule.name, rule.lasts, sorted(rule.labels.items())
