"""People who speak to healer: silences, maintenance, words on incidents. What they say they repeat until it is heard.

They use what the handlers of the API use; the request is the service's (`Service.order`), so it may be lost, or its answer.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from healer.alerts import maintenance
from healer.alerts.silences import OWN, state
from healer.convergence.outcome import Incident
from healer.convergence.people import Said, Verb
from healer.journey.records import Extended, Lifted, Maintained
from healer.notification.own import is_own
from healer.times import MINUTE, SECOND, Micros, format_duration
from healer.web import maintenance as work
from healer.web import saying, silences, words
from healer.web.ports import Service as Door
from tests.simulation.datacentre import SWITCH
from tests.simulation.service import Service, World

ATTEMPTS = 4
SPEAKER = "person {}"
VERBS: tuple[Verb, ...] = ("ack", "confirm", "blame", "split", "merge", "note", "close")
DEEDS = ("silence", "lift", "longer", "work", "work below", "recurring", *VERBS)

T = TypeVar("T")
Deed = Callable[[Door], Awaitable[None]]


class People:
    """Each deed has a number: who says it, and its key."""

    def __init__(self, world: World, service: Service) -> None:
        self._world = world
        self._service = service
        self._chance = random.Random(f"people {world.options.seed}")
        self.on_answered: Callable[[str], None] = lambda _: None
        self.answered = 0
        self._closings = 0

    async def go(self) -> None:
        """Through the storm."""
        chance, options = self._chance, self._world.options
        begins = asyncio.get_running_loop().time()
        moments = sorted(chance.randrange(options.storm) / SECOND for _ in range(options.words))
        for number, moment in enumerate(moments):
            await asyncio.sleep(max(begins + moment - asyncio.get_running_loop().time(), 0))
            deed = self._deed(chance.choice(DEEDS), number)
            for _ in range(ATTEMPTS):
                status = await self._service.order(deed)
                if status == 200:
                    self.answered += 1
                    self.on_answered(SPEAKER.format(number))
                if status is not None and status < 500:
                    break
                await asyncio.sleep(2)

    async def close_all(self) -> None:
        """Somebody looked: what healer still takes for true is over, and its senders do not say so. What healer says of itself
        stays until it is not so any more: some of that may be held yet."""

        self._closings += 1
        number = self._closings

        async def close(door: Door) -> None:
            found, _ = await door.projections.incidents(status="open")
            for incident in found:
                if is_own(incident.root.labels):
                    continue
                # What came back is closed by another word than the last time, which counts once.
                who = f"closes {incident.id} {number}"
                saying.check("close", saying.Order(by=who, comment=who, id=who), incident)
                how = incident.people.how or incident.how
                await words.say(door, Said("close", incident.id, who, who, who, how=how))

        await self._service.order(close)

    def _deed(self, what: str, number: int) -> Deed:
        chance, who = self._chance, SPEAKER.format(number)
        lasts = chance.choice((15, 40, 90)) * SECOND
        nodes = [SWITCH, *self._world.datacentre.parents]
        # People work where things break, and sometimes elsewhere.
        hosts = [one.node for one in self._world.datacentre.troubles if one.kind == "wedged"]
        hosts += [node for node in nodes if node.startswith("host/")]
        draw = chance.randrange(1_000)
        if what == "silence":
            return lambda door: self._silence(door, chance_of(hosts, draw), lasts, who)
        if what in ("work", "work below", "recurring"):
            order = work.Order(
                node=chance_of(hosts if what != "work below" else nodes, draw),
                below=what == "work below",
                for_=format_duration(lasts),
                schedule=self._soon() if what == "recurring" else "",
                zone="UTC" if what == "recurring" else "",
                created_by=who,
                comment="works there",
            )
            return lambda door: self._work(door, order, who)
        if what == "lift":
            return lambda door: self._lift(door, draw, who)
        if what == "longer":
            return lambda door: self._longer(door, draw, lasts, who)
        verb = next(one for one in VERBS if one == what)
        return lambda door: self._say(door, verb, draw, who)

    def _soon(self) -> str:
        """A daily time that comes within a minute."""
        minute = self._world.clock.now() // MINUTE % 60 + 1
        return f"daily 00:{minute:02}"

    async def _silence(self, door: Door, host: str, lasts: Micros, who: str) -> None:
        order = silences.Order(
            matchers=[f'node="{host}"'], for_=format_duration(lasts), created_by=who, comment="looks into it"
        )
        await silences.hush(door, silences.meant(order, who, door.clock.now()))

    async def _work(self, door: Door, order: work.Order, who: str) -> None:
        await words.say(door, Maintained(work.meant(order, who, door.clock.now(), door.view)))

    async def _lift(self, door: Door, draw: int, who: str) -> None:
        now = door.clock.now()
        standing = [one.id for one in door.view.maintenance() if maintenance.state(one, now) != "expired"]
        standing += [one.id for one in door.view.all_silences() if one.source == OWN and state(one, now) != "expired"]
        if standing:
            await words.say(door, Lifted(chance_of(sorted(standing), draw), who))

    async def _longer(self, door: Door, draw: int, more: Micros, who: str) -> None:
        """What is under way takes longer, be it work or a silence."""
        now = door.clock.now()
        going = sorted((one.id, one) for one in door.view.maintenance() if maintenance.occurrence(one, now))
        hushed = sorted(
            (one.id, one) for one in door.view.all_silences() if one.source == OWN and state(one, now) == "active"
        )
        if going and (draw % 2 or not hushed):
            _, one = chance_of(going, draw)
            under_way = maintenance.occurrence(one, now)
            assert under_way is not None, "only what is under way is extended"
            await words.say(door, Extended(one.id, under_way[1] + more, who))
        elif hushed:
            _, silence = chance_of(hushed, draw)
            await silences.hush(door, msgspec.structs.replace(silence, ends_at=silence.ends_at + more))

    async def _say(self, door: Door, verb: Verb, draw: int, who: str) -> None:
        await door.view.settled()
        found, _ = await door.projections.incidents(status="open")
        if not found or door.view.heard(who):
            return
        found.sort(key=lambda one: (one.opened_at, one.id))
        incident = chance_of(found, draw)
        said = self._meant(door, verb, incident, found, draw, who)
        if said is not None:
            await words.say(door, said)

    def _meant(
        self, door: Door, verb: Verb, incident: Incident, found: list[Incident], draw: int, who: str
    ) -> Said | None:
        firing = [one for one in door.view.incident_alerts(incident.id) if one.status != "resolved"]
        others = sorted(one.labels for one in firing if one.labels != incident.root.labels)
        nodes = sorted({one.node for one in firing if one.node} | {incident.root.node} - {""})
        elsewhere = [one.id for one in found if one.id != incident.id]
        order = saying.Order(by=who, comment=who, id=who)
        if verb == "blame" and nodes:
            order = msgspec.structs.replace(order, node=chance_of(nodes, draw // 7))
        elif verb == "split" and others:
            order = msgspec.structs.replace(order, what=["an alert"])
        elif verb == "merge" and elsewhere:
            order = msgspec.structs.replace(order, other=chance_of(elsewhere, draw // 7))
        elif verb in ("blame", "split", "merge"):
            return None
        saying.check(verb, order, incident)
        going = (chance_of(others, draw // 7),) if verb == "split" else ()
        how = incident.people.how or incident.how
        return Said(verb, incident.id, who, who, who, alerts=going, node=order.node, other=order.other, how=how)


def chance_of(among: list[T], draw: int) -> T:
    """One of them, the same for every attempt."""
    return among[draw % len(among)]
