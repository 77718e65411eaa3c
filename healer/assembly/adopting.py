"""What decides from now on: how it gets into the store and the journal, and how a charter is made of what the store kept."""

import asyncio

import msgspec

from healer.assembly.ports import Plan
from healer.journey.charter import Charter, Documents, charter, documents
from healer.journey.owner import Owner
from healer.journey.ports import Arrival
from healer.journey.records import Adopted
from healer.store.store import Store
from healer.survey.apart import Apart

BEHIND_S = 30.0
"""Seconds that a reload waits until what was accepted before it is decided."""


class TooFarBehind(Exception):
    """So much waits to be converged that nothing new is adopted now."""


class Adopting:
    """Documents in, names of what was kept out, and back. `apart` reads large topologies."""

    def __init__(self, store: Store, apart: Apart) -> None:
        self._store = store
        self._apart = apart
        self._prepared: Charter | None = None

    async def keep(self, plan: Plan, topology: bytes) -> Adopted:
        """Keep what the files say, and a topology, and name it."""
        kept = documents(plan.deciding, topology, plan.rules)
        digest = await self._store.keep_version("topology", kept.topology)
        return await self._named(digest, kept)

    async def with_topology(self, adopted: Adopted, topology: bytes) -> Adopted:
        """Keep a topology, and name it in the place of the one that was adopted."""
        return msgspec.structs.replace(adopted, topology=await self._store.keep_version("topology", topology))

    async def anew(self, plan: Plan, owner: Owner) -> Adopted:
        """Put what the files say into the journal, if it is not what decides already; returns what decided before.

        Raises TooFarBehind, StoreUnavailable, and ValueError for rules that do not compile: then everything is as it was.
        """
        try:
            async with asyncio.timeout(BEHIND_S):
                await owner.reached(owner.accepted)
        except TimeoutError:
            raise TooFarBehind(f"{owner.lag} alerts wait to be converged") from None
        now = owner.fold.charter
        before, packed = now.adopted, now.packed
        kept = documents(plan.deciding, now.topology, plan.rules)
        adopted = await self._named(before.topology, kept)
        if adopted != before:
            # Made before it is a record: what does not compile must not get into the journal.
            # The graph is the same, so that it need not be made ready again.
            self._prepared = await self._store.aside(lambda: charter(adopted, kept, packed))
            (position, _), *_ = await self._store.append([Arrival(adopted)])
            await owner.reached(position)
        return before

    async def charter(self, adopted: Adopted) -> Charter:
        """What was adopted, made ready to decide. Raises KeyError for what is not kept any more, and ValueError."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared.adopted == adopted:
            return prepared
        store = self._store
        kept = Documents(
            settings=await store.version(adopted.settings),
            topology=await store.version(adopted.topology),
            rules=await store.version(adopted.rules),
        )
        packed = await self._apart.packed(kept.topology)
        return await store.aside(lambda: charter(adopted, kept, packed))

    async def _named(self, topology: str, kept: Documents) -> Adopted:
        return Adopted(
            topology=topology,
            settings=await self._store.keep_version("settings", kept.settings),
            rules=await self._store.keep_version("rules", kept.rules),
        )
