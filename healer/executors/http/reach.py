"""Where may a request lead, and whose certificate is believed there? Made from settings, used by `exchange`."""

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import aiohttp

from healer.executors.http.addresses import Network

Trust = ssl.SSLContext | aiohttp.Fingerprint | bool
"""The certificates that authorities of a context sign; the very one that is pinned; True: what public authorities sign."""


class BadAuthority(Exception):
    """A file of authorities that cannot be used."""


class Reach(NamedTuple):
    """Public addresses and those of `allowed`, believed by `trust`."""

    allowed: Sequence[Network] = ()
    trust: Trust = True


def authorities(file: Path, *, alone: bool = False) -> ssl.SSLContext:
    """Believe the authorities of a file, beside the public ones or `alone`. Raises BadAuthority."""
    try:
        if alone:
            return ssl.create_default_context(cafile=str(file))
        found = ssl.create_default_context()
        found.load_verify_locations(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        raise BadAuthority(f"{file} cannot be used: {error}") from None
    return found
