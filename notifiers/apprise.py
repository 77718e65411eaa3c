"""Apprise: one of the hundred services that the library of that name reaches, by its URL: for what has no channel of its own.

The library is the extra `apprise` and is loaded when a channel of this type is made. It says whether it worked and no more, so a
failure leaves open whether anybody heard; and it can neither edit nor say when to come again.
"""

import asyncio
import logging
from importlib import import_module
from typing import Annotated, Any, ClassVar, Protocol

import msgspec

from notifiers.clock import SECOND, Micros
from notifiers.cut import fit, plain_text, utf16_units
from notifiers.message import Ambiguous, Answer, Message, Ok, Permanent, Reason, Told, Tone
from notifiers.robot import Wall, not_editable
from notifiers.secret import Secret
from notifiers.sender import Limits, Rate, Unavailable, Unit

MINUTE: Micros = 60 * SECOND
LINE_BREAKS = 2
"""Characters that a service may put between title and text."""

_KINDS = {Tone.BROKEN: "failure", Tone.NEEDS_YOU: "warning", Tone.GOOD: "success"}
_TALKATIVE = ("apprise", "urllib3", "requests_oauthlib", "oauthlib")
"""Loggers that write addresses out, in which such services have their secrets."""


class AppriseConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service and its recipient. A refused value names its key as the second argument of the ValueError."""

    takes_proxy: ClassVar[bool] = False

    url: Secret
    """The service as Apprise writes it, such as `matrix://user:password@example.org/#room`."""
    most_per_minute: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 20
    """Messages at most in a minute: what the service allows is not known here."""
    timeout: Annotated[Micros, msgspec.Meta(extra={"written": "duration"})] = 15 * SECOND
    """How long to wait for the service: microseconds inside, written 15s."""

    def __post_init__(self) -> None:
        if "://" not in self.url.reveal():
            raise ValueError("expected a URL of Apprise such as matrix://user:password@example.org/#room", "url")


class _Service(Protocol):
    """One of Apprise's plugins."""

    body_maxlen: int
    title_maxlen: int
    socket_connect_timeout: float
    socket_read_timeout: float

    async def async_notify(self, **said: Any) -> object: ...


class AppriseSender:
    """`Sender` for one URL. Raises Unavailable without the extra, and for a URL that no service knows."""

    type = "apprise"
    can_edit = False

    def __init__(self, name: str, config: AppriseConfig, wall: Wall) -> None:
        self.name = name
        self._service = service = _service(name, config)
        rate = Rate(f"apprise:{name}", config.most_per_minute, MINUTE)
        self.limits = Limits(service.body_maxlen, Unit.UTF16, (rate,))
        self._timeout = config.timeout
        self._wall = wall

    async def send(self, message: Message, *, trace_id: str) -> Answer:  # noqa: ARG002 - part of the port
        whole = plain_text(fit(message, self.limits.size - LINE_BREAKS, utf16_units, links=False))
        title, _, body = whole.partition("\n")
        if not body or len(title) > max(self._service.title_maxlen, 0):
            # A service may know no titles, and an empty text is refused.
            title, body = "", whole
        kind = _KINDS.get(message.tone, "info")
        try:
            # Its threads have limits of their own; this one is for what holds them up.
            async with asyncio.timeout(2 * self._timeout / SECOND):
                worked = await self._service.async_notify(title=title, body=body, notify_type=kind, body_format="text")
        except TimeoutError:
            return Ambiguous(why="the service did not answer in time")
        except Exception as error:  # noqa: BLE001 - a hundred plugins of others: none of them may stop healer
            # What they say may hold the URL.
            return Ambiguous(why=f"Apprise failed: {type(error).__name__}", reason=Reason.STRANGE_ANSWER)
        if not worked:
            return Ambiguous(why="Apprise says that it did not work, and not why", reason=Reason.STRANGE_ANSWER)
        return Ok(Told(message_id=str(self._wall()), chat=self.name))

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Permanent:  # noqa: ARG002 - part of the port
        return not_editable("a service behind Apprise")

    async def close(self) -> None:
        """Nothing is held between messages."""


def _service(name: str, config: AppriseConfig) -> _Service:
    try:
        library = import_module("apprise")
    except ImportError:
        raise Unavailable(
            f"channel {name} needs the extra apprise: install healer-oncall[apprise], or take the channel out"
        ) from None
    for talkative in _TALKATIVE:
        logging.getLogger(talkative).setLevel(logging.CRITICAL)
    service: _Service | None = library.Apprise.instantiate(config.url.reveal())
    if service is None:
        raise Unavailable(f"channel {name}: Apprise knows no service by this url, or it lacks something")
    service.socket_connect_timeout = service.socket_read_timeout = config.timeout / SECOND
    return service
