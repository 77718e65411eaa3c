"""The onset of an alert is the first that is known of: activeAt, startsAt less the rule's `for:`, startsAt."""

import pytest

from healer.convergence.engine import Engine
from healer.convergence.lasting import Rule
from healer.convergence.reasons import explain
from healer.convergence.settings import Convergence
from healer.times import MINUTE, SECOND, Micros
from tests.unit.convergence.world import START, World

TREE = "host/a > pod/p"


class Dated(World):
    """A world whose Prometheus says since when conditions hold, and how long rules wait."""

    def began(self, who: str, at: Micros) -> "Dated":
        self.engine.began(((self._labels[who], at),))
        self.take()
        return self

    def lasts(self, *rules: Rule, source: str = "prometheus") -> "Dated":
        self.engine.lasts(source, rules)
        self.take()
        return self

    def restart(self) -> None:
        state = self.engine.state
        self.engine = Engine.thawed(self.engine.freeze(), state.settings, self.graph, state.installation)


def onset(world: World, who: str) -> tuple[Micros, str]:
    """How long after the start, and by what it is known."""
    return world[who].onset - START, world[who].onset_from


class TestKnown:
    def test_in_order(self) -> None:
        """startsAt, then the rule's for, then activeAt: each as it becomes known."""
        world = Dated(TREE).play("20m HostSlow on host/a warning")
        assert onset(world, "HostSlow@host/a") == (20 * MINUTE, "startsAt")
        world.lasts(Rule("HostSlow", {"severity": "warning"}, 15 * MINUTE))
        assert onset(world, "HostSlow@host/a") == (5 * MINUTE, "for")
        world.began("HostSlow@host/a", START + 4 * MINUTE)
        assert onset(world, "HostSlow@host/a") == (4 * MINUTE, "activeAt")

    def test_known_before(self) -> None:
        """Rules that are known already count for what arrives."""
        world = Dated(TREE).lasts(Rule("HostSlow", {}, 15 * MINUTE)).play("20m HostSlow on host/a warning")
        assert onset(world, "HostSlow@host/a") == (5 * MINUTE, "for")

    def test_setting_wins(self) -> None:
        """What convergence.for says of a name goes before what rules say."""
        settings = Convergence(for_={"HostSlow": MINUTE})
        world = Dated(TREE, settings).lasts(Rule("HostSlow", {}, 15 * MINUTE)).play("20m HostSlow on host/a warning")
        assert onset(world, "HostSlow@host/a") == (19 * MINUTE, "for")

    def test_rules_of_one_name(self) -> None:
        """Of rules with one name the one is meant whose labels the alert has; where several are, the shortest for."""
        rules = (
            Rule("HostSlow", {"severity": "warning"}, 15 * MINUTE),
            Rule("HostSlow", {"severity": "critical"}, 5 * MINUTE),
            Rule("HostSlow", {"severity": "critical"}, 2 * MINUTE),
        )
        world = Dated(TREE).lasts(*rules).play("20m HostSlow on host/a critical")
        assert onset(world, "HostSlow@host/a") == (18 * MINUTE, "for")

    def test_another_interval(self) -> None:
        """activeAt after startsAt is about a later interval, and not news of this one."""
        world = Dated(TREE).play("1m HostSlow on host/a warning").began("HostSlow@host/a", START + 2 * MINUTE)
        assert onset(world, "HostSlow@host/a") == (MINUTE, "startsAt")

    def test_begins_anew(self) -> None:
        """What fires anew is asked for again: the old activeAt is not its own."""
        world = Dated(TREE).play("1m HostSlow on host/a warning").began("HostSlow@host/a", START + 30 * SECOND)
        world.play("2m HostSlow on host/a ends\n3m HostSlow on host/a again")
        assert onset(world, "HostSlow@host/a") == (3 * MINUTE, "startsAt")
        assert [name for name, _, _ in world.engine.undated()] == ["HostSlow"]

    def test_kept(self) -> None:
        """A restart forgets neither rules nor onsets."""
        world = Dated(TREE).lasts(Rule("HostSlow", {}, 15 * MINUTE)).play("20m HostSlow on host/a warning")
        world.began("HostSlow@host/a", START + 4 * MINUTE)
        world.restart()
        assert onset(world, "HostSlow@host/a") == (4 * MINUTE, "activeAt")
        assert world.engine.rules_of("prometheus") == (Rule("HostSlow", {}, 15 * MINUTE),)
        world.play("21m HostSlow on pod/p warning")
        assert onset(world, "HostSlow@pod/p") == (6 * MINUTE, "for")


class TestJudged:
    def test_cause_with_a_slower_rule(self) -> None:
        """A cause whose rule waits longest comes last and is the root all the same, when its onset is known within hold."""
        world = Dated(TREE).play("15m PodDown on pod/p critical\n15m HostNotReady on host/a critical since=15m")
        assert world.status("PodDown@pod/p") != "root"
        world = Dated(TREE).play("1m PodDown on pod/p critical").until("15m")
        world.play("15m HostNotReady on host/a critical")
        assert world.by("PodDown@pod/p") == ""
        world.began("HostNotReady@host/a", START)
        assert world.by("PodDown@pod/p") == "HostNotReady@host/a"
        assert [one.root.onset_from for one in world.open] == ["activeAt"]

    @pytest.mark.parametrize(("began", "expected"), [(True, "(activeAt)"), (False, "the `for` of its rule")])
    def test_reason(self, began: bool, expected: str) -> None:
        """The reason says by what the onset is known."""
        world = Dated(TREE).lasts(Rule("HostSlow", {}, MINUTE)).play("20m HostSlow on host/a warning")
        if began:
            world.began("HostSlow@host/a", START)
        said = explain(world["HostSlow@host/a"], None, Convergence(), world.engine.now)
        assert any(sentence.endswith(expected) for sentence in said)

    def test_judged_afresh_stays(self) -> None:
        """What was judged afresh counts from then, whatever Prometheus says later."""
        world = Dated(TREE).play("0s HostDown on host/a critical\n1s PodDown on pod/p critical").until("1m")
        world.play("2m HostDown on host/a ends").until("5m")
        assert world["PodDown@pod/p"].onset_from == "judged afresh"
        before = world["PodDown@pod/p"].onset
        world.began("PodDown@pod/p", START - MINUTE).lasts(Rule("PodDown", {}, MINUTE))
        assert world["PodDown@pod/p"].onset == before
