"""Redis, as replicas share it: real Valkeys."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
from redis.asyncio import Redis

from healer.locks.redis import connect
from tests.servers.valkey import Valkey


@pytest.fixture(scope="package")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Valkey]]:
    """Two that know nothing of one another."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("valkeys")
        yield [stack.enter_context(Valkey(folder / str(number))) for number in range(2)]


@pytest.fixture
async def client(servers: list[Valkey]) -> AsyncIterator["Redis"]:
    """Of the first of them, empty."""
    client = connect(servers[0].redis)
    await client.flushall()
    yield client
    await client.aclose()
