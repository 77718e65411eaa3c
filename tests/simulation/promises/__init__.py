"""The promises as things that look on: each knows one, and accuses before the court when it sees it broken.

What they count by is the world's: the sender's list, the target's log, the chat's messages, the disk.
"""

from healer.assembly import Healer
from healer.journey.ports import Step
from tests.simulation.incarnation import Incarnation


class Checker:
    """Looks on and does nothing. A promise overrides what it needs."""

    def stepped(self, healer: Healer, step: Step) -> None:
        """A step was committed, and its state is what everybody sees."""

    def recovered(self, healer: Healer) -> None:
        """An incarnation decided all that was accepted before it began."""

    def died(self, life: Incarnation) -> None:
        """An incarnation is over."""
