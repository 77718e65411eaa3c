"""An object that an order holds: what is done to it, again and again under the version last seen until nobody came between."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from healer.executors.kubernetes import fence
from healer.executors.kubernetes.api import MERGE, OPERATIONS, Api, Denied, Json
from healer.executors.target import Order
from healer.seams import Clock
from healer.times import SECOND

PAUSE_S = 0.5
"""Seconds between looks at what takes its time."""
RETRY_S = 0.1
"""Seconds before a write is tried again that met another version."""


class Overtaken(Exception):
    """Somebody with a newer token holds the object."""


class Gone(Exception):
    """The object is not there any more, or another one has its name."""


class Held:
    """`path` is the object's, `found` how it was last seen; `until` is the order's deadline on the monotonic clock."""

    def __init__(self, api: Api, path: str, found: Json, order: Order, clock: Clock) -> None:
        self.api = api
        self.path = path
        self.found = found
        self.order = order
        self.clock = clock
        self.until = clock.monotonic() + order.deadline_s * SECOND
        self.touched = False
        """Whether something of the order's effect may have happened."""

    @property
    def uid(self) -> str:
        return str(self.found["metadata"]["uid"])

    @property
    def namespace(self) -> str:
        return str(self.found["metadata"].get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.found["metadata"]["name"])

    def in_time(self) -> bool:
        return self.clock.monotonic() < self.until

    async def claim(self) -> None:
        """Become the holder. Raises Overtaken when somebody newer is, Gone, Denied, Unsent, Lost."""
        while True:
            try:
                self.found = await self.api.patch(self.path, fence.claim(self.found, self.order))
                return
            except Denied as error:
                if error.status != 409 or not self.in_time():
                    raise
            await asyncio.sleep(RETRY_S)
            found = await self._again()
            if fence.stale(found, self.order):
                raise Overtaken
            self.found = found

    async def change(self, notes: dict[str, str | None] | None = None, *, kind: str = MERGE, **change: Any) -> None:
        """Change it in one request that also says by which intent."""
        said = {fence.DONE: self.order.intent, **(notes or {})}
        self.found = await self.under_claim(
            lambda: self.api.patch(self.path, fence.versioned(self.found, said, **change), kind)
        )

    async def operate(self, operations: list[Json]) -> None:
        """The same by a list of operations, for what has to be replaced as a whole."""

        def write() -> Awaitable[Json]:
            version = self.found["metadata"]["resourceVersion"]
            test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
            done = {"op": "add", "path": f"/metadata/annotations/{_escaped(fence.DONE)}", "value": self.order.intent}
            return self.api.patch(self.path, [test, done, *operations], OPERATIONS)

        self.found = await self.under_claim(write)

    async def under_claim(self, write: Callable[[], Awaitable[Json]]) -> Json:
        """Write until no other version came between, and as long as the claim stands."""
        while True:
            try:
                done = await write()
            except Denied as error:
                before = self.found["metadata"]["resourceVersion"]
                # A failed `test` of an operation is told as 422, which may as well be about the change itself.
                if error.status not in (409, 422) or not self.in_time():
                    raise
                await self.refresh()
                if self.found["metadata"]["resourceVersion"] == before:
                    raise
            else:
                self.touched = True
                return done
            await asyncio.sleep(RETRY_S)

    def preconditions(self) -> Json:
        """For what deletes: this object, in the version last seen."""
        return {"uid": self.uid, "resourceVersion": self.found["metadata"]["resourceVersion"]}

    async def refresh(self) -> None:
        """See it anew. Raises Overtaken and Gone."""
        found = await self._again()
        if fence.holder(found) != (self.order.token, self.order.step):
            raise Overtaken
        self.found = found

    async def _again(self) -> Json:
        found = await self.api.find(self.path)
        if found is None or found["metadata"]["uid"] != self.uid:
            raise Gone
        return found


def _escaped(name: str) -> str:
    """A name as a JSON pointer has it."""
    return name.replace("~", "~0").replace("/", "~1")
