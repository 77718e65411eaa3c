"""Every test here runs on each store: a file with threads and a PostgreSQL server, as in production, and inline in memory, as in
the simulation."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from healer.store.inline import InlineRun, Memory
from healer.store.opening import open_store
from healer.store.store import Store
from tests.contracts.store.given import HandClock, set_clock
from tests.servers.postgres import Postgres


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture(params=["threads", "inline", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    if request.param == "inline":
        memory = Memory("test")
        opened = Store(InlineRun(memory, clock), memory.installation, memory.close)
    else:
        opened = open_store(_url(request, tmp_path), clock, installation="test")
    await set_clock(opened, clock.now())
    yield opened
    await opened.close()


def _url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "threads":
        return f"sqlite:///{tmp_path}/data/healer.db"
    server: Postgres = request.getfixturevalue("server")
    return f"{server.emptied('contract')}%2Cpg_catalog"
