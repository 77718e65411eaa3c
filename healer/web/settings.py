"""What people may set about the HTTP side. Assembled by `healer.settings`."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

import msgspec

from healer.accounts.settings import Role, User
from healer.documents.fields import Secret, Size, Url

NAME = re.compile(r"[\w.@-]{1,100}")
"""What a user may be called: it stands in chats and in the audit log."""
MAX_PORT = 65_535


class Tls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The server's certificate."""

    cert: Path
    """File with the certificate and its chain, PEM."""
    key: Path
    """File with the private key, PEM."""


class Auth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may come in, and do what; any way is enough."""

    bearer: tuple[Secret, ...] = ()
    """Tokens; several, so that one can be replaced without a gap."""
    basic: dict[str, Secret] = {}
    """Password by user, as Alertmanager's `basic_auth` sends them."""
    shared: Role = "admin"
    """What `bearer` and `basic` may do. Once people have tokens of their own, `sender` is enough for Alertmanager."""
    users: dict[str, User] = {}
    """Who has a token of their own, by name."""

    def __post_init__(self) -> None:
        tokens = [token for user in self.users.values() for token in user.tokens]
        if len(set(tokens)) < len(tokens):
            raise ValueError("a token belongs to one user, and stands there once", "users")
        chats = [one for user in self.users.values() for one in user.chat]
        if len(set(chats)) < len(chats):
            raise ValueError("who somebody is in a chat belongs to one user, and stands there once", "users")
        for name in self.users:
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name: letters, digits and . _ @ -, at most 100", "users")
            if name in self.basic:
                raise ValueError(f"{name} is in basic as well: a name means one", "users")

    def __bool__(self) -> bool:
        return bool(self.bearer or self.basic or self.users)


class LabelLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one alert may carry; an alert beyond it is refused, listed and counted, the rest of its batch is taken."""

    count: Annotated[int, msgspec.Meta(ge=1)] = 64
    """Labels of one alert; kube-prometheus has about 15."""
    name: Size = 1 << 10
    """Bytes of a label's name."""
    value: Size = 8 << 10
    """Bytes of a label's value."""
    annotations: Size = 64 << 10
    """Bytes of all annotations of one alert."""


class Server(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where healer listens, and to whom."""

    listen: str = "127.0.0.1:9099"
    """HOST:PORT; only this machine until you say otherwise. [::1]:9099 for IPv6, port 0 for any free one."""
    base_url: Url | None = None
    """How people reach healer, for links in messages; unset: http:// and `listen`."""
    tls: Tls | None = None
    """Unset: plain HTTP, for loopback or behind a proxy."""
    auth: Auth = Auth()
    """Required unless listening on loopback."""
    max_body: Size = 64 << 20
    """Bytes of one request; large, since Alertmanager sends whole groups again."""
    labels: LabelLimits = LabelLimits()
    """Limits on one alert."""

    def __post_init__(self) -> None:
        try:
            host, port = split_listen(self.listen)
        except ValueError as error:
            raise ValueError(str(error), "listen") from None
        if not self.auth and not is_loopback(host):
            way_out = f"set server.auth (users, bearer or basic), or listen on 127.0.0.1:{port}"
            raise ValueError(f"{self.listen} is reachable from elsewhere: {way_out}", "listen")

    @property
    def host(self) -> str:
        return split_listen(self.listen)[0]

    @property
    def port(self) -> int:
        return split_listen(self.listen)[1]

    @property
    def url(self) -> str:
        """`base_url`, or what follows from `listen`."""
        if self.base_url:
            return self.base_url
        host = self.host
        name = "localhost" if host in ("", "0.0.0.0", "::") else f"[{host}]" if ":" in host else host  # noqa: S104 - compared, not bound
        return f"{'https' if self.tls else 'http'}://{name}:{self.port}"


def split_listen(listen: str) -> tuple[str, int]:
    """HOST:PORT as its parts; no host means every interface. Raises ValueError."""
    host, colon, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    if (
        not colon
        or not port.isascii()
        or not port.isdigit()
        or int(port) > MAX_PORT
        or (":" in host and "[" not in listen)
    ):
        raise ValueError(f"expected HOST:PORT such as 127.0.0.1:9099, found {listen!r}")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Can only this machine reach it?"""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
