"""Where are the machines' BMCs, who is healer there, and how does each prove itself? `executors.redfish`."""

import re
from pathlib import Path
from typing import Annotated

import msgspec

from healer.documents.fields import Duration, PathText, Secret, Url
from healer.times import MILLISECOND, MINUTE, SECOND

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:-]{0,252}")


class Bmc(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The BMC of one machine. It proves itself by its certificate (`fingerprint`), its machine by `serial`; one is needed."""

    url: Url = ""
    """`https://bmc-1.example`. Empty: by ipmitool alone."""
    ipmi: str = ""
    """Its name or address for ipmitool, which is asked where Redfish cannot be reached. Empty: it is not."""
    user: str = ""
    """Empty: the user of all."""
    password: Secret | None = None
    """Unset: the password of all."""
    fingerprint: str = ""
    """SHA-256 of its certificate, in hexadecimal: this one alone is believed, whoever signed it."""
    ca: Path | None = None
    """Authorities (PEM) that sign its certificate. Unset: those of all."""
    serial: str = ""
    """The machine's SerialNumber or UUID. Where a BMC has more than one machine it also says which is meant."""

    def __post_init__(self) -> None:
        if self.url and not self.url.startswith("https://"):
            raise ValueError("expected https://, as a password goes there", "url")
        if not (self.url or self.ipmi):
            raise ValueError("expected url, ipmi, or both")
        if self.ipmi and not _HOST.fullmatch(self.ipmi):
            raise ValueError(f"expected a host name or address, found {self.ipmi!r}", "ipmi")
        if self.fingerprint and not _FINGERPRINT.fullmatch(self.pin):
            raise ValueError("expected the 64 digits of a SHA-256 in hexadecimal", "fingerprint")
        if not (self.fingerprint or self.serial):
            raise ValueError("expected fingerprint or serial: without one nothing proves that it is this machine's")
        if self.ipmi and not self.serial:
            raise ValueError("expected serial beside ipmi, which shows no certificate")

    @property
    def pin(self) -> str:
        """The fingerprint as bare digits."""
        return self.fingerprint.replace(":", "").lower()


class RedfishSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The power of machines, below their operating systems."""

    hosts: dict[str, Bmc] = {}
    """By node id. Others have no BMC."""
    user: str = "healer"
    """At all BMCs that name no other."""
    password: Secret | None = None
    """At all BMCs that have none of their own."""
    ca: Path | None = None
    """Authorities (PEM) that sign the BMCs' certificates; unset: the public ones."""
    timeout: Duration = 10 * SECOND
    """For one answer. BMCs are slow."""
    every: Duration = 5 * SECOND
    """Between two looks at the power after it was to change."""
    shows_within: Duration = 30 * SECOND
    """How long a reset may take to show where the BMC does not tell when the last one was."""
    ipmitool: PathText = "/usr/bin/ipmitool"
    """The program, for those that have `ipmi`."""
    cipher: Annotated[int, msgspec.Meta(ge=3, le=17)] = 17
    """The cipher suite of IPMI 2.0; older BMCs know 3 alone."""

    def __post_init__(self) -> None:
        for node, bmc in self.hosts.items():
            if bmc.password is None and self.password is None:
                raise ValueError(f"expected a password for {node}, or one for all", "hosts")
        for key in ("timeout", "every", "shows_within"):
            if not 10 * MILLISECOND <= getattr(self, key) <= 10 * MINUTE:
                raise ValueError("expected 10ms to 10m", key)

    def signed_in(self, bmc: Bmc) -> tuple[str, Secret]:
        """User and password at a BMC."""
        password = bmc.password or self.password
        assert password is not None, "it was looked at when the settings were read"
        return bmc.user or self.user, password
