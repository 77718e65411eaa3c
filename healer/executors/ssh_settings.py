"""What does healer need to know to reach machines over SSH? Declared for the settings loader, read by the ssh executor."""

from typing import Annotated

import msgspec

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class SshHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where one node differs from the rest."""

    address: str = ""
    """Host name or IP address. Empty: what the topology says."""
    user: str = ""
    """Empty: the user of all."""
    port: Port | None = None
    """None: the port of all."""


class SshSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ssh executor's part of the configuration."""

    # Who healer is
    user: str = "healer"
    """An account of its own: sshd's log then says who acted. See deploy/target/README.md."""
    keys: tuple[str, ...] = ()
    """Private key files without a passphrase. Empty refuses everything: no agent and no ~/.ssh is consulted."""

    # Who the machine is
    known_hosts: str = ""
    """File in OpenSSH's format; `@cert-authority` lines accept host certificates. Missing or empty refuses everything."""
    port: Port = 22
    hosts: dict[str, SshHost] = {}
    """By node id."""

    # What runs there
    wrapper: str = "/usr/local/lib/healer/healer-run"
    """Absolute path on the machine. Where the key has a forced command, sshd ignores it."""
    sudo: bool = False
    """Run the wrapper by `sudo -n`: for an account that is not root. sudoers names the wrapper and nothing else."""

    # Limits
    connect_timeout: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    """Seconds for TCP, key exchange and login. A machine in trouble answers late; one that is gone never does."""
    keepalive: Annotated[float, msgspec.Meta(gt=0, le=300)] = 5.0
    """Seconds between keep-alives; the connection counts as lost after three without an answer."""
    margin: Annotated[float, msgspec.Meta(gt=0, le=600)] = 15.0
    """Seconds past the order's deadline until an answer is given up: the wrapper ends its run by then."""
    parallel: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 16
    """Connections at once. Guards limit effects; this limits sockets and key exchanges (about 10 ms of CPU each)."""
    output_limit: Annotated[int, msgspec.Meta(ge=0, le=1_048_576)] = 65_536
    """Bytes of output that come back from a run at most: enough for diagnostics, small enough to keep for years."""

    def __post_init__(self) -> None:
        if not self.wrapper.startswith("/") or any(not (c.isalnum() or c in "/._-") for c in self.wrapper):
            raise ValueError(f"wrapper {self.wrapper!r}: an absolute path of letters, digits and / . _ -")
