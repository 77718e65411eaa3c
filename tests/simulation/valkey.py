"""The nodes that locks are kept on, as a lock asks them: SET NX PX, compare and delete, compare and extend.

A node answers late, or not at all; it goes away for a while; and now and then another one takes its place that has not seen
what was written last. `Node` is the server, `Wire` one holder's way to it.
"""

import asyncio
import random
from collections.abc import Callable

from redis.exceptions import ConnectionError as Disconnected

from healer.locks import redis
from healer.times import MILLISECOND, SECOND, Micros
from tests.simulation.faults import Faults, Kind, land
from tests.simulation.incarnation import Incarnation
from tests.simulation.loop import SimLoop

NODES: dict[str, int] = {"local": 0, "redis": 1, "quorum": 3}
"""How many nodes each kind of lock is kept on."""
WAITS_S = 30
"""Seconds that a failure waits at most for the moment at which it hurts."""
LAG: Micros = 3 * SECOND
"""What a replica may be behind when it takes the place of its node."""


_HOLES: tuple[Kind, ...] = ("black hole",)


class Node:
    """One server. `keys` holds (token, expiry) by name; what was there before is kept, for those who take its place."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self.away_until: Micros = 0
        self.keys: dict[str, tuple[str, Micros]] = {}
        self._before: list[tuple[Micros, dict[str, tuple[str, Micros]]]] = []
        self.lost_writes = 0

    def take(self, key: str, token: str, milliseconds: int) -> bool:
        """SET NX PX."""
        if self._token(key):
            return False
        self._write({**self.keys, key: (token, self._loop.now + milliseconds * MILLISECOND)})
        return True

    def compare(self, script: str, key: str, token: str, milliseconds: int) -> int:
        """What the two scripts do, where the key is the token's."""
        if self._token(key) != token:
            return 0
        others = {name: value for name, value in self.keys.items() if name != key}
        if script == redis._RELEASE:
            self._write(others)
        else:
            assert script == redis._RENEW, script
            self._write({**others, key: (token, self._loop.now + milliseconds * MILLISECOND)})
        return 1

    def fail_over(self) -> None:
        """A replica takes its place, as of `LAG` ago."""
        then = self._loop.now - LAG
        older = next((keys for at, keys in reversed(self._before) if at <= then), {})
        self.lost_writes += older != self.keys
        self.keys, self._before = dict(older), []

    def outlasted(self, seconds: float) -> bool:
        """Whether somebody who has a lock now, and stands still for so long, has it no more when it goes on."""
        return any(
            self._loop.now + seconds * SECOND > until for key, (_, until) in self.keys.items() if self._token(key)
        )

    def held(self) -> list[str]:
        """The keys that are taken now."""
        return [key for key in self.keys if self._token(key)]

    def _token(self, key: str) -> str:
        token, until = self.keys.get(key, ("", 0))
        return token if self._loop.now < until else ""

    def _write(self, keys: dict[str, tuple[str, Micros]]) -> None:
        self.keys = keys
        self._before.append((self._loop.now, keys))


class Wire:
    """The client that `RedisLocks` is given, for one incarnation and one node."""

    def __init__(self, node: Node, loop: SimLoop, faults: Faults, life: Incarnation) -> None:
        self._node = node
        self._loop = loop
        self._faults = faults
        self._life = life

    async def set(self, key: str, token: str, *, nx: bool, px: int) -> bool | None:
        assert nx, "a lock is taken only where nobody has it"
        return bool(await self._reach("lock.take", lambda: int(self._node.take(key, token, px)))) or None

    async def eval(self, script: str, _keys: int, key: str, token: str, milliseconds: str = "0") -> int:
        call = "lock.release" if script == redis._RELEASE else "lock.renew"
        return await self._reach(call, lambda: self._node.compare(script, key, token, int(milliseconds)))

    async def aclose(self) -> None:
        """There is nothing to close."""

    async def _reach(self, call: str, effect: Callable[[], int]) -> int:
        kind = await self._faults.before(self._life, call, also=_HOLES)
        if kind == "lost call" or self._loop.now < self._node.away_until:
            raise Disconnected(self._faults.secrets.of_locks())
        takes = min(self._faults.delay() / SECOND, 8.0) if kind == "delay" else 0.001
        answer = await land(self._arrive(effect, self._faults.hole() / SECOND if kind == "black hole" else takes), call)
        if kind == "lost answer":
            raise Disconnected("connection reset")
        await self._faults.after(self._life, kind)
        return answer

    async def _arrive(self, effect: Callable[[], int], takes: float) -> int:
        await asyncio.sleep(takes)
        return effect()


async def _taken(nodes: list[Node], and_then: float) -> None:
    """Wait, for a while, until somebody has a lock, and so many seconds more."""
    for _ in range(WAITS_S):
        if any(node.held() for node in nodes):
            await asyncio.sleep(and_then)
            return
        await asyncio.sleep(1)


async def unsettle(nodes: list[Node], loop: SimLoop, seed: int, times: int, within: Micros) -> None:
    """Nodes fail over and go away, at some moments."""
    chance = random.Random(f"nodes {seed}")
    for at in sorted(chance.randrange(within) for _ in range(times)):
        await asyncio.sleep(max(at - loop.now, 0) / SECOND)
        if chance.random() < 0.7:
            await _taken(nodes, chance.choice((0, 1, 4)))
        node = chance.choice(nodes)
        if chance.random() < 0.6:
            node.fail_over()
        else:
            node.away_until = loop.now + chance.choice((2, 20)) * SECOND
