"""Where the tokens of applications are kept: in one process, and in Redis."""

import pytest
from redis.asyncio import Redis

from healer.replicas.tokens import RedisTokenCache
from healer.seams import SystemClock
from healer.times import HOUR, SECOND
from notifiers.secret import Secret
from notifiers.tokens import MemoryTokenCache, Token, TokenCache
from tests.servers.valkey import Valkey

LATER = SystemClock().now() + HOUR
OLD, NEW = Token(Secret("old"), LATER), Token(Secret("new"), LATER)


@pytest.fixture(params=["memory", "redis"])
def cache(request: pytest.FixtureRequest, client: "Redis") -> TokenCache:
    return MemoryTokenCache() if request.param == "memory" else RedisTokenCache(client, "test")


async def test_what_is_put_is_had_until_it_is_dropped(cache: TokenCache) -> None:
    """By its own key, and only the token that was refused is dropped, not one that came in its place."""
    assert await cache.get("app") is None
    await cache.put("app", OLD)
    assert (await cache.get("app"), await cache.get("other")) == (OLD, None)
    await cache.put("app", NEW)
    await cache.drop("app", OLD)
    assert await cache.get("app") == NEW
    await cache.drop("app", NEW)
    assert await cache.get("app") is None


async def test_replicas_share_a_token_until_its_end(servers: list[Valkey], client: "Redis") -> None:
    """What one fetched another uses; Redis forgets it when it ends, and each has its own while Redis is gone."""
    one, other = (RedisTokenCache(client, "test") for _ in range(2))
    await one.put("app", OLD)
    assert await other.get("app") == OLD
    assert 0 < await client.pttl("healer:token:test:app") <= HOUR // 1_000
    await one.put("over", Token(Secret("x"), LATER - HOUR - SECOND))
    assert await other.get("over") is None
    servers[0].kill()
    assert (await one.get("app"), await other.get("app")) == (OLD, None)
    await other.put("app", NEW)
    await other.drop("app", OLD)
    assert await other.get("app") == NEW
    servers[0].start()
