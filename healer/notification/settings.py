"""What people may set about who hears of what. Assembled by `healer.settings`, which knows the types of channels."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from healer.alerts.matchers import Matchers
from healer.documents.fields import OR_TEXT, Duration, Secret
from healer.notification.conduct import Conduct
from healer.notification.hours import end_of, parse_hours, parse_moment
from healer.notification.wording import Language, Speech, is_zone
from healer.times import MINUTE, Micros


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
    fallback: str = ""
    """The channel that is told in its place, each message once, when this one failed too often of late or refuses it for good."""
    quiet: tuple[str, ...] = ()
    """Hours, in `zone`, in which only what is critical or needs somebody makes a sound here: `22:00-07:00`, `sat,sun`."""
    bundle: bool = True
    """Whether incidents that wait for the rate of the channel, or for the end of `quiet`, share a message."""
    lost_answer: Literal["again", "once"] = "again"
    """A new message whose answer was lost, so that nobody knows whether it arrived: `again` sends it again, and it may be there
    twice; `once` does not: it is a dead letter, and `fallback` is told."""
    proxy: Annotated[Secret, OR_TEXT] | None = None
    """The HTTP proxy by which its provider is reached, such as http://proxy.example:3128; plain, or a secret."""
    config: Any = None
    """The type's own settings."""

    def __post_init__(self) -> None:
        check_hours(self.quiet, "quiet")
        if self.proxy is not None:
            check_proxy(self.proxy.reveal(), "proxy")

    @property
    def conduct(self) -> Conduct:
        return Conduct(self.fallback, self.quiet, self.zone, self.bundle, self.lost_answer == "once")

    @property
    def speech(self) -> Speech:
        return Speech(self.language, self.zone, self.template)


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incidents go to which channels: the first route that matches the root's labels and owner, and the hour."""

    match: Matchers = Matchers()
    """Matchers on the root's labels, and on `owner`: who answers for its node. None matches every incident."""
    hours: tuple[str, ...] = ()
    """When it matches: in one of `mon-fri 09:00-18:00`, `22:00-07:00`, `sat,sun`; none is always. Asked at each news."""
    zone: str = "UTC"
    """The time zone of `hours` and `weekly`, such as Asia/Shanghai."""
    channels: tuple[str, ...]
    """Names of channels, of people, and of schedules: whoever is on call whenever there is news. An empty list says: nobody."""
    escalate: tuple[str, ...] = ()
    """Names of escalations: who is called, one after the other, until somebody acknowledges."""
    go_on: bool = msgspec.field(default=False, name="continue")
    """Look at the routes below as well, and tell the channels of all that match."""
    repeat: Duration = 0
    """How long until an open incident that nobody acknowledged is told again, in a new message; 0 is never."""
    weekly: str = ""
    """When, in `zone`, its channels are told what the week before cost people: `mon 09:00`; "" is never."""

    def __post_init__(self) -> None:
        check_zone(self.zone, "zone")
        check_hours(self.hours, "hours")
        if self.weekly:
            try:
                parse_moment(self.weekly)
            except ValueError as error:
                raise ValueError(str(error), "weekly") from None
        if 0 < self.repeat < MINUTE:
            raise ValueError("expected at least 1m, or 0 for never", "repeat")

    def is_on(self, now: Micros) -> bool:
        """Whether this is one of its hours."""
        return not self.hours or end_of(self.hours, self.zone, now) > 0


def check_proxy(url: str, key: str) -> None:
    """Raises ValueError, for this key, without the URL: there may be a password in it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("expected the URL of an HTTP proxy such as http://proxy.example:3128", key)


def check_zone(zone: str, key: str) -> None:
    """Raises ValueError, for this key, where there is no such time zone."""
    if not is_zone(zone):
        raise ValueError(f"no time zone is called {zone!r}: one such as Asia/Shanghai", key)


def check_hours(hours: tuple[str, ...], key: str) -> None:
    """Raises ValueError, for this key and the place in it, where one cannot be read."""
    for place, text in enumerate(hours):
        try:
            parse_hours(text)
        except ValueError as error:
            raise ValueError(str(error), key, place) from None
