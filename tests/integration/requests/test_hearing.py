"""Remediation objects over real HTTP, when the server does not make it easy: it forgets, is busy, refuses, goes away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from healer.executors.kubernetes.api import Api
from healer.executors.kubernetes.settings import Requests
from healer.kubernetes import feed
from healer.kubernetes.access import Access
from healer.requests.cluster import ClusterRequests
from healer.seams import Supervisor, SystemClock
from healer.times import SECOND
from tests.standins.cluster import ADMIN, Cluster


def apply(cluster: Cluster, name: str) -> None:
    spec = {"action": "rollout_restart", "target": {"kind": "Deployment", "name": "cart"}}
    cluster.objects.create("remediations", "shop", {"metadata": {"name": name}, "spec": spec})


@asynccontextmanager
async def hearing(cluster: Cluster, user: str = ADMIN) -> AsyncIterator[ClusterRequests]:
    spawn = Supervisor()
    async with aiohttp.ClientSession() as session:
        access = Access(cluster.url, None, token=user)
        api = Api(access, session, 2 * SECOND)
        heard = ClusterRequests("", Requests(), access, api, session, 2 * SECOND, SystemClock())
        spawn.keep("follow", lambda: heard.follow(heard.paths[0]))
        try:
            yield heard
        finally:
            assert await spawn.stop(5) == []
            assert spawn.failures == {}


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)


def names(heard: ClusterRequests) -> set[str]:
    return {one.name for one in (heard.asked or {}).values()}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "PAUSE_S", (0.05, 0.1))


async def test_what_a_server_forgot_is_listed_again() -> None:
    """410 in a watch that was cut: what came, and what went, is known a moment later."""
    async with Cluster() as cluster:
        apply(cluster, "a")
        async with hearing(cluster) as heard:
            await until(lambda: names(heard) == {"a"})
            cluster.cutting = True
            await asyncio.sleep(0.1)
            cluster.objects.drop("remediations", "shop", "a")
            apply(cluster, "b")
            cluster.objects.compact()
            cluster.cutting = False
            await until(lambda: names(heard) == {"b"})


async def test_a_server_that_has_too_many_requests_is_left_alone() -> None:
    """429: not a request before Retry-After has passed, however short the pause is otherwise."""
    async with Cluster() as cluster:
        apply(cluster, "a")
        cluster.patience = 1
        async with hearing(cluster) as heard:
            await asyncio.sleep(0.5)
            assert len(cluster.requests) == 1
            await until(lambda: names(heard) == {"a"})


async def test_what_a_role_lacks_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """In the server's words, once, with what would help."""
    async with Cluster() as cluster:
        cluster.may["remedy"] = set()
        async with hearing(cluster, "remedy") as heard:
            await until(lambda: len(cluster.requests) > 2)
            assert heard.asked is None
    said = [one.getMessage() for one in caplog.records if "cannot be heard of" in one.getMessage()]
    assert len(said) == 1
    assert 'cannot list resource "remediations" in API group "healer.internal"' in said[0]
    assert "its role needs list and watch" in said[0]
