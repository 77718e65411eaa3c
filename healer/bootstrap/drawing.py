"""Pictures for the channels that want them. Used by `healer.bootstrap.starting`, and whenever the files are read again."""

from functools import partial

from healer.assembly import Healer
from healer.bootstrap.refusal import CannotStart
from healer.journey.depicting import part
from healer.notification.drawing import ExtraMissing, Pencil
from healer.notification.pictures import Pictures
from healer.settings.model import Settings


class Drawing:
    """Draws after what this healer tells."""

    def __init__(self, healer: Healer) -> None:
        self._healer = healer
        self._pictures = Pictures(partial(part, healer.view), healer.ports.store.aside)
        healer.deliverer.illustrate = self._pictures.follow

    def use(self, settings: Settings) -> None:
        """By these settings, which were checked, and for the channels that were made of them."""
        self._pictures.use(pencil(settings), self._healer.ports.senders)


def pencil(settings: Settings) -> Pencil | None:
    """What draws, None where no channel wants pictures. Raises CannotStart without the extra."""
    if not any(getattr(channel.config, "pictures", False) for channel in settings.channels.values()):
        return None
    try:
        return Pencil()
    except ExtraMissing as error:
        raise CannotStart(f"channels: {error}") from error
