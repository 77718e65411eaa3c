"""What people may set about locks. Assembled by `healer.settings`."""

from pathlib import Path
from typing import Literal

import msgspec

from healer.documents.fields import Secret, Url

NODES = (1, 3, 5)
SCHEMES = ("redis://", "rediss://", "unix://")


class RedisNodes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where replicas keep their locks: one Redis, or 3 or 5 that know nothing of one another."""

    urls: tuple[str, ...]
    """`redis://host:6379/0`, `rediss://` for TLS."""
    username: str | None = None
    """Of an ACL user; unset: the default user."""
    password: Secret | None = None
    """The same on all of them."""

    def __post_init__(self) -> None:
        for url in self.urls:
            if not url.startswith(SCHEMES):
                raise ValueError(f"expected redis://HOST:PORT/0, rediss://... or unix://..., found {url!r}", "urls")
        if len(set(self.urls)) not in NODES:
            raise ValueError(
                "expected one URL, or 3 or 5 different ones: a majority of 2 or 4 bears no more failures", "urls"
            )
        if len(set(self.urls)) < len(self.urls):
            raise ValueError("a node is named twice", "urls")


class Etcd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where replicas keep their locks: one etcd cluster, as leases of 30 s."""

    urls: tuple[Url, ...]
    """Its members, `https://host:2379`; asked one after the other."""
    username: str = ""
    """Where etcd asks for one."""
    password: Secret | None = None
    """Of that user."""
    ca: Path | None = None
    """The authority (PEM) that signed the members' certificates; unset: those of the machine."""

    def __post_init__(self) -> None:
        if not self.urls:
            raise ValueError("name at least one member, such as http://127.0.0.1:2379", "urls")
        if bool(self.username) != (self.password is not None):
            raise ValueError("username and password go together")


class Locks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who says who may touch a target now."""

    backend: Literal["local"] = "local"
    """`local`: inside this process, which is enough for one."""
    redis: RedisNodes | None = None
    """Instead: shared by replicas."""
    etcd: Etcd | None = None
    """Instead: leases in etcd. Beside `redis` both are taken, and both have to hold."""
    degrade: Literal["wait", "local"] = "wait"
    """While the lock service does not answer: `wait`, after which people are asked; or `local`, which needs SQLite, where only
    one process can be at work. Not for two healers with a store each."""

    def __post_init__(self) -> None:
        if self.degrade == "local" and self.redis is None and self.etcd is None:
            raise ValueError("locks are local already: leave it out, or name redis or etcd", "degrade")
