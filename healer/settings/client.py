"""Where the commands find a running healer: HEALER_URL and HEALER_TOKEN_FILE. Called by `healer.cli`."""

import os
from collections.abc import Mapping

import msgspec

DEFAULT_URL = "http://127.0.0.1:9099"
"""Where healer listens when nothing else is said."""


class Client(msgspec.Struct, frozen=True):
    """What the environment says to a command; "" for the token's file where it says nothing."""

    url: str = DEFAULT_URL
    token_file: str = ""


def client_settings(environ: Mapping[str, str] | None = None) -> Client:
    """The environment's word (by default the process's own)."""
    if environ is None:
        environ = os.environ  # noqa: TID251 - this room is the one place that reads the environment
    return Client(environ.get("HEALER_URL") or DEFAULT_URL, environ.get("HEALER_TOKEN_FILE", ""))
