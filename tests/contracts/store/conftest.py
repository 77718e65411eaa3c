"""Every test here runs twice: on a file with threads, as in production, and inline in memory, as in the simulation."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from healer.store.inline import InlineRun, Memory
from healer.store.opening import open_store
from healer.store.store import Store
from tests.contracts.store.given import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["threads", "inline"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: HandClock) -> AsyncIterator[Store]:
    if request.param == "threads":
        opened = open_store(f"sqlite:///{tmp_path}/data/healer.db", clock, installation="test")
    else:
        memory = Memory("test")
        opened = Store(InlineRun(memory, clock), memory.installation, memory.close)
    yield opened
    await opened.close()
