"""Locks as etcd leases: a key per target, gone with its lease when the holder dies. Through etcd's plain JSON gateway.

Each acquisition has a lease and a token of its own. A lease lasts `TTL` from before it was asked for, less what clocks may
drift, and is kept alive every `KEEP_ALIVE`. etcd itself says that a lock excludes nobody for sure (a holder may pause): the
store decides (T3), whatever a lock says. Source: etcd.io, "gRPC gateway" and "Lease API".
"""

import asyncio
import base64
import logging
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgspec

from healer.locks.loss import Loss
from healer.locks.ports import Hold, LocksUnreachable
from healer.locks.redis import MOST, PAUSE_S, drift
from healer.seams import Clock, Random, Spawn
from healer.times import SECOND, Micros

log = logging.getLogger(__name__)

TTL: Micros = 30 * SECOND
"""A lock whose holder died is free again after so long; etcd may take longer after its leader changed."""
KEEP_ALIVE: Micros = 10 * SECOND
NODE_S = 1.0
"""Seconds that one member may take to answer before the next is asked."""
PREFIX = "healer/lock/"
_UNAUTHENTICATED = 401


class Unanswered(Exception):
    """No member answered, or none as it should; the text says what the last one did."""


class Members(msgspec.Struct, frozen=True):
    """Where etcd is, and how to show who asks."""

    urls: tuple[str, ...]
    username: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None


class EtcdLocks:
    """`LockService` over one etcd cluster."""

    def __init__(
        self, members: Members, session: aiohttp.ClientSession, clock: Clock, random: Random, spawn: Spawn
    ) -> None:
        self._gateway = _Gateway(members, session)
        self._clock = clock
        self._random = random
        self._spawn = spawn

    @asynccontextmanager
    async def hold(self, target: str, within: float) -> AsyncIterator[Hold]:
        lease = _Lease(target, self._random.token(), self._clock)
        try:
            try:
                async with asyncio.timeout(within):
                    await self._wait(lease)
            except TimeoutError:
                if not lease.trouble:
                    raise
                raise LocksUnreachable(f"no lock of {target} can be had: etcd: {lease.trouble}") from None
            keeping = self._spawn.start(f"keep {lease.key}", self._keep(lease))
            try:
                yield lease
            finally:
                keeping.cancel()
        finally:
            # Also what etcd took and whose answer was lost. Where this fails, the time to live ends it.
            await self._revoke(lease)

    async def _wait(self, lease: "_Lease") -> None:
        """Try until it is held: etcd's queue of waiters would need a stream that outlives what is between."""
        while True:
            if await self._acquire(lease):
                return
            await asyncio.sleep(self._random.uniform(*PAUSE_S))

    async def _acquire(self, lease: "_Lease") -> bool:
        """One attempt: the key is made with our lease, or it is there and already ours (an answer was lost)."""
        try:
            if not await self._has_lease(lease):
                return False
            answer = await self._gateway.ask("kv/txn", _create_if_absent(lease))
        except Unanswered as error:
            lease.trouble = str(error)
            return False
        lease.trouble = ""
        lease.held = answer.get("succeeded") is True or _is_ours(answer, lease)
        return lease.held and not lease.lost

    async def _has_lease(self, lease: "_Lease") -> bool:
        """A lease that will last for a while: the one that there is, or a new one."""
        if lease.id and lease.alive_until - self._clock.monotonic() > TTL // 2:
            return True
        if lease.id and await self._renew(lease):
            return True
        asked = self._clock.monotonic()
        answer = await self._gateway.ask("lease/grant", {"TTL": str(TTL // SECOND)})
        lease.id = str(answer.get("ID", ""))
        lease.alive_until = asked + TTL - drift(TTL) if lease.id else 0
        return bool(lease.id)

    async def _renew(self, lease: "_Lease") -> bool:
        """Keep it alive; False when etcd does not have it any more (the answer has no time to live)."""
        asked = self._clock.monotonic()
        answer = await self._gateway.ask("lease/keepalive", {"ID": lease.id})
        if int(answer.get("result", {}).get("TTL", 0)) <= 0:
            lease.id, lease.alive_until = "", 0
            return False
        lease.alive_until = asked + TTL - drift(TTL)
        return True

    async def _keep(self, lease: "_Lease") -> None:
        """Until it is lost, or has been held for as long as anything may."""
        until = self._clock.monotonic() + MOST
        pause = KEEP_ALIVE
        while self._clock.monotonic() < until:
            await asyncio.sleep(pause / SECOND)
            try:
                kept = await self._renew(lease)
                pause = KEEP_ALIVE
            except Unanswered:
                # Sooner than usual: there is little time left.
                kept, pause = not lease.lost, KEEP_ALIVE // 10
            if not kept:
                log.warning("the lock %s is lost: etcd has let go of its lease, or does not answer", lease.key)
                lease.tell()
                return

    async def _revoke(self, lease: "_Lease") -> None:
        lease.held = False
        if lease.id:
            try:
                await self._gateway.ask("lease/revoke", {"ID": lease.id})
            except Unanswered as error:
                log.info("the lock %s ends with its lease: etcd: %s", lease.key, error)


class _Lease(Loss):
    """One acquisition. `alive_until` is on this process's monotonic clock; `trouble` is why the last question had no answer."""

    def __init__(self, target: str, token: str, clock: Clock) -> None:
        super().__init__()
        self.key = PREFIX + target
        self.token = token
        self.id = ""
        self.alive_until: Micros = 0
        self.held = False
        self.trouble = "no member has answered yet"
        self._clock = clock

    @property
    def lost(self) -> bool:
        return not self.held or self._clock.monotonic() >= self.alive_until


class _Gateway:
    """Asks the members one after the other, the one that answered last first."""

    def __init__(self, members: Members, session: aiohttp.ClientSession) -> None:
        self._members = members
        self._session = session
        self._first = 0
        self._pass = ""

    async def ask(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer of the first member that gives one. Raises Unanswered."""
        count, why = len(self._members.urls), ""
        for offset in range(count):
            place = (self._first + offset) % count
            try:
                answer = await self._authenticated(self._members.urls[place], method, body)
            except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as error:
                why = _short(error)
                continue
            self._first = place
            return answer
        raise Unanswered(f"{count} of {count} members do not answer: {why}")

    async def _authenticated(self, url: str, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """With a pass, where a user is set: a new one when the old one has run out."""
        if self._members.username and not self._pass:
            await self._get_pass(url)
        status, answer = await self._post(url, method, body)
        if status == _UNAUTHENTICATED and self._members.username:
            await self._get_pass(url)
            status, answer = await self._post(url, method, body)
        if status >= 400 and method != "lease/revoke":
            raise Unanswered(_refusal(status, answer))
        return answer

    async def _get_pass(self, url: str) -> None:
        self._pass = ""
        who = {"name": self._members.username, "password": self._members.password}
        status, granted = await self._post(url, "auth/authenticate", who)
        if status >= 400:
            raise Unanswered(_refusal(status, granted))
        self._pass = str(granted.get("token", ""))

    async def _post(self, url: str, method: str, body: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": self._pass} if self._pass else {}
        options: dict[str, Any] = {} if self._members.tls is None else {"ssl": self._members.tls}
        async with (
            asyncio.timeout(NODE_S),
            self._session.post(f"{url}/v3/{method}", data=msgspec.json.encode(body), headers=headers, **options) as got,
        ):
            answer = msgspec.json.decode(await got.read())
            return got.status, answer if isinstance(answer, dict) else {}


def _create_if_absent(lease: _Lease) -> dict[str, Any]:
    """Make the key unless it is there; else say what it holds."""
    key = _base64(lease.key)
    return {
        "compare": [{"key": key, "target": "CREATE", "result": "EQUAL", "create_revision": "0"}],
        "success": [{"requestPut": {"key": key, "value": _base64(lease.token), "lease": lease.id}}],
        "failure": [{"requestRange": {"key": key}}],
    }


def _is_ours(answer: Mapping[str, Any], lease: _Lease) -> bool:
    found: Sequence[Any] = answer.get("responses", [])
    held = [one for response in found for one in response.get("response_range", {}).get("kvs", [])]
    return any(one.get("value") == _base64(lease.token) and str(one.get("lease")) == lease.id for one in held)


def _refusal(status: int, answer: Mapping[str, Any]) -> str:
    return f"status {status}: {answer.get('message') or answer.get('error') or 'no reason given'}"


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _short(error: Exception) -> str:
    return f"no answer within {NODE_S:g} s" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
