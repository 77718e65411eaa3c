"""Which lock service do the settings mean? Called by `healer.bootstrap`, once: locks change with a restart alone."""

import ssl
from contextlib import AsyncExitStack

import aiohttp
from redis.asyncio import Redis

from healer.locks.bound import BoundLocks
from healer.locks.degrading import DegradingLocks
from healer.locks.etcd import EtcdLocks, Members
from healer.locks.local import LocalLocks
from healer.locks.ports import LockService
from healer.locks.redis import RedisLocks, connect
from healer.locks.settings import Etcd, Locks, RedisNodes
from healer.seams import Clock, Random, Spawn


class CannotLock(Exception):
    """The lock service cannot be used as it is set up, and what to do about it."""


async def open_locks(settings: Locks, stack: AsyncExitStack, clock: Clock, random: Random, spawn: Spawn) -> LockService:
    """Who may touch a target now: within this process, or shared by replicas. Closed with the stack. Raises CannotLock."""
    found: LockService | None = None
    if settings.redis is not None:
        redis = RedisLocks(clients(settings.redis), clock, random, spawn)
        stack.push_async_callback(redis.close)
        found = redis
    if settings.etcd is not None:
        # A session of its own: what others send may not keep a lock from being extended.
        session = await stack.enter_async_context(aiohttp.ClientSession())
        etcd = EtcdLocks(members(settings.etcd), session, clock, random, spawn)
        found = BoundLocks(etcd, found, clock) if found is not None else etcd
    if found is None:
        return LocalLocks()
    return DegradingLocks(found, clock) if settings.degrade == "local" else found


def clients(redis: RedisNodes) -> list[Redis]:
    """Of each node one."""
    password = redis.password.reveal() if redis.password is not None else None
    return [connect(url, redis.username, password) for url in redis.urls]


def members(etcd: Etcd) -> Members:
    """Where etcd is. Raises CannotLock."""
    try:
        tls = ssl.create_default_context(cafile=etcd.ca) if etcd.ca is not None else None
    except (OSError, ssl.SSLError) as error:
        raise CannotLock(f"locks.etcd.ca: {etcd.ca} cannot be used: {error}") from None
    password = etcd.password.reveal() if etcd.password is not None else ""
    return Members(etcd.urls, etcd.username, password, tls)
