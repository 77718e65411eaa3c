"""E3, what is counted: limits and approvals hold in every prefix of history, across holders and restarts.

Counted by the intents on the disk, in the order of their commits, and by the people who were heard.
"""

from collections import defaultdict

from healer.remediation.guards.counted import INEFFECTIVE
from healer.remediation.model import UNDER_WAY, Intent, Limit, Remediation
from healer.times import SECOND, Micros
from tests.simulation.court import Court
from tests.simulation.promises.arrows import Arrows, Follower


class Counted(Follower):
    """Looks at every intent when it is written. `slack` is what clocks differ in."""

    def __init__(self, court: Court, arrows: Arrows, slack: Micros = 0) -> None:
        self._court = court
        self._arrows = arrows
        self._slack = slack
        self._before: dict[str, Remediation] = {}
        self.agreed: defaultdict[str, set[str]] = defaultdict(set)
        """By plan, who said yes in time."""
        self.refusals = 0

    def moved(self, before: Remediation | None, after: Remediation) -> None:
        self.refusals += after.state == "waiting" and after.detail.startswith("limit")
        if before is not None:
            self._before[after.id] = before

    def written(self, intent: Intent) -> None:
        remediation = self._arrows.remediations[intent.remediation]
        was = self._before.get(remediation.id)
        if was is None or was.state not in ("planned", "waiting", "locked", "undoing"):
            self._accuse(intent, f"it was written for a remediation that was {was.state if was else 'not there'}")
        for limit in remediation.plan.limits:
            if limit.form in ("share", "ramp") or not limit.applies(remediation.plan.sequence[intent.step]):
                continue
            if limit.form == "ineffective":
                self._in_vain(intent, remediation, limit)
                continue
            others = self._others(intent, limit)
            if len(others) >= limit.count:
                within = f"in {limit.window // SECOND} s" if limit.form == "rate" else "under way"
                self._accuse(intent, f"with it there are {len(others) + 1} of at most {limit.count} {within}")
        if remediation.plan.approve:
            asked = remediation.plan.approve[remediation.asked].count
            if len(self.agreed[remediation.plan.hash]) < asked:
                self._accuse(intent, f"{len(self.agreed[remediation.plan.hash])} people agreed, and {asked} are needed")

    def _in_vain(self, intent: Intent, remediation: Remediation, limit: Limit) -> None:
        """So many did not help there, since somebody let the rule go on there last, that none may begin."""
        resumed_at = self._arrows.resumed_at(f"rule:{remediation.plan.rule} on {intent.target}")
        acted = {
            one.remediation
            for one in self._arrows.intents.values()
            if one.target == intent.target and one.remediation != remediation.id and one.written_at > resumed_at
        }
        ended = [self._arrows.remediations[id] for id in sorted(acted)]
        vain = [one.id for one in ended if one.state in INEFFECTIVE and one.plan.rule == remediation.plan.rule]
        if len(vain) >= limit.count:
            self._accuse(intent, f"it begins, and {', '.join(vain)} did not help there")

    def _others(self, intent: Intent, limit: Limit) -> set[str]:
        """Remediations that this limit counts beside the intent's own."""
        found = set()
        for other in self._arrows.intents.values():
            remediation = self._arrows.remediations[other.remediation]
            step = remediation.plan.sequence[other.step]
            keys = {one.key for one in remediation.plan.limits if one.applies(step)}
            if other.remediation == intent.remediation or limit.key not in keys:
                continue
            if limit.form == "rate":
                counts = other.written_at > intent.written_at - limit.window + self._slack
            else:
                counts = remediation.state in UNDER_WAY
            if counts or not other.outcome:
                found.add(other.remediation)
        return found

    def _accuse(self, intent: Intent, what: str) -> None:
        self._court.accuse("E3", f"intent {intent.id} on {intent.target}: {what}")
