"""Which escalations are under way, of which incidents, and whom did they call? Kept by `healer.journey.telling`. Pure.

What is decided follows from the instant at which it is decided alone, so that it does not depend on how records were put into
steps; the calls themselves are wanted told with the step, in rows of their own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from healer.convergence.outcome import Happening, Incident
from healer.notification.escalation import (
    AGAIN,
    Climb,
    begin,
    ended,
    in_vain,
    matter_of,
    needless,
    next_call,
)
from healer.notification.oncall.reach import Reached
from healer.notification.oncall.settings import Escalation
from healer.times import Micros

Reach = Callable[[Sequence[str]], Sequence[Reached]]
"""The channels behind names, at this instant."""


class Call(msgspec.Struct, frozen=True, array_like=True):
    """A channel that was called by an escalation of this name, when, and the matter of its row."""

    escalation: str
    channel: str
    matter: str
    at: Micros


class Standing(msgspec.Struct, frozen=True):
    """Of one incident: its climbs by escalation, and all calls that were made. A snapshot's part."""

    climbs: dict[str, Climb] = {}
    calls: tuple[Call, ...] = ()


class Decided(msgspec.Struct, frozen=True):
    """What comes of a look: calls to make, escalations whose calls nobody has to hear any more, and lines of the timeline."""

    calls: tuple[Call, ...] = ()
    needless: tuple[str, ...] = ()
    timeline: tuple[Happening, ...] = ()


class Escalations:
    """Remembers them. `remembered` is a snapshot's part, by incident."""

    def __init__(self, remembered: Mapping[str, Standing] | None = None) -> None:
        self.remembered = dict(remembered or {})
        self._dues = {(id, name): climb.rings for id, name, climb in self._going()}

    def next_due(self) -> Micros | None:
        """When the next step of any is due."""
        return min(self._dues.values(), default=None)

    def due(self, now: Micros) -> list[str]:
        """The incidents of which somebody is to be called by now."""
        return list(dict.fromkeys(id for (id, _), due in self._dues.items() if due <= now))

    def resume(self, gap: Micros) -> None:
        """Nobody stepped for so long: who was called before had no time to answer."""
        for id, name, climb in list(self._going()):
            self._set(id, name, msgspec.structs.replace(climb, due=climb.due + gap, held=False))

    def look(
        self,
        incident: Incident,
        policies: Mapping[str, Escalation],
        wanted: Sequence[str],
        now: Micros,
        reach: Reach,
        *,
        busy: bool,
    ) -> Decided:
        """Go on with an incident: begin what its routes name by now (`wanted`), call whom it is time to call, end what is
        needless. `busy`: healer is at it."""
        why = needless(incident)
        before = self.remembered.get(incident.id, Standing()).climbs
        calls: list[Call] = []
        over: list[str] = []
        lines: list[Happening] = []

        def say(code: str, name: str, **facts: str) -> None:
            lines.append(Happening(incident.id, now, "notify", code, {"escalation": name, **facts}))

        for name in dict.fromkeys((*before, *wanted)):
            climb, policy = before.get(name), policies.get(name)
            if why or policy is None:
                reason = why or "removed"
                if climb is not None and climb.ended not in AGAIN:
                    self._set(incident.id, name, ended(climb, reason))
                    over.append(name)
                    say("escalation ended", name, why=reason, calls=str(climb.called))
                continue
            if climb is None or (climb.ended in AGAIN and name in wanted):
                climb = begin(climb, policy, now)
                say("escalation began", name)
            after, made = self._climb(climb, policy, name, now, reach, say, busy=busy)
            calls += made
            self._set(incident.id, name, after)
        if calls:
            standing = self.remembered[incident.id]
            self.remembered[incident.id] = msgspec.structs.replace(standing, calls=(*standing.calls, *calls))
        return Decided(tuple(calls), tuple(over), tuple(lines))

    def calls(self, incident: str) -> tuple[Call, ...]:
        """Everybody who was called."""
        return self.remembered.get(incident, Standing()).calls

    def needless(self, incident: str) -> tuple[str, ...]:
        """The escalations that ended because they need nobody any more."""
        standing = self.remembered.get(incident)
        return () if standing is None else tuple(name for name, one in standing.climbs.items() if one.ended in AGAIN)

    def exhausted(self) -> int:
        """Incidents under way of which everybody was called and nobody answered."""
        return sum(any(one.ended == "exhausted" for one in of.climbs.values()) for of in self.remembered.values())

    def let_go(self, incident: str) -> None:
        """It is over for good."""
        standing = self.remembered.pop(incident, Standing())
        for name in standing.climbs:
            self._dues.pop((incident, name), None)

    @staticmethod
    def _climb(
        climb: Climb, policy: Escalation, name: str, now: Micros, reach: Reach, say: Callable[..., None], *, busy: bool
    ) -> tuple[Climb, list[Call]]:
        """All steps that are due: more than one only where nobody could be called."""
        calls: list[Call] = []
        while climb.going:
            climb, rung = next_call(climb, policy, now, busy=busy)
            if rung is None:
                if climb.ended:
                    say("escalation exhausted", name, calls=str(climb.called))
                return climb, calls
            reached = reach(rung.tell)
            facts = {"step": str(climb.called), "tell": ", ".join(rung.tell)}
            if not reached:
                say("nobody to call", name, **facts)
                climb = in_vain(climb, policy, now)
                continue
            matter = matter_of(name, climb.number)
            calls += [Call(name, one.channel, matter, now) for one in reached]
            say("escalated", name, **facts, to=", ".join(_named(one) for one in reached))
        return climb, calls

    def _going(self) -> Iterator[tuple[str, str, Climb]]:
        for id, standing in self.remembered.items():
            for name, climb in standing.climbs.items():
                if climb.going:
                    yield id, name, climb

    def _set(self, incident: str, name: str, climb: Climb) -> None:
        if climb.going:
            self._dues[incident, name] = climb.rings
        else:
            self._dues.pop((incident, name), None)
        standing = self.remembered.get(incident, Standing())
        if standing.climbs.get(name) != climb:
            climbs = {**standing.climbs, name: climb}
            self.remembered[incident] = msgspec.structs.replace(standing, climbs=climbs)


def _named(one: Reached) -> str:
    return f"{one.who} ({one.channel})" if one.who else one.channel
