"""What people may set about who hears of what. Assembled by `healer.settings`, which knows the types of channels."""

from typing import Any

import msgspec

from healer.alerts.matchers import Matchers


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A way to reach people. The keys beside these are those of its type."""

    type: str
    """Which module of `notifiers` it is."""
    last_resort: bool = False
    """Told directly from memory, "healer is blind since hh:mm", when the store is lost."""
    config: Any = None
    """The type's own settings."""


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incidents go to which channels: the first route that matches the root's labels and owner."""

    match: Matchers = Matchers()
    """Matchers on the root's labels, and on `owner`: who answers for its node. None matches every incident."""
    channels: tuple[str, ...]
    """Names of channels; an empty list says: nobody."""
