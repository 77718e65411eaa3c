"""The lock services: in memory, over one real Valkey, over a quorum of five, over a real etcd, and bound to one another."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from typing import Protocol

import pytest
from aiohttp import ClientSession

from healer.locks.bound import BoundLocks
from healer.locks.degrading import DegradingLocks
from healer.locks.etcd import EtcdLocks, Members
from healer.locks.local import LocalLocks
from healer.locks.ports import LockService
from healer.locks.redis import RedisLocks, connect
from healer.seams import Supervisor, SystemClock, SystemRandom
from tests.servers.etcd import Etcd
from tests.servers.valkey import Valkey

NODES = {"redis": 1, "quorum": 5, "etcd": 0, "bound": 3, "degrading": 1}
KINDS = ("local", *sorted(NODES))


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


class Addressed(Protocol):
    """A server, as far as its clients care."""

    @property
    def url(self) -> str: ...


@asynccontextmanager
async def leased(*servers: Addressed) -> AsyncIterator[EtcdLocks]:
    """Locks over these members, as one replica has them."""
    spawn = Supervisor()
    async with ClientSession() as session:
        members = Members(tuple(server.url for server in servers))
        yield EtcdLocks(members, session, SystemClock(), SystemRandom(), spawn)
        await spawn.stop(5)


@pytest.fixture(scope="package")
def etcd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Etcd]:
    """A real etcd."""
    with Etcd(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture
def etcd(etcd_server: Etcd) -> Etcd:
    """It is up, whatever the test before did to it."""
    if not etcd_server.answers():
        etcd_server.kill()
        etcd_server.start()
    return etcd_server


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


@pytest.fixture(params=KINDS)
async def locks(request: pytest.FixtureRequest, nodes: list[Valkey], etcd: Etcd) -> AsyncIterator[LockService]:
    """Each lock service in turn."""
    kind = request.param
    if kind == "local":
        yield LocalLocks()
        return
    async with shared(nodes[: NODES[kind] or 1]) as in_redis, leased(etcd) as in_etcd:
        built: dict[str, LockService] = {
            "etcd": in_etcd,
            "bound": BoundLocks(in_etcd, in_redis, SystemClock()),
            "degrading": DegradingLocks(in_redis, SystemClock()),
        }
        yield built.get(kind, in_redis)
