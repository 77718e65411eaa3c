"""E5: success is an observation of its own, later than the effect's end. By the truth about the host."""

from typing import Protocol

from healer.remediation.model import Remediation
from healer.times import Micros
from tests.simulation.court import Court
from tests.simulation.promises.arrows import Arrows, Follower
from tests.simulation.promises.fenced import Log


class Truth(Protocol):
    """What is so, whatever anybody says."""

    def healthy_since(self, host: str, after: Micros) -> bool:
        """Whether it was well at any instant from then until now."""
        ...


class Proven(Follower):
    """Looks at every remediation that was found to have helped. `slack` is what clocks differ in."""

    def __init__(self, court: Court, arrows: Arrows, hosts: Truth, fleet: Log, slack: Micros = 0) -> None:
        self._court = court
        self._arrows = arrows
        self._hosts = hosts
        self._fleet = fleet
        self._slack = slack
        self.count = 0

    def moved(self, before: Remediation | None, after: Remediation) -> None:
        helped = after.state == "succeeded" or after.helped
        if not helped or before is None or before.helped or before.state == after.state:
            return
        self.count += 1
        mine = {one.id for one in self._arrows.intents.values() if one.remediation == after.id}
        ends = [effect.ends_at for effect in self._fleet.effects if effect.intent in mine]
        if not ends or before.state != "verifying":
            self._court.accuse("E5", f"{after.id} is {after.state} after {before.state}, with {len(ends)} effects")
            return
        ended = max(ends) + self._fleet.clock.now() - self._fleet.clock.monotonic()
        host = after.plan.steps[0].node
        if not self._hosts.healthy_since(host, ended - self._slack):
            self._court.accuse("E5", f"{after.id} is {after.state}, and {host} was not well since its effect ended")
