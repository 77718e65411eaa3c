"""How are releases of Helm rolled back? `executors.helm`."""

import re

import msgspec

_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,254}")
_ACCOUNT = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")


class HelmSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By a Job in the namespace of the release, in the clusters of `executors.kubernetes`."""

    image: str
    """Has `helm` on its path, of the version that your releases were made with: `alpine/helm:3.17.3`."""
    service_account: str = "healer-helm"
    """Of each namespace with releases: may change what they install, and read and write their Secrets."""

    def __post_init__(self) -> None:
        if not _IMAGE.fullmatch(self.image):
            raise ValueError(f"expected an image such as alpine/helm:3.17.3, found {self.image!r}", "image")
        if not _ACCOUNT.fullmatch(self.service_account):
            raise ValueError(f"expected the name of an account, found {self.service_account!r}", "service_account")
