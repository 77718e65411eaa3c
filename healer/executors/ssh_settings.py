"""What does healer need to know to reach machines over SSH? Declared for the settings loader, read by the ssh executor."""

from typing import Annotated

import msgspec

from healer.documents.fields import Duration, PathText, Size
from healer.times import MINUTE, SECOND

DIRECT = "none"
"""The word for a machine that is reached without the jump host of all."""
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class SshHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where one node differs from the rest."""

    address: str = ""
    """Host name or IP address. Empty: what the topology says."""
    user: str = ""
    """Empty: the user of all."""
    port: Port | None = None
    """None: the port of all."""
    jump: str = ""
    """The name of the jump host before it. Empty: that of all; `none`: it is reached directly."""


class SshSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The ssh executor's part of the configuration."""

    # Who healer is
    user: str = "healer"
    """An account of its own: sshd's log then says who acted. See deploy/target/README.md."""
    keys: tuple[PathText, ...] = ()
    """Private key files without a passphrase. Empty refuses everything: no agent and no ~/.ssh is consulted."""

    # Who the machine is
    known_hosts: PathText = ""
    """File in OpenSSH's format; `@cert-authority` lines accept host certificates. Missing or empty refuses everything."""
    port: Port = 22
    """Where sshd listens on all machines that `hosts` does not name."""
    hosts: dict[str, SshHost] = {}
    """By node id."""
    jump: str = ""
    """The name of the jump host, of `jumps`, through which all machines are reached that say nothing else."""
    jumps: dict[str, SshHost] = {}
    """By name: hosts that let healer through. Each needs an address; it may have a jump host before it, too."""

    # What runs there
    wrapper: str = "/usr/local/lib/healer/healer-run"
    """Absolute path on the machine. Where the key has a forced command, sshd ignores it."""
    sudo: bool = False
    """Run the wrapper by `sudo -n`: for an account that is not root. sudoers names the wrapper and nothing else."""

    # Limits
    connect_timeout: Duration = 10 * SECOND
    """For TCP, key exchange and login together. A machine in trouble answers late; one that is gone never does."""
    keepalive: Duration = 5 * SECOND
    """Between two keep-alives; the connection counts as lost after three without an answer."""
    margin: Duration = 15 * SECOND
    """Past the order's deadline until an answer is given up: the wrapper ends its run by then."""
    go_wait_s: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    """Seconds that a machine waits for go after its ready. It bounds how long after the kill switch an effect may start, so
    more than 1 gives up that promise; a slow healer or link then has runs that fail without an effect."""
    parallel: Annotated[int, msgspec.Meta(ge=1, le=1_000)] = 16
    """Orders at once over all machines. Guards limit effects; this limits sockets and key exchanges (about 10 ms of CPU each)."""
    per_host: Annotated[int, msgspec.Meta(ge=1, le=9)] = 4
    """Orders at once on one machine. sshd allows 10 sessions on a connection (`MaxSessions`)."""
    keep: Duration = MINUTE
    """How long a connection without work stays open for the next order. 0s: not at all."""
    output_limit: Size = 64 << 10
    """Of what a run said, so much comes back: enough for diagnostics, small enough to keep for years. At most 1MiB."""

    def __post_init__(self) -> None:
        if not self.wrapper.startswith("/") or any(
            not ((c.isascii() and c.isalnum()) or c in "/._-") for c in self.wrapper
        ):
            raise ValueError(
                f"expected an absolute path of letters, digits and / . _ -, found {self.wrapper!r}", "wrapper"
            )
        self._check_jumps()
        if self.keep > 10 * MINUTE:
            raise ValueError("expected at most 10m", "keep")
        for key in ("connect_timeout", "keepalive", "margin"):
            if not SECOND // 10 <= getattr(self, key) <= 10 * MINUTE:
                raise ValueError("expected 100ms to 10m", key)
        if self.output_limit > 1 << 20:
            raise ValueError("expected at most 1MiB", "output_limit")

    def _check_jumps(self) -> None:
        known = f"one of jumps ({', '.join(self.jumps) or 'there are none'})"
        if self.jump and self.jump not in self.jumps:
            raise ValueError(f"expected {known}, found {self.jump!r}", "jump")
        for node, host in self.hosts.items():
            if host.jump and host.jump not in self.jumps and host.jump != DIRECT:
                raise ValueError(f"expected {known} or {DIRECT}, found {host.jump!r} for {node}", "hosts")
        for name, host in self.jumps.items():
            if not host.address or name == DIRECT:
                raise ValueError(f"expected an address for {name!r}, and another name than {DIRECT}", "jumps")
            before = [name]
            while jump := self.jumps[before[-1]].jump:
                if jump not in self.jumps or jump in before:
                    raise ValueError(f"expected jumps that lead out, found {' -> '.join([*before, jump])}", "jumps")
                before.append(jump)
