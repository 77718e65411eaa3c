"""A bad day for whoever tells people: thousands of incidents, channels that are away in turn, answers that are lost, crashes.

The whole service, its channels as they are and HTTP in virtual time, before stand-ins that enforce each provider's rules.
"""

import asyncio
import io
from collections.abc import Mapping
from hashlib import blake2b

from msgspec.structs import replace

from healer.alerts.matchers import parse_matchers
from healer.assembly.ports import Plan, Ports
from healer.convergence.settings import Convergence, Storm
from healer.journey.charter import Deciding
from healer.notification.conduct import Conduct
from healer.notification.deliver import Sender
from healer.notification.settings import Route
from healer.replicas.limits import SharedLimiter, StoredLimiter
from healer.store.transactions import ledger
from healer.times import HOUR, MINUTE, SECOND
from healer.topology.graph import Topology
from notifiers import CHANNELS, Means
from notifiers.breaker import Breaker
from notifiers.channel import Channel
from notifiers.limiter import Limiter
from rules import DEFAULT_HEALTH
from tests.simulation import Broken, Outcome, scenario
from tests.simulation.calamity import WHOLE, Answers, Crashes, Day, Feed, Outages, troubles
from tests.simulation.faults import Odds
from tests.simulation.listening import listening
from tests.simulation.loop import SimLoop
from tests.simulation.network import Network
from tests.simulation.options import Options
from tests.simulation.promises.everybody import Everybody
from tests.simulation.providers import Provided, providers
from tests.simulation.service import Life, Service, World
from tests.simulation.world import SimRandom

QUIET = 6 * HOUR
"""By then everybody has to know everything: caps of telephones by the hour, and a channel's longest back-off, fit in."""
REFUSED = "21610 Attempt to send to unsubscribed recipient"
"""One telephone says no for good, and healer says so in its log: that is no finding."""
CONVERGENCE = Convergence(storm=Storm(roots=1_000_000), group_by=("alertname", "instance"))
"""Each trouble is an incident of its own, however many there are: it is the channels that are to be overrun."""


class Town(World):
    """The world of a service that only tells: nobody looks at what it heals."""

    def committed(self, name: str) -> None:
        """Nothing is healed, so there is nothing to compare."""


class Office(Service):
    """The service, with the channels that it has in production."""

    network: Network
    configured: dict[str, object]

    def _ports(self, life: Life) -> Ports:
        """Channels keep their rates in the store of this life."""
        made = super()._ports(life)
        limiter = SharedLimiter(StoredLimiter(made.store, life.clock), life.clock)
        return replace(made, senders=self._channels(life, limiter))

    def _senders(self, life: Life) -> dict[str, Sender]:
        """They need the store: see `_ports`."""
        return {}

    def _channels(self, life: Life, limiter: Limiter) -> dict[str, Sender]:
        means = Means.alone(self.network.session(), io.StringIO(), life.clock.now)
        return {
            name: Channel(
                CHANNELS[name].factory(name, config, means),
                breaker=Breaker(name, life.clock),
                limiter=limiter,
                backoff=CHANNELS[name].backoff,
                random=SimRandom(self._world.options.seed, f"{name} of {life.name}"),
                sleep=asyncio.sleep,
            )
            for name, config in self.configured.items()
        }


class Run:
    """One day."""

    def __init__(self, seed: int, day: Day, loop: SimLoop) -> None:
        self._day = day
        self._loop = loop
        calm = replace(Options.drawn(seed), sender="alertmanager", down_for=30 * SECOND, snapshot_every=5_000)
        self.world = Town(replace(calm, locks="local", skew=0, odds=Odds()), loop)
        clock = self.world.clock
        self.providers = providers(lambda: clock.now() / SECOND, self.world.faults.secrets)
        self.network = Network()
        loop.create_connection = self.network.create_connection  # type: ignore[assignment] # mail has no other way out
        self.answers = {name: Answers(seed, name, day.ambiguous) for name in self.providers}
        for name, provided in self.providers.items():
            provided.standin.faults = self.answers[name]
            self.network.hosts[name] = provided.host()
        self.service = Office(self.world, _plan(self.providers))
        self.service.network = self.network
        self.service.configured = {name: CHANNELS[name].config(**one.config) for name, one in self.providers.items()}
        self.crashes = Crashes(day, loop, seed)
        self.crashes.secrets, self.world.faults = self.world.faults.secrets, self.crashes
        self.network.on_passing = lambda host, what: self.crashes.passes(self.service.life, host, what)
        self.found = troubles(day, seed, self.providers)
        self.feed = Feed(self.found, loop, clock)
        self.outcome = Outcome(trace="")

    async def go(self) -> None:
        """The day, what is left of it, and the last look."""
        for host in self.network.hosts.values():
            await host.start()
        begin = asyncio.get_running_loop().create_task
        day = [
            begin(self.feed.go(self.service.post), name="alerts"),
            begin(Outages(self._day, self._loop, self.network, self.answers).go(self.providers), name="outages"),
            begin(self.crashes.go(lambda: self.service.life), name="crashes"),
        ]
        _kept = begin(self.service.keep(), name="systemd")
        await asyncio.gather(*day)
        for answers in self.answers.values():
            answers.per_mille = 0
        until = self._loop.now + QUIET
        while self._unfinished() and self._loop.now < until:
            await asyncio.sleep(MINUTE / SECOND)
        everybody = Everybody(self.world.court, self.world.memory, self.providers)
        everybody.look(self.found, self.feed, CONVERGENCE.hold.default, self.crashes.deaths)
        self.outcome = self._was(everybody)
        await self.network.close()

    def _unfinished(self) -> bool:
        """Whether an incident is open, or somebody is still to be told."""
        life = self.service.life
        if life is None or life.healer is None or life.healer.owner.fold.engine.firing:
            return True
        if any(one.status == "open" for one in life.healer.owner.fold.incidents()):
            return True
        connection = self.world.memory.connection
        return any(ledger.rows(connection, "", state, 1) for state in ("waiting", "claimed"))

    def _was(self, everybody: Everybody) -> Outcome:
        texts = "".join(text for one in self.providers.values() for text in one.texts())
        self.world.unsaid.look("a message", texts)
        trace = blake2b(f"{self._loop.trace()}\n{texts}".encode(), digest_size=8).hexdigest()
        return Outcome(
            trace=trace,
            faults=tuple(self.crashes.injected),
            counts={
                "virtual seconds": self._loop.now // SECOND,
                "troubles": len(self.found),
                "incidents": len(everybody.incidents),
                "lives": len(self.service.lives),
                "crashes": self.crashes.deaths,
                "requests": sum(one.asked for one in self.answers.values()),
                "answers that were lost": sum(one.lost for one in self.answers.values()),
                **dict(sorted(everybody.counts.items())),
            },
        )


def _plan(found: Mapping[str, Provided]) -> Plan:
    """Each channel has its team and stands in for the one before it. Nobody wants anything twice."""
    names = list(found)
    after = dict(zip(names, [*names[1:], names[0]], strict=True))
    return Plan(
        deciding=Deciding(
            place="only",
            dry_run=False,
            packs=(),
            convergence=CONVERGENCE,
            mappings=(),
            labels=(),
            max_nodes=1_000,
            health=dict(DEFAULT_HEALTH),
            channels=tuple(names),
            routes=tuple(Route(match=parse_matchers([f'team="{name}"']), channels=(name,)) for name in names),
        ),
        topology=Topology(),
        rules=(),
        base_url="https://healer.example.org",
        conduct={
            name: Conduct(fallback=_stand_in(name, after), bundles=True, once=not one.keyed)
            for name, one in found.items()
        },
    )


def _stand_in(name: str, after: dict[str, str]) -> str:
    """Whoever is told in its place: no telephone, which holds too little."""
    while after[name].startswith("sms"):
        name = after[name]
    return after[name]


def bad_day(seed: int, day: Day) -> Outcome:
    """Such a day under this seed. Raises `Broken` where a promise does not hold."""
    with SimLoop(seed) as loop:
        run = Run(seed, day, loop)
        with listening(run.world.court, run.world.unsaid):
            loop.run(run.go())
            run.world.court.errors.extend(loop.uncaught())
            loop.close()
    run.world.memory.close()
    for promise, what in run.world.court.accusations:
        raise Broken(promise, what, run.outcome)
    if errors := [one for one in run.world.court.errors if REFUSED not in one]:
        raise AssertionError(f"{errors[0]}\n{run.outcome}")
    return run.outcome


@scenario("badday", alone=True)
def badday(seed: int) -> Outcome:
    """The whole of it."""
    return bad_day(seed, WHOLE)
