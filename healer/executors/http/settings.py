"""Which calls may rules make? Webhooks and pipelines by name, and where they may lead: `executors.http`."""

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated, Any

import msgspec

from healer.documents.fields import OR_TEXT, Duration, Secret, parse_url
from healer.executors.http.addresses import networks
from healer.executors.http.pipelines.settings import Pipeline
from healer.times import MILLISECOND, SECOND

NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")
"""As the actions `call_webhook` and `trigger_pipeline` take it."""
PREFIX = "whsec_"
SHORTEST = 16
"""Bytes of a key that signs."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An address that acts when it is called."""

    url: Annotated[Secret, OR_TEXT]
    """Where to, plain or a secret: only its host is ever shown."""
    secret: Secret
    """Signs each call, as Standard Webhooks write it: `whsec_` and at least 16 bytes in base64."""
    bearer: Secret | None = None
    """Sent as `Authorization: Bearer`."""
    data: dict[str, Any] = {}
    """What is said beside the node and the intent, under `data.given`."""

    def __post_init__(self) -> None:
        try:
            parse_url(self.url.reveal())
        except ValueError:
            raise ValueError("expected a URL such as https://example.org/hook", "url") from None
        try:
            key = signing_key(self.secret)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) < SHORTEST:
            raise ValueError(f"expected {PREFIX} and at least {SHORTEST} bytes in base64", "secret")


class HttpSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be called over HTTP, and where that may lead."""

    allow: tuple[str, ...] = ()
    """Networks that may be called although they are not public: `10.0.0.0/8`. Looked at when a connection is made."""
    ca: Path | None = None
    """Authorities (PEM) that sign certificates of those who are called, beside the public ones."""
    webhooks: dict[str, Webhook] = {}
    """By the name that a rule's `call_webhook` gives."""
    pipelines: dict[str, Pipeline] = {}
    """By the name that a rule's `trigger_pipeline` gives."""
    every: Duration = 5 * SECOND
    """Between two looks at a pipeline that runs."""

    def __post_init__(self) -> None:
        for key in ("webhooks", "pipelines"):
            for name in getattr(self, key):
                if not NAME.fullmatch(name):
                    raise ValueError(f"expected a name of letters, digits and _ . -, found {name!r}", key)
        if self.every < 10 * MILLISECOND:
            raise ValueError("expected at least 10ms", "every")
        try:
            networks(self.allow)
        except ValueError as error:
            raise ValueError(f"expected networks such as 10.0.0.0/8: {error}", "allow") from None


def signing_key(secret: Secret) -> bytes:
    """The bytes that sign. Raises ValueError."""
    return base64.b64decode(secret.reveal().removeprefix(PREFIX), validate=True)
