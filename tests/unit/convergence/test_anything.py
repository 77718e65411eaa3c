"""Whatever happens in whatever order, every alert has one status, incidents count right, and memory empties in the end."""

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from healer.alerts.model import Alert
from healer.alerts.silences import OWN, Silence, SilenceMatcher
from healer.convergence.engine import Engine
from healer.convergence.freeze import Frozen
from healer.convergence.settings import Flap, Storm
from healer.times import HOUR, SECOND
from tests.unit.convergence.histories import SHORT, Kind, edges
from tests.unit.convergence.promises import check_fixed_point, check_incidents, check_statuses
from tests.unit.convergence.world import START, Graph, World

NODES = ("n0", "n1", "n2", "n3")
KINDS = st.sampled_from(
    [
        Kind("Hot", "n0", "critical"),
        Kind("Down", "n1", "error"),
        Kind("Hot", "n1", "critical"),
        Kind("Hot", "n2", "warning"),
        Kind("Down", "n2", "error"),
        Kind("Hot", "n3", "error"),
        Kind("Hot", "nowhere", "error"),
    ]
)
SENDERS = st.sampled_from(("one", "two"))
SETTINGS = msgspec.structs.replace(SHORT, max_untold=60 * SECOND, flap=Flap(within=60 * SECOND), storm=Storm(roots=4))


class Anything(RuleBasedStateMachine):
    """Two senders with lifetimes, two sources of silences, gaps, restarts and other topologies."""

    def __init__(self) -> None:
        super().__init__()
        self.at = START
        self.began: dict[Kind, int] = {}

    @initialize(drawn=edges(NODES))
    def begin(self, drawn: tuple[tuple[str, str], ...]) -> None:
        self.world = World(Graph(drawn, NODES), SETTINGS)

    @rule(seconds=st.integers(1, 20))
    def wait(self, seconds: int) -> None:
        self.at += seconds * SECOND
        self.world.engine.advance(self.at)
        self.world.take()

    @rule(
        whos=st.lists(KINDS, min_size=1, max_size=4, unique=True),
        sender=SENDERS,
        lag=st.integers(0, 90),
        lives=st.sampled_from((0, 0, 10, 60)),
        copy=st.booleans(),
        seconds=st.integers(0, 6),
    )
    def fires(self, whos: list[Kind], sender: str, lag: int, lives: int, copy: bool, seconds: int) -> None:
        ends_at = self.at + lives * SECOND if lives else 0
        for who in whos:
            if not copy or who not in self.began:
                self.began[who] = self.at - lag * SECOND
        told = tuple(Alert(who.labels, True, self.began[who], ends_at) for who in whos)
        self.world.deliver(self.at, told, sender)
        self.wait(seconds)

    @rule(whos=st.lists(KINDS, min_size=1, max_size=3, unique=True), sender=SENDERS, seconds=st.integers(0, 6))
    def ends(self, whos: list[Kind], sender: str, seconds: int) -> None:
        told = tuple(Alert(who.labels, False, self.began.get(who, self.at), self.at) for who in whos)
        self.world.deliver(self.at, told, sender)
        self.wait(seconds)

    @rule(who=KINDS)
    def vanishes(self, who: Kind) -> None:
        self.world.engine.vanish((who.labels,))
        self.world.take()

    @rule(
        source=SENDERS,
        said=st.lists(st.tuples(st.sampled_from(NODES), st.integers(-10, 20), st.integers(1, 60)), max_size=2),
    )
    def silences(self, source: str, said: list[tuple[str, int, int]]) -> None:
        now = (self.at - START) // SECOND
        begins = [(node, max(now + begin, 0), length) for node, begin, length in said]
        self.world.silence(source, *[(node, f"{begin}s", f"{begin + length}s") for node, begin, length in begins])

    @rule(node=st.sampled_from(NODES), length=st.integers(1, 60), which=st.integers(0, 4))
    def hushes(self, node: str, length: int, which: int) -> None:
        """healer's own silence, or a change of one that was said before."""
        engine = self.world.engine
        known = [one.id for one in engine.silences() if one.source == OWN]
        id = known[which] if which < len(known) else ""
        matchers = (SilenceMatcher("on", node),)
        self.world.position += 1
        engine.hush(Silence(id, OWN, matchers, self.at, self.at + length * SECOND, "jo", ""), self.world.position)
        self.world.take()

    @rule(
        node=st.sampled_from(NODES),
        begin=st.integers(0, 20),
        length=st.integers(1, 60),
        below=st.booleans(),
        again=st.booleans(),
    )
    def maintains(self, node: str, begin: int, length: int, below: bool, again: bool) -> None:
        now = (self.at - START) // SECOND + begin
        if again:
            self.world.maintain(node, f"{now}s", "", below=below, schedule="* * * * *", zone="UTC", lasts=f"{length}s")
        else:
            self.world.maintain(node, f"{now}s", f"{now + length}s", below=below)

    @rule(which=st.integers(0, 4), longer=st.integers(-10, 60))
    def changes_a_word(self, which: int, longer: int) -> None:
        """A silence or maintenance is taken back, or maintenance takes longer."""
        engine = self.world.engine
        known = [one.id for one in engine.silences() if one.source == OWN] + [one.id for one in engine.maintenance()]
        if which >= len(known):
            return
        if longer > 0:
            engine.extend(known[which], self.at + longer * SECOND)
        else:
            engine.lift(known[which])
        self.world.take()

    @rule(seconds=st.integers(1, 100))
    def away(self, seconds: int) -> None:
        """Nobody steps for a while."""
        self.at += seconds * SECOND
        self.world.engine.resume(seconds * SECOND)
        self.world.take()

    @rule()
    def restarts(self) -> None:
        frozen = msgspec.msgpack.decode(msgspec.msgpack.encode(self.world.engine.freeze()), type=Frozen)
        before = list(self.world.engine.alerts())
        self.world.engine = Engine.thawed(frozen, SETTINGS, self.world.graph, "test")
        assert list(self.world.engine.alerts()) == before

    @rule(drawn=edges(NODES))
    def adopts(self, drawn: tuple[tuple[str, str], ...]) -> None:
        """The topology changes."""
        before = {view.labels: view.by for view in self.world.engine.alerts() if view.status == "suppressed"}
        self.world.graph = Graph(drawn, NODES)
        self.world.engine.adopt(SETTINGS, self.world.graph)
        self.world.take()
        after = {view.labels: view for view in self.world.engine.alerts()}
        for labels, by in before.items():
            stands = by in after and not after[by].ended_at and after[by].status != "suppressed" and not after[by].by
            assert not stands or after[labels].by == by, "an explanation once given stays while its root fires"

    @invariant()
    def keeps_its_promises(self) -> None:
        check_statuses(self.world)
        check_incidents(self.world)
        check_fixed_point(self.world)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        engine = self.world.engine
        for one in engine.maintenance():
            engine.lift(one.id)
        engine.vanish(tuple(view.labels for view in engine.alerts()))
        engine.advance(self.at + HOUR)
        self.world.take()
        state = engine.state
        assert not any((state.episodes, state.places, state.cases, state.at_node, state.contested, state.co_holders))
        assert (state.firing, state.mapped, state.opened, state.silenced_by) == (0, 0, {}, {})
        assert all(one.status != "open" for one in self.world.incidents.values())


TestAnything = Anything.TestCase
