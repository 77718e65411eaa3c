"""The `Remediation` objects of one cluster, as they are now: heard of by lists and watches, answered in their status.

Made by bootstrap, asked by `healer.requests.answering`, which runs where alerts converge and nowhere else.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import aiohttp
import msgspec

from healer.executors.kubernetes.api import Api
from healer.executors.kubernetes.settings import Requests
from healer.kubernetes.access import Access
from healer.kubernetes.feed import Event, Feed, Unanswered
from healer.kubernetes.names import GROUP, REMEDIATIONS, VERSION
from healer.requests.resource import Asked, read
from healer.seams import Clock
from healer.times import Micros

log = logging.getLogger(__name__)

BASE = f"/apis/{GROUP}/{VERSION}"
MOST = 10_000
"""Objects of one cluster that are heard; the others wait until some of these are deleted."""


class _List(msgspec.Struct):
    metadata: dict[str, Any]
    items: list[msgspec.Raw] = []


class _Version(msgspec.Struct):
    class Meta(msgspec.Struct, rename="camel"):
        resource_version: str = ""

    metadata: Meta


_list = msgspec.json.Decoder(_List)
_version = msgspec.json.Decoder(_Version)


class ClusterRequests:
    """One cluster's. `timeout` is for one answer."""

    def __init__(
        self,
        name: str,
        bounds: Requests,
        access: Access,
        api: Api,
        session: aiohttp.ClientSession,
        timeout: Micros,
        clock: Clock,
    ) -> None:
        self.name = name
        self.changed = asyncio.Event()
        self._bounds = bounds
        self._api = api
        of_some = tuple(f"{BASE}/namespaces/{one}/{REMEDIATIONS}" for one in bounds.namespaces)
        self.paths = of_some or (f"{BASE}/{REMEDIATIONS}",)
        self._feed = partial(Feed, access, session, timeout=timeout, clock=clock)
        self._known: dict[str, dict[str, Asked]] = {}
        self._failing: dict[str, str] = {}

    @property
    def asked(self) -> Mapping[str, Asked] | None:
        """All there are, by uid; None until all were listed once."""
        if len(self._known) < len(self.paths):
            return None
        return {uid: one for known in self._known.values() for uid, one in known.items()}

    async def follow(self, path: str) -> None:
        """Hear of those of one of the `paths`, until cancelled. What was known of them before is not believed any more."""
        self._known.pop(path, None)
        await self._feed(path=path).follow(_Listener(self, path))

    async def report(self, asked: Asked, status: Mapping[str, Any]) -> None:
        """Say in an object what became of it, as it was seen. Raises Denied (409: it is another version by now; 404: it is gone),
        Unsent and Lost."""
        body = {
            "metadata": {"resourceVersion": asked.version, "uid": asked.uid},
            "status": _whole(asked.status, status),
        }
        await self._api.patch(f"{BASE}/namespaces/{asked.namespace}/{REMEDIATIONS}/{asked.name}/status", body)

    # --- what a listener hears

    def listed(self, path: str, pages: list[_List]) -> None:
        found = [one for page in pages for raw in page.items if (one := self._read(raw)) is not None]
        if len(found) > MOST:
            log.warning("%d Remediation objects at %s: the first %d are heard", len(found), path, MOST)
        self._known[path] = {one.uid: one for one in found[:MOST] if not one.leaving}
        self.changed.set()

    def happened(self, path: str, event: Event) -> str:
        if event.type != "BOOKMARK" and (one := self._read(event.object)) is not None:
            known = self._known[path]
            if event.type == "DELETED" or one.leaving:
                known.pop(one.uid, None)
            elif one.uid in known or len(known) < MOST:
                known[one.uid] = one
            self.changed.set()
        return _version.decode(event.object).metadata.resource_version

    def well(self, path: str) -> None:
        if self._failing.pop(path, None) is not None:
            log.info("%s can be watched again", path)

    def failed(self, path: str, why: str) -> None:
        if self._failing.get(path) != why:
            self._failing[path] = why
            hint = "; kubectl apply -f deploy/kubernetes/remediations.yaml makes the resource" if " 404" in why else ""
            log.warning("Remediation objects cannot be heard of: %s%s", why, hint)

    def _read(self, raw: msgspec.Raw) -> Asked | None:
        try:
            return read(raw, self.name, self._bounds)
        except msgspec.MsgspecError as error:
            log.warning("a Remediation object that cannot be read: %s", error)
            return None


class _Listener:
    """One path's part of what is heard."""

    def __init__(self, requests: ClusterRequests, path: str) -> None:
        self.listed = partial(requests.listed, path)
        self.happened = partial(requests.happened, path)
        self.well = partial(requests.well, path)
        self.failed = partial(requests.failed, path)
        self._path = path

    async def decode(self, body: bytes) -> _List:
        try:
            return _list.decode(body)
        except msgspec.MsgspecError as error:
            raise Unanswered(f"{self._path} gave no list: {error}") from None


def _whole(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """A merge patch that leaves nothing of what was said before."""
    return {**dict.fromkeys(before.keys() - after.keys()), **after}
