"""Wake-ups over Redis: a replica that appended, decided or wants something told says so, and the others look at once.

A message says that there is something to look at, never what: that is in the store, and a poll is behind each wake-up
(`healer.journey.tenure.LOOK_S`). So a Redis that is lost costs a moment, and nothing else. Made by `healer.bootstrap.sharing`.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from healer.journey.ports import TIDINGS, Tidings
from healer.locks.redis import NODE_S
from healer.seams import Spawn

log = logging.getLogger(__name__)

GAP_S = 0.02
"""Seconds between two messages of one process: what is rung for meanwhile shares the next one."""
QUIET_S = 5.0
"""Seconds without a word from a node until it is asked whether it is there, and for its answer until it counts as gone."""
AGAIN_S = 1.0
"""Seconds between attempts to listen to a node that is gone."""


class Gone(Exception):
    """A node says nothing any more, and its connection does not say so."""


class RedisWakeups:
    """`Wakeups` over every node of these: one that works is enough. `about` is the store's id, `name` this process's. The nodes'
    clients stay the caller's."""

    def __init__(self, nodes: Sequence["Redis"], about: str, name: str) -> None:
        self._nodes = tuple(nodes)
        self._channel = f"healer:wake:{about}"
        self._name = name
        self._heard = {each: asyncio.Event() for each in TIDINGS}
        self._news: set[Tidings] = set()
        self._rung = asyncio.Event()

    def start(self, spawn: Spawn) -> None:
        """Listen, and pass on what is rung for."""
        spawn.keep("wake others", self._publish)
        for number, node in enumerate(self._nodes):
            spawn.keep(f"wake-ups of node {number}", partial(self._listen, node))

    def ring(self, tidings: Tidings) -> None:
        self._news.add(tidings)
        self._rung.set()

    async def wait(self, tidings: Tidings, within: float) -> bool:
        heard = self._heard[tidings]
        try:
            async with asyncio.timeout(within):
                await heard.wait()
        except TimeoutError:
            return False
        heard.clear()
        return True

    async def _publish(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            said, self._news = " ".join(sorted(self._news)), set()
            await asyncio.gather(*(self._tell(node, f"{said}|{self._name}") for node in self._nodes))
            await asyncio.sleep(GAP_S)

    async def _tell(self, node: "Redis", message: str) -> None:
        try:
            async with asyncio.timeout(NODE_S):
                await node.publish(self._channel, message)
        except (RedisError, OSError, TimeoutError) as error:
            log.debug("others find it by their next look: %r", error)

    async def _listen(self, node: "Redis") -> None:
        """Hear one node, for as long as it is there, and again when it is back."""
        deaf = False
        while True:
            try:
                async with node.pubsub() as words:
                    await words.subscribe(self._channel)
                    while True:
                        self._wake(await _next(words))
                        if deaf:
                            log.info("wake-ups come from Redis again")
                        deaf = False
            except (RedisError, OSError, TimeoutError, Gone) as error:
                if not deaf:
                    log.warning("no wake-ups from Redis, news are found by looking: %r", error)
                deaf = True
            await asyncio.sleep(AGAIN_S)

    def _wake(self, message: Mapping[str, Any]) -> None:
        """Whoever waits for what another process rang for."""
        said, _, name = str(message["data"]).partition("|")
        if message["type"] != "message" or name == self._name:
            return
        for tidings in TIDINGS:
            if tidings in said.split():
                self._heard[tidings].set()


async def _next(words: PubSub) -> Mapping[str, Any]:
    """What the node says next; when it says nothing it is asked. Raises Gone."""
    message: Mapping[str, Any] | None = await words.get_message(timeout=QUIET_S)
    if message is None:
        await words.ping()
        message = await words.get_message(timeout=QUIET_S)
    if message is None:
        raise Gone(f"no word in {2 * QUIET_S:g} s")
    return message
