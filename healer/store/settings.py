"""What people may set about the store. Assembled by `healer.settings`."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import msgspec

from healer.documents.fields import Secret

_SQLITE = "sqlite:///"
_SERVER = "postgresql://"


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where healer keeps what it must not forget."""

    url: str = "sqlite:///data/healer.db"
    """`sqlite:///PATH` (a fourth slash makes the path absolute; the lock on the data folder lies beside it), or
    `postgresql://USER@HOST/DATABASE` with what libpq knows after a `?`, such as `sslmode=verify-full`."""
    password: Secret | None = None
    """For PostgreSQL; unset: what libpq finds (`~/.pgpass`, a client certificate)."""
    data: Path | None = None
    """With PostgreSQL: the folder for what is this machine's own, such as `audit.key`; unset: `data`. SQLite's lies where its
    file does."""
    replica: str = ""
    """With PostgreSQL: the name of this process among all that share the store, the same after a restart; unset: the host
    name."""

    def __post_init__(self) -> None:
        if self.on_server:
            try:
                parts = urlsplit(self.url)
                secret = parts.password or "password" in parse_qs(parts.query)
            except ValueError as error:
                raise ValueError(f"this is no URL: {error}", "url") from None
            if secret:
                raise ValueError("a password does not stand in a URL: write it under store.password", "url")
            return
        if not self.url.startswith(_SQLITE) or self.url == _SQLITE:
            raise ValueError(f"expected sqlite:///PATH or postgresql://USER@HOST/DATABASE, found {self.url!r}", "url")
        for name in ("password", "data", "replica"):
            if getattr(self, name):
                raise ValueError("only PostgreSQL has one, and store.url names SQLite", name)

    @property
    def on_server(self) -> bool:
        """Whether it is on a PostgreSQL server."""
        return self.url.startswith(_SERVER)

    @property
    def path(self) -> str:
        """SQLite's database file."""
        return "" if self.on_server else self.url.removeprefix(_SQLITE)

    @property
    def folder(self) -> Path:
        """The data folder."""
        return self.data or Path("data") if self.on_server else Path(self.path).parent
