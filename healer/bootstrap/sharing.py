"""What processes on one store have in common beside it: who converges, wake-ups, the rates of channels and their tokens.

In the Redis of the locks, where there is one: wake-ups by all of its nodes, rates and tokens on the first of them. Else rates are
in the store, and tokens each process's own.
"""

from contextlib import AsyncExitStack

import msgspec

from healer.journey.tenure import Tenure
from healer.locks.opening import clients
from healer.replicas.limits import RedisLimiter, SharedLimiter, StoredLimiter
from healer.replicas.tokens import RedisTokenCache
from healer.replicas.wakeups import RedisWakeups
from healer.seams import Clock, Supervisor
from healer.settings.model import Settings
from healer.store.store import Store
from notifiers.limiter import Limiter
from notifiers.tokens import MemoryTokenCache, TokenCache


class Shared(msgspec.Struct, frozen=True):
    """Who keeps rates and tokens, and the right to converge, None where there is one process."""

    limiter: Limiter
    tokens: TokenCache
    tenure: Tenure | None = None


def share(settings: Settings, store: Store, clock: Clock, spawn: Supervisor, stack: AsyncExitStack) -> Shared:
    """For as long as the process lives. Closed with the stack."""
    stored = SharedLimiter(StoredLimiter(store, clock), clock)
    if not store.name:
        # Nobody shares the rates, but providers count on when this process begins anew.
        return Shared(stored, MemoryTokenCache())
    redis, url = settings.locks.redis, settings.server.url
    if redis is None:
        return Shared(stored, MemoryTokenCache(), Tenure(store, clock, store.name, url))
    nodes = clients(redis)
    for node in nodes:
        stack.push_async_callback(node.aclose)
    wakeups = RedisWakeups(nodes, store.installation, store.name)
    wakeups.start(spawn)
    rates = SharedLimiter(RedisLimiter(nodes[0], store.installation), clock)
    tokens = RedisTokenCache(nodes[0], store.installation)
    return Shared(rates, tokens, Tenure(store, clock, store.name, url, wakeups))
