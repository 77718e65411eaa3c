"""What people may set about the audit log. Assembled by `healer.settings`."""

from pathlib import Path

import msgspec

from healer.documents.fields import Duration, Secret
from healer.times import HOUR, SECOND, Micros, format_duration

OFTEN: Micros = 10 * SECOND
"""The shortest time between two anchors: each is a row that is kept, and a message."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who takes anchors over HTTP: a POST of one anchor as JSON, taken when the answer is 2xx."""

    url: Secret
    """Where to. It is not shown: many such addresses hold a key."""
    bearer: Secret | None = None
    """Sent as `Authorization: Bearer`."""


class Outside(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where signed heads of the audit log go: somewhere that whoever can write the store cannot write."""

    every: Duration = HOUR
    """How often, where there is something new. What is newer than the last one can be changed without being found."""
    file: Path | None = None
    """A file that they are added to, one line of JSON each: on another machine's disk, or an append-only one."""
    channel: str = ""
    """The name of a channel whose chat keeps them."""
    webhook: Webhook | None = None
    """An HTTP endpoint that keeps them."""

    def __post_init__(self) -> None:
        if self.every < OFTEN:
            raise ValueError(f"expected at least {format_duration(OFTEN)}", "every")

    def __bool__(self) -> bool:
        return self.file is not None or bool(self.channel) or self.webhook is not None


class Audit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The log of decisions and effects."""

    key: Path | None = None
    """The private Ed25519 key (PEM) that signs them; unset: `audit.key` beside the store, made when it is missing."""
    anchor: Outside = Outside()
    """Where its heads are kept outside."""
