"""The lock services: in memory, over one real Valkey, over a quorum of five."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from healer.locks.local import LocalLocks
from healer.locks.ports import LockService
from healer.locks.redis import RedisLocks, connect
from healer.seams import Supervisor, SystemClock, SystemRandom
from tests.servers.valkey import Valkey

KINDS = {"local": 0, "redis": 1, "quorum": 5}


@asynccontextmanager
async def shared(nodes: list[Valkey]) -> AsyncIterator[RedisLocks]:
    """Locks over these nodes, as one replica has them."""
    spawn = Supervisor()
    locks = RedisLocks([connect(node.redis) for node in nodes], SystemClock(), SystemRandom(), spawn)
    try:
        yield locks
    finally:
        await spawn.stop(5)
        await locks.close()


@pytest.fixture(scope="package")
def valkeys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Valkey]]:
    """Five nodes that know nothing of one another."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("valkeys")
        yield [stack.enter_context(Valkey(folder / str(number))) for number in range(5)]


@pytest.fixture
async def nodes(valkeys: list[Valkey]) -> list[Valkey]:
    """The five, all of them up and empty, whatever the test before did to them."""
    for node in valkeys:
        node.kill()
        node.start()
    return valkeys


@pytest.fixture(params=sorted(KINDS))
async def locks(request: pytest.FixtureRequest, nodes: list[Valkey]) -> AsyncIterator[LockService]:
    """Each lock service in turn."""
    if request.param == "local":
        yield LocalLocks()
        return
    async with shared(nodes[: KINDS[request.param]]) as built:
        yield built
