"""What people may set about traces and logs. Assembled by `healer.settings`."""

from typing import Annotated, Literal

import msgspec

from healer.documents.fields import Duration, Secret, Url
from healer.times import SECOND


class Otlp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where traces go, by OTLP over HTTP."""

    endpoint: Url
    """The collector's base URL, such as http://127.0.0.1:4318; `/v1/traces` is added."""
    headers: dict[str, Secret] = {}
    """Headers to send along, such as a collector's key."""
    timeout: Duration = 10 * SECOND
    """For one export; what cannot be exported is tried again, the timeline stays the truth."""


class Telemetry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What healer tells of itself."""

    otlp: Otlp | None = None
    """Unset: traces stay in healer's own timeline."""
    sample: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """Share of incidents whose trace is exported; one trace an incident is little, so all."""


class Log(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Log lines, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least level that is written."""
    format: Literal["text", "json"] = "text"
    """`text` for people, `json` for collectors."""
