"""What people may set about the store. Assembled by `healer.settings`."""

import msgspec

_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgresql+psycopg://")


class Store(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where healer keeps what it must not forget."""

    url: str = "sqlite:///data/healer.db"
    """`sqlite:///PATH` (a fourth slash makes the path absolute). The lock on the data folder lies beside it."""

    def __post_init__(self) -> None:
        if self.url.startswith(_POSTGRESQL):
            raise ValueError("PostgreSQL is not supported yet: write sqlite:///PATH", "url")
        if not self.url.startswith(_SQLITE) or self.url == _SQLITE:
            raise ValueError(f"expected sqlite:///PATH, found {self.url!r}", "url")

    @property
    def path(self) -> str:
        """The database file."""
        return self.url.removeprefix(_SQLITE)
