"""What goes wrong on a bad day: when and how long, by the seed. Used by the scenario `badday`."""

import asyncio
import heapq
import json
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import groupby
from typing import Literal

import msgspec

from healer.times import HOUR, MINUTE, SECOND, Micros, format_rfc3339
from tests.simulation.faults import Faults, Kind, Odds
from tests.simulation.incarnation import Incarnation
from tests.simulation.loop import SimLoop
from tests.simulation.network import Host, Network, Passing
from tests.simulation.providers import Provided
from tests.simulation.world import SimClock
from tests.standins.provider import Fault
from tests.standins.sms import TwilioStandin

AMBIGUOUS = (
    Fault.SLOW,
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
    Fault.GATEWAY_TIMEOUT,
    Fault.NOT_JSON,
    Fault.CUT_JSON,
    Fault.BROKEN_OFF,
)
"""Answers that leave open whether anybody heard. Nobody did in one of seven."""
NEVER = "0001-01-01T00:00:00Z"
BURST: Micros = 2 * MINUTE
TELLING: tuple[Kind, ...] = ("crash before", "crash after", "crash answered")
"""Around a transaction that says what was told."""
DEATHS: tuple[Kind | Passing | Literal["now"], ...] = (*TELLING, "request", "answer", "now")


class Day(msgspec.Struct, frozen=True):
    """How bad it is. Of a thousand answers `ambiguous` are; each channel is down for `outage` in turn; in each of the
    `bursts` a thirtieth of all incidents comes within two minutes."""

    length: Micros
    incidents: int
    outage: Micros
    crashes: int
    bursts: int
    ambiguous: int = 50


WHOLE = Day(length=24 * HOUR, incidents=10_000, outage=HOUR, crashes=20, bursts=3)
SMALL = Day(length=10 * MINUTE, incidents=60, outage=55 * SECOND, crashes=3, bursts=1)


class Answers(deque[Fault]):
    """What becomes of the next request, in the place of a list that somebody wrote. `sick`: it is refused, whatever it is."""

    def __init__(self, seed: int, name: str, ambiguous: int) -> None:
        super().__init__()
        self.per_mille = ambiguous
        self.sick = False
        self.asked = 0
        self.lost = 0
        self._chance = random.Random(f"answers {seed} {name}")

    def __bool__(self) -> bool:
        return True

    def popleft(self) -> Fault:
        self.asked += 1
        if self.sick:
            return self._chance.choice((Fault.SERVER_ERROR, Fault.BAD_GATEWAY))
        if self._chance.randrange(1_000) >= self.per_mille:
            return Fault.OK
        self.lost += 1
        return self._chance.choice(AMBIGUOUS)


class Outages:
    """Each provider is away in turn: nobody listens, nothing comes back, or it is sick. One telephone says no for good."""

    def __init__(self, day: Day, loop: SimLoop, network: Network, answers: Mapping[str, Answers]) -> None:
        self._day = day
        self._loop = loop
        self._network = network
        self._answers = answers

    async def go(self, providers: Mapping[str, Provided]) -> None:
        every = (self._day.length - self._day.outage) // len(providers)
        for place, (name, provided) in enumerate(providers.items()):
            await asyncio.sleep(max(place * every - self._loop.now, 0) / SECOND)
            host, standin = self._network.hosts[name], provided.standin
            if isinstance(standin, TwilioStandin):
                standin.unsubscribed.add(provided.config["number"])
                await asyncio.sleep(self._day.outage / SECOND)
                standin.unsubscribed.clear()
            else:
                await self._away(place, host, self._answers[name])

    async def _away(self, place: int, host: Host, answers: Answers) -> None:
        if place % 3 == 2:
            answers.sick = True
        else:
            host.fail("refuses" if place % 3 == 0 else "unreachable")
        await asyncio.sleep(self._day.outage / SECOND)
        answers.sick, host.down = False, ""


class Crashes(Faults):
    """kill -9, in the middle of each burst and at any other time: at once, with a request on its way, with its answer, around
    what the disk hears of it."""

    def __init__(self, day: Day, loop: SimLoop, seed: int) -> None:
        super().__init__(loop, seed, Odds())
        self._day = day
        self._seed = seed
        self._now = loop
        self._luck = random.Random(f"crashes {seed}")
        self._armed: Kind | Passing | Literal["", "now"] = ""
        self.deaths = 0

    async def go(self, life: Callable[[], Incarnation | None]) -> None:
        anywhere = [self._luck.randrange(self._day.length) for _ in range(self._day.crashes - self._day.bursts)]
        amid = [burst + BURST // 2 for burst in bursts_of(self._day, self._seed)]
        moments = sorted(anywhere + amid)
        for place, at in enumerate(moments):
            await asyncio.sleep(max(at - self._now.now, 0) / SECOND)
            self._armed = DEATHS[place % len(DEATHS)]
            found = life()
            if self._armed == "now" and found is not None:
                self._dies(found)
            while self._armed:
                await asyncio.sleep(1)

    def decide(self, call: str, *, rarely: bool = False, also: object = ()) -> Kind:
        if call == "store.told":
            for kind in TELLING:
                if self._armed == kind:
                    self._armed = ""
                    self.deaths += 1
                    self._note(call, kind)
                    return kind
        return "none"

    def passes(self, life: Incarnation | None, host: str, what: Passing) -> None:
        """Something sets out to a provider, or back."""
        if self._armed == what and life is not None:
            self._note(f"{host}, {what}", "crash after")
            self._dies(life)

    def _dies(self, life: Incarnation) -> None:
        self._armed = ""
        self.deaths += 1
        life.freeze()


class Trouble(msgspec.Struct, frozen=True):
    """One host that is down for a while; `team` is the channel that its people read."""

    name: str
    team: str
    severity: str
    begins: Micros
    ends: Micros


def bursts_of(day: Day, seed: int) -> list[Micros]:
    """When so many begin at once."""
    chance = random.Random(f"bursts {seed}")
    return [chance.randrange(day.length * 9 // 10) for _ in range(day.bursts)]


def troubles(day: Day, seed: int, providers: Mapping[str, Provided]) -> list[Trouble]:
    """All of a day, most of them at any time and some at once."""
    chance = random.Random(f"troubles {seed}")
    shares = [provided.share for provided in providers.values()]
    bursts = bursts_of(day, seed)
    found = []
    for number in range(day.incidents):
        begins = chance.randrange(day.length)
        if number < day.incidents // 30 * day.bursts:
            begins = bursts[number % day.bursts] + chance.randrange(BURST)
        lasts = MINUTE + min(int(chance.expovariate(1) * min(20 * MINUTE, day.length // 10)), HOUR)
        severity = "critical" if chance.random() < 0.3 else "warning"
        team = chance.choices(list(providers), shares)[0]
        found.append(Trouble(f"h{number}", team, severity, begins, begins + lasts))
    return found


class Feed:
    """An Alertmanager that says what begins and ends, until it is taken. `heard` has when healer took what."""

    def __init__(self, found: list[Trouble], loop: SimLoop, clock: SimClock) -> None:
        self.heard: dict[str, list[Micros]] = {}
        self._loop = loop
        self._clock = clock
        self._found = found

    async def go(self, post: Callable[[bytes], Awaitable[int | None]]) -> None:
        for at, batch in groupby(self._news(), lambda news: -(-news[0] // SECOND) * SECOND):
            await asyncio.sleep(max(at - self._loop.now, 0) / SECOND)
            said = [(trouble, ended) for _, _, ended, trouble in batch]
            body = json.dumps({"version": "4", "alerts": [self._alert(*each) for each in said]}).encode()
            while await post(body) != 200:
                await asyncio.sleep(2)
            for trouble, _ in said:
                self.heard.setdefault(trouble.name, []).append(self._loop.now)

    def _news(self) -> Iterator[tuple[Micros, str, bool, Trouble]]:
        begins = sorted((one.begins, one.name, False, one) for one in self._found)
        ends = sorted((one.ends, one.name, True, one) for one in self._found)
        return heapq.merge(begins, ends, key=lambda news: news[0])

    def _alert(self, trouble: Trouble, ended: bool) -> dict[str, object]:
        start = self._clock.now() - self._loop.now
        return {
            "labels": {
                "alertname": "HostDown",
                "instance": trouble.name,
                "severity": trouble.severity,
                "team": trouble.team,
            },
            "annotations": {},
            "startsAt": format_rfc3339(start + trouble.begins),
            "endsAt": format_rfc3339(start + trouble.ends) if ended else NEVER,
            "status": "resolved" if ended else "firing",
        }
