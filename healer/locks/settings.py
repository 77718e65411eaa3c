"""What people may set about locks. Assembled by `healer.settings`."""

from typing import Annotated, Literal

import msgspec

from healer.documents.fields import Secret

NODES = (1, 3, 5)


class RedisNodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where replicas keep their locks: one Redis, or 3 or 5 that know nothing of one another."""

    urls: tuple[Annotated[str, msgspec.Meta(pattern=r"^(rediss?|unix)://")], ...]
    """`redis://host:6379/0`, `rediss://` for TLS."""
    username: str | None = None
    """Of an ACL user; unset: the default user."""
    password: Secret | None = None
    """The same on all of them."""

    def __post_init__(self) -> None:
        if len(set(self.urls)) not in NODES:
            raise ValueError(
                "expected one URL, or 3 or 5 different ones: a majority of 2 or 4 bears no more failures", "urls"
            )
        if len(set(self.urls)) < len(self.urls):
            raise ValueError("a node is named twice", "urls")


class Locks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who says who may touch a target now."""

    backend: Literal["local"] = "local"
    """`local`: inside this process, which is enough for one."""
    redis: RedisNodes | None = None
    """Instead: shared by replicas."""
