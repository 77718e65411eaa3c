"""What is true of the hosts in a run of healing alone, and what healer knows of it, a little later.

A host is broken until a command mends it or, when the storm is over, people do. Its alert fires meanwhile, with a lag; it may
also vanish because its source went away. Prometheus scrapes the truth every few seconds, and sometimes has nothing new.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from healer.executors.register import Ran
from healer.executors.target import Order
from healer.journey.records import Answer
from healer.times import SECOND, Micros
from rules import Query
from tests.simulation.healing.options import Options
from tests.simulation.world import SimClock

LAG: Micros = 2 * SECOND
"""Until an alert, or its end, is known."""
TIDY = "/usr/sbin/tidy"
"""A command that changes nothing about a host's health: it comes when that is well again."""
SCRAPE: Micros = 5 * SECOND


class Spell(NamedTuple):
    """From `begins` until `ends` something is so on a host. `name` tells one from another."""

    host: str
    begins: Micros
    ends: Micros
    name: str = ""

    def lasts(self, now: Micros) -> bool:
        return self.begins <= now < self.ends


class Known(NamedTuple):
    """What is known of a host's alert: since when it fires or fired, and how it ended."""

    starts_at: Micros
    ended_at: Micros
    resolution: str


class Hosts:
    """The truth. Instants are the world's wall clock."""

    def __init__(self, options: Options, clock: SimClock) -> None:
        self._options = options
        self._clock = clock
        self._chance = random.Random(f"hosts {options.seed}")
        self.names = [f"host/h{number}" for number in range(options.hosts)]
        self.half_done = 0
        """Commands that failed, and had their effect all the same."""
        self._begun = clock.now()
        self._history: dict[str, list[tuple[Micros, bool]]] = {name: [(self._begun, True)] for name in self.names}
        self._vanished: dict[str, Micros] = {}
        self.silences = self._spells("silences", options.silences, (15, 60))
        self.works = self._spells("works", options.works, (15, 60))
        self._blind = self._spells("nobody sees silences", options.silences, (20, 60))
        self._away = self._spells("unreachable", options.unreachable, (10, 40))
        self._dry = self._spells("no samples", 1 if options.unseen else 0, (60, 200))

    # --- what is so

    def healthy(self, host: str) -> bool:
        now = self._clock.now()
        return [well for at, well in self._history[host] if at <= now][-1]

    def healthy_since(self, host: str, after: Micros) -> bool:
        """Whether it was well at any instant from then until now."""
        changes = self._history[host]
        later = [well for at, well in changes if after < at <= self._clock.now()]
        then = [well for at, well in changes if at <= after]
        return any(later) or bool(then and then[-1])

    def reachable(self, host: str) -> bool:
        now = self._clock.now()
        return not any(one.host == host and one.lasts(now) for one in self._away)

    def perform(self, order: Order) -> Ran:
        """A command starts; when it works, the host is well when it ends, and its alert's source may go away meanwhile."""
        chance, options = self._chance, self._options
        takes = options.effect_takes
        if order.argv[0] == TIDY:
            return Ran(takes=takes)
        if chance.randrange(100) < options.vanishes:
            self._vanished[order.target] = self._clock.now() + takes
        fails = chance.randrange(100) < options.effect_fails
        half_done = fails and options.effect_fails < 100 and chance.random() < 0.5
        self.half_done += half_done
        if half_done or (not fails and chance.randrange(100) < options.effect_helps):
            self._change(order.target, self._clock.now() + min(takes, order.deadline_s * SECOND), True)
        return Ran(exit_code=int(fails), takes=takes)

    def breaks(self, host: str) -> None:
        """Something breaks there, again."""
        if self.healthy(host):
            self._change(host, self._clock.now(), False)

    def repair(self) -> None:
        """What is still broken, people repair; nobody silences anything any more."""
        now = self._clock.now()
        for host in self.names:
            self._change(host, now, True)
        self._vanished.clear()
        # Those that are over are kept: whoever reads silences goes on reading them.
        for spells in (self.silences, self.works, self._blind, self._away, self._dry):
            spells[:] = [one._replace(ends=min(one.ends, now)) for one in spells]

    def blind(self, now: Micros) -> bool:
        """Whether nobody can read what is silenced."""
        return any(one.lasts(now) for one in self._blind)

    def silence(self, host: str, now: Micros) -> Spell | None:
        return next((one for one in self.silences if one.host == host and one.lasts(now)), None)

    def work(self, host: str, now: Micros) -> Spell | None:
        return next((one for one in self.works if one.host == host and one.lasts(now)), None)

    # --- what is known

    def alert(self, host: str, now: Micros) -> Known:
        """The host's alert as far as it is known at this instant."""
        changes = [change for change in self._history[host] if change[0] <= now - LAG] or self._history[host][:1]
        at, well = changes[-1]
        broke = next((at for at, was in reversed(changes) if not was), self._begun)
        if well:
            return Known(broke, at, "sent")
        vanished = self._vanished.get(host, 0)
        if broke < vanished <= now - LAG:
            return Known(broke, vanished, "vanished")
        return Known(broke, 0, "")

    def sample(self, query: Query) -> Answer:
        """What Prometheus says: 1 is well. It was so when it was scraped."""
        host = query.text.partition("'")[2].partition("'")[0]
        now = self._clock.now()
        dry = next((one for one in self._dry if one.lasts(now)), None)
        at = (dry.begins if dry else now) // SCRAPE * SCRAPE
        if dry and now - at > 300 * SECOND:
            return Answer(query.key, None, 0, "no sample in five minutes")
        known = [well for when, well in self._history[host] if when <= at] or [True]
        return Answer(query.key, float(known[-1]), at)

    def samples(self, queries: Sequence[Query]) -> list[Answer]:
        return [self.sample(query) for query in queries]

    def _change(self, host: str, at: Micros, well: bool) -> None:
        """From then on it is well, or broken; what was foreseen for later is not so any more."""
        changes = [change for change in self._history[host] if change[0] < at]
        self._history[host] = [*changes, (at, well)]

    def _spells(self, what: str, count: int, lasts: tuple[int, int]) -> list[Spell]:
        chance = random.Random(f"{what} {self._options.seed}")
        found = []
        for number in range(count):
            begins = self._begun + chance.randrange(self._options.storm)
            ends = begins + chance.randint(*lasts) * SECOND
            found.append(Spell(chance.choice(self.names), begins, ends, f"{what} {number}"))
        return found
