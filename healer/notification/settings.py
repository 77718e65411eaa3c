"""What people may set about who hears of what. Assembled by `healer.settings`, which knows the types of channels."""

from typing import Any

import msgspec

from healer.alerts.matchers import Matchers
from healer.notification.wording import Language, Speech


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """A way to reach people. The keys beside these are those of its type."""

    type: str
    """Which module of `notifiers` it is."""
    last_resort: bool = False
    """Told directly from memory, "healer is blind since hh:mm", when the store is lost."""
    language: Language = "en"
    """In which language people are told there: English or Chinese."""
    zone: str = "UTC"
    """The time zone of the times in a message, such as Asia/Shanghai; UTC stands beside it."""
    template: str = ""
    """What stands below line 1, in Jinja2; "" for healer's own words. See docs/channels.md."""
    config: Any = None
    """The type's own settings."""

    @property
    def speech(self) -> Speech:
        return Speech(self.language, self.zone, self.template)


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incidents go to which channels: the first route that matches the root's labels and owner."""

    match: Matchers = Matchers()
    """Matchers on the root's labels, and on `owner`: who answers for its node. None matches every incident."""
    channels: tuple[str, ...]
    """Names of channels; an empty list says: nobody."""
