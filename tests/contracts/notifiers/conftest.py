"""The bench of each registered channel in turn."""

from collections.abc import AsyncIterator

import pytest

from notifiers import CHANNELS
from tests.contracts.notifiers.bench import BENCHES, ONE_LINE, WITHOUT_NETWORK, Bench


@pytest.fixture(params=sorted(CHANNELS))
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """One test for each type in the registry; a type without a bench fails here."""
    async with BENCHES[request.param]() as built:
        yield built


@pytest.fixture(params=sorted(set(CHANNELS) - set(WITHOUT_NETWORK)))
async def networked(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """One test for each type whose messages leave the machine."""
    async with BENCHES[request.param]() as built:
        yield built


@pytest.fixture(params=sorted(set(CHANNELS) - set(ONE_LINE)))
async def roomy(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """One test for each type that has room for a whole story."""
    async with BENCHES[request.param]() as built:
        yield built
