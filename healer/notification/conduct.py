"""How one channel wants to be treated: when it is quiet there, who is told in its place, and what may be told together.

Made of the settings by `healer.bootstrap`, asked by `healer.notification.deliver`. Pure.
"""

import msgspec

from healer.notification.hours import end_of
from healer.notification.ports import Claim, Only
from healer.notification.story import Story
from healer.times import Micros
from notifiers.message import Ambiguous, Answer, NotTried, Permanent, Reason, Transient


class Conduct(msgspec.Struct, frozen=True):
    """`fallback` is another channel, "" for none; `quiet` are hours in `zone`; with `bundles` what waits for the channel's rate
    shares a message; `once`: a message whose answer was lost is not sent again."""

    fallback: str = ""
    quiet: tuple[str, ...] = ()
    zone: str = "UTC"
    bundles: bool = False
    once: bool = False

    def quiet_until(self, now: Micros) -> Micros:
        """When the quiet hours end; 0 when there are none now."""
        return end_of(self.quiet, self.zone, now) if self.quiet else 0

    def only(self, now: Micros, *, can_edit: bool) -> Only:
        """Which rows may be told now. What is critical or needs a person passes at any hour, and so do edits: they are silent."""
        if not self.quiet_until(now):
            return "all"
        return "urgent or told" if can_edit else "urgent"


PLAIN = Conduct()


def passes_on(claim: Claim, story: Story, answer: Answer, *, last: bool) -> bool:
    """Whether another channel is to be told in the place of this one: nobody can be told here for good, or not for a while of
    something that is not over and that they have not heard of. `last`: another failure makes it a dead letter."""
    match answer:
        case Permanent():
            return True
        case Transient() | Ambiguous():
            return last
        case NotTried(reason=Reason.BREAKER_OPEN):
            return not claim.told_revision and story.state not in ("healed", "over")
        case _:
            return False
