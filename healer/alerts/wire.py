"""What Alertmanager and Prometheus put on the wire, as far as healer reads it. Used by `healer.alerts.decode`. Pure.

Fields that are not named here are ignored, whichever version sent them.
"""

from typing import Any, Literal

import msgspec


class Sent(msgspec.Struct, gc=False, rename="camel"):
    """One alert of a webhook."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] | None = None
    starts_at: str = ""
    ends_at: str = ""
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")


class Posted(msgspec.Struct, gc=False, rename="camel"):
    """One alert as Prometheus posts it to API v2."""

    labels: dict[str, str]
    annotations: dict[str, str] | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")


class Webhook(msgspec.Struct, rename="camel"):
    """Alertmanager's webhook, version 4 (notify/webhook, template.Data)."""

    version: str
    alerts: list[Sent]
    receiver: str = ""
    truncated_alerts: int = 0


class Envelope(msgspec.Struct, rename="camel"):
    """The webhook with its alerts untouched, for when one of them is bad."""

    version: Any
    alerts: list[Any]
    receiver: str = ""
    truncated_alerts: int = 0
