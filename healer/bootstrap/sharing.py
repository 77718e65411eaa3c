"""What processes on one store have in common beside it: who converges, wake-ups, and the rates of channels.

In the Redis of the locks, where there is one: wake-ups by all of its nodes, rates on the first of them. Else in the store.
"""

from contextlib import AsyncExitStack

from healer.journey.tenure import Tenure
from healer.locks.opening import clients
from healer.replicas.limits import RedisLimiter, SharedLimiter, StoredLimiter
from healer.replicas.wakeups import RedisWakeups
from healer.seams import Clock, Supervisor
from healer.settings.model import Settings
from healer.store.store import Store
from notifiers.limiter import Limiter, MemoryLimiter


def share(
    settings: Settings, store: Store, clock: Clock, spawn: Supervisor, stack: AsyncExitStack
) -> tuple[Tenure | None, Limiter]:
    """The right to converge, None where there is one process, and who keeps rates. Closed with the stack."""
    if not store.name:
        return None, MemoryLimiter(clock)
    redis, url = settings.locks.redis, settings.server.url
    if redis is None:
        return Tenure(store, clock, store.name, url), SharedLimiter(StoredLimiter(store, clock), clock)
    nodes = clients(redis)
    for node in nodes:
        stack.push_async_callback(node.aclose)
    wakeups = RedisWakeups(nodes, store.installation, store.name)
    wakeups.start(spawn)
    rates = RedisLimiter(nodes[0], store.installation)
    return Tenure(store, clock, store.name, url, wakeups), SharedLimiter(rates, clock)
