"""Alertmanager as healer asks it: what it knows, what is silenced, since when it is up. A person silences hosts now and then."""

import asyncio
import random

from healer.alertmanager.client import Hold, Unreachable
from healer.alerts.identity import canonical
from healer.alerts.silences import Silence, SilenceMatcher
from healer.times import HOUR, SECOND, Micros
from tests.simulation.alerting import Alerting
from tests.simulation.datacentre import Datacentre
from tests.simulation.faults import Faults
from tests.simulation.incarnation import Incarnation
from tests.simulation.options import Options
from tests.simulation.world import SimClock

URL = "http://alertmanager"


class Silences:
    """What people silenced in the storm: each silence is of one host, and ends with it."""

    def __init__(self, options: Options, datacentre: Datacentre, clock: SimClock) -> None:
        chance = random.Random(f"silences {options.seed}")
        hosts = [alarm.node for alarm in datacentre.alarms if alarm.name == "HostDown"]
        self.all: list[Silence] = []
        self._clock = clock
        for number in range(options.silences):
            begins = clock.now() + chance.randrange(options.storm)
            ends = begins + chance.choice((10, 60, 200)) * SECOND
            matcher = SilenceMatcher("node", chance.choice(hosts))
            self.all.append(Silence(f"silence {number}", URL, (matcher,), begins, ends, "somebody"))

    def stand(self, now: Micros) -> list[Silence]:
        """Those that stand at this instant."""
        return [one for one in self.all if one.starts_at <= now < one.ends_at]

    def known(self) -> tuple[Silence, ...]:
        """Those that Alertmanager tells of: a person makes one when it begins."""
        return tuple(self.stand(self._clock.now()))


class Alertmanager:
    """`Source` for one incarnation."""

    url = URL

    def __init__(
        self, alerting: Alerting, silences: Silences, clock: SimClock, faults: Faults, life: Incarnation
    ) -> None:
        self._alerting = alerting
        self._silences = silences
        self._clock = clock
        self._faults = faults
        self._life = life

    async def up_since(self) -> Micros:
        return self._clock.now() - HOUR

    async def alerts(self) -> set[bytes]:
        await self._reach("alertmanager.alerts")
        return {canonical(dict(rule.labels)) for rule in self._alerting.rules if rule.fires}

    async def silences(self) -> tuple[Silence, ...]:
        await self._reach("alertmanager.silences")
        return self._silences.known()

    async def hold_back(self, hold: Hold) -> Hold:
        raise AssertionError(f"only in `lead` is anything held back: {hold}")

    async def _reach(self, call: str) -> None:
        kind = await self._faults.before(self._life, call, rarely=True)
        await asyncio.sleep(self._faults.delay() / SECOND if kind == "delay" else 0.01)
        await self._faults.after(self._life, kind)
        if kind in ("lost call", "lost answer"):
            raise Unreachable(self._faults.secrets.of_alertmanager())
