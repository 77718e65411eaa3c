"""Which nodes a change touches, and for how long it is remembered."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from healer.alerts.matchers import parse_matchers
from healer.changes.model import Change, State, Touched
from healer.changes.recent import (
    LAPSES,
    MAX_CHANGES,
    MAX_KEYS,
    MAX_OF_NODE,
    MAX_SHOWN,
    Recent,
    before_incident,
    was_before,
)
from healer.changes.settings import Line
from healer.changes.touching import MAX_NODES, Touching
from healer.changes.wording import told
from healer.settings import SettingsError, parse_settings
from healer.times import HOUR, MINUTE, SECOND, Micros
from healer.topology.graph import Node, topology
from healer.topology.index import Index

WINDOW: Micros = 30 * MINUTE
NOW: Micros = 1_700_000_000 * SECOND


def change(at: Micros = 0, **other: Any) -> Change:
    """A deployment of acme/shop to prod, so long after NOW."""
    values: dict[str, Any] = {
        "source": "github",
        "delivery_id": f"d-{at}",
        "repo": "acme/shop",
        "kind": "deploy",
        "env": "prod",
        "ref": "main",
        "sha": "1a2b3c4d5e6f",
        "state": "succeeded",
        "actor": "ada",
        "commits": (),
        "at": NOW + at,
        "url": "",
    }
    made = Change(**(values | other))
    return made if made.keys else msgspec.structs.replace(made, keys=(f"{made.source} {made.delivery_id}",))


def touched(since: Micros, until: Micros, state: State = "succeeded", *nodes: str) -> Touched:
    return Touched(change(since, state=state), nodes or ("service/shop",), NOW + since, NOW + until)


class TestTouching:
    GRAPH = topology(
        [
            Node("service/shop", "service", aliases=("shop",)),
            Node("workload/prod/shop", "workload"),
            Node("host/a", "host"),
        ],
        [],
    )

    def nodes(self, told: Change, *lines: Line) -> tuple[str, ...]:
        return Touching(lines, Index(self.GRAPH)).nodes(told)

    def test_every_line_that_matches_counts(self) -> None:
        """A repository may hold more than one thing; what two lines name is touched once."""
        shop = Line(match=parse_matchers(['repo="acme/shop"']), node="service/{name}")
        prod = Line(match=parse_matchers(['kind="deploy"', 'env=~"prod.*"']), node="workload/{env}/{name}")
        other = Line(match=parse_matchers(['group="acme"', 'branch!="main"']), node="host/a")
        assert self.nodes(change(), shop, prod, other, shop) == ("service/shop", "workload/prod/shop")

    def test_a_line_may_look_for_the_node(self) -> None:
        assert self.nodes(change(), Line(find={"alias": "{name}"})) == ("service/shop",)
        assert self.nodes(change(repo="acme/bank"), Line(find={"alias": "{name}"})) == ()

    def test_a_list_names_the_first_that_exists(self) -> None:
        assert self.nodes(change(), Line(node=("service/none", "service/{name}"))) == ("service/shop",)

    def test_half_an_id_is_none(self) -> None:
        """A push has no environment: a template that needs one names nothing."""
        assert self.nodes(change(kind="push", env=""), Line(node="workload/{env}/{name}")) == ()

    @pytest.mark.parametrize(
        ("ref", "branch", "tag"),
        [("refs/heads/a/b", "a/b", None), ("refs/tags/v1", None, "v1"), ("main", "main", None)],
    )
    def test_a_branch_and_a_tag_are_told_apart(self, ref: str, branch: str | None, tag: str | None) -> None:
        told = change(ref=ref)
        assert self.nodes(told, Line(node="service/{branch}")) == ((f"service/{branch}",) if branch else ())
        assert self.nodes(told, Line(node="service/{tag}")) == ((f"service/{tag}",) if tag else ())

    def test_one_change_touches_so_many_nodes(self) -> None:
        lines = [Line(node=f"host/{number}") for number in range(MAX_NODES + 1)]
        assert len(self.nodes(change(), *lines)) == MAX_NODES

    @pytest.mark.parametrize(
        ("line", "wrong"),
        [
            ('{node: "host/{"}', "changes.nodes[0].node"),
            ("{node: none}", "node"),
            ("{match: ['env=\"prod\"']}", "changes.nodes[0]"),
            ("{node: x, explains: never}", "explains"),
            ("{find: {kind: host}}", "changes.nodes[0].find"),
        ],
    )
    def test_a_line_that_cannot_be_used_is_refused_with_its_place(self, line: str, wrong: str) -> None:
        with pytest.raises(SettingsError) as found:
            parse_settings(f"changes: {{nodes: [{line}]}}", {})
        assert wrong in str(found.value)


class TestDeployments:
    def test_news_of_one_deployment_are_one_change(self) -> None:
        """It began when it ran, and it is as it was last heard of."""
        recent = Recent()
        recent.take(change(0, deployment="7", state="pending"), ("service/shop",))
        recent.take(change(5 * MINUTE, deployment="7", state="running"), ("service/shop",))
        found = recent.take(change(9 * MINUTE, deployment="7"), ("service/shop", "host/a"))
        assert found is not None
        assert (found.since, found.until) == (NOW + 5 * MINUTE, NOW + 9 * MINUTE)
        assert (found.change.state, found.nodes) == ("succeeded", ("service/shop", "host/a"))
        assert list(recent) == [found]

    def test_news_out_of_order_do_not_turn_it_back(self) -> None:
        recent = Recent()
        recent.take(change(9 * MINUTE, deployment="7", state="failed"), ("service/shop",))
        found = recent.take(change(5 * MINUTE, deployment="7", state="running"), ("service/shop",))
        assert found is not None
        assert (found.change.state, found.since, found.until) == ("failed", NOW + 5 * MINUTE, NOW + 9 * MINUTE)

    def test_the_same_number_elsewhere_is_another_one(self) -> None:
        recent = Recent()
        recent.take(change(0, deployment="7"), ("service/shop",))
        recent.take(change(1, deployment="7", repo="acme/bank"), ("service/shop",))
        assert len(recent) == 2

    def test_a_delivery_counts_once(self) -> None:
        """Whichever of its keys it is known by, and whether or not it touched anything."""
        recent = Recent()
        assert recent.take(change(0, keys=("a", "b")), ("service/shop",)) is not None
        assert recent.take(change(1, keys=("b", "c")), ("service/shop",)) is None
        assert recent.take(change(2, keys=("d",)), ()) is None
        assert recent.knows(("d",))
        assert not recent.knows(("c",))


@pytest.mark.parametrize(
    ("one", "counts"),
    [
        (touched(-10 * MINUTE, -10 * MINUTE), True),
        (touched(-WINDOW, -WINDOW), True),
        (touched(-WINDOW - 1, -WINDOW - 1), False),
        (touched(0, 0), True),
        (touched(1, 1), False),
        (touched(-HOUR, -MINUTE), True),
        (touched(-HOUR, MINUTE, "failed"), True),
        (touched(-HOUR, -HOUR, "running"), True),
        (touched(-LAPSES - WINDOW - 1, -LAPSES - WINDOW - 1, "running"), False),
        (touched(-MINUTE, -MINUTE, "pending"), False),
        (touched(-MINUTE, -MINUTE, "cancelled"), False),
    ],
)
def test_what_was_shortly_before(one: Touched, counts: bool) -> None:
    """It began before, and was under way or over within the window; what waits or was called off did nothing."""
    assert was_before(one, NOW, WINDOW) is counts


def test_beside_an_incident_stand_the_newest_of_what_is_near() -> None:
    near = [touched(-number * MINUTE, -number * MINUTE, "succeeded", "service/shop") for number in range(1, 9)]
    beneath = touched(-30 * SECOND, -30 * SECOND, "succeeded", "pod/1")
    far = touched(-SECOND, -SECOND, "succeeded", "service/bank")
    found = before_incident([*near, far, beneath, *near], NOW, WINDOW, {"service/shop"}, lambda node: node == "pod/1")
    assert found == (beneath, *near[: MAX_SHOWN - 1])


class TestMemory:
    @given(
        st.lists(st.tuples(st.integers(0, 300), st.booleans()), max_size=20),
        st.lists(st.integers(-10, 400), max_size=10),
    )
    def test_what_is_looked_at_is_all_that_counts(self, changes: list[tuple[int, bool]], onsets: list[int]) -> None:
        """Whatever was asked before, and whatever came since."""
        recent = Recent()
        for number, (at, running) in enumerate(changes):
            state = "running" if running else "succeeded"
            recent.take(change(at * MINUTE, delivery_id=str(number), state=state), ("service/shop",))
            for onset in onsets:
                asked = NOW + onset * MINUTE
                counts = {one for one in recent if was_before(one, asked, WINDOW)}
                assert counts <= set(recent.after(asked - WINDOW))

    def test_it_is_bounded_in_all_directions(self) -> None:
        recent = Recent()
        for number in range(MAX_CHANGES + MAX_KEYS):
            recent.take(change(number), ("service/shop", f"host/{number}") if number % 2 else (f"host/{number}",))
        kept = recent.remembered()
        assert len(kept.keys) == MAX_KEYS
        assert len(kept.changes) <= MAX_CHANGES
        assert sum("service/shop" in one.nodes for one in kept.changes) == MAX_OF_NODE
        newest = recent.newest("service/shop")
        assert newest is not None
        assert newest.since == NOW + MAX_CHANGES + MAX_KEYS - 1

    @given(
        st.lists(
            st.tuples(st.integers(0, 40), st.sampled_from(("", "1", "2")), st.sets(st.sampled_from("abc"), max_size=3)),
            max_size=60,
        )
    )
    def test_a_snapshot_goes_on_as_if_nothing_had_been(self, steps: list[tuple[int, str, set[str]]]) -> None:
        straight, stopped = Recent(), Recent()
        for at, deployment, nodes in steps:
            told = change(at * MINUTE, deployment=deployment, state="running" if at % 2 else "succeeded")
            assert straight.take(told, tuple(sorted(nodes))) == stopped.take(told, tuple(sorted(nodes)))
            stopped = Recent(
                msgspec.msgpack.decode(msgspec.msgpack.encode(stopped.remembered()), type=type(stopped.remembered()))
            )
        assert straight.remembered() == stopped.remembered()
        for node in "abc":
            assert straight.newest(node) == stopped.newest(node)
            assert straight.just_before(node, NOW + HOUR, HOUR) == stopped.just_before(node, NOW + HOUR, HOUR)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (change(), "acme/shop was deployed to prod 4m before (main, 1a2b3c4d, by ada)"),
        (change(state="running"), "acme/shop is being deployed to prod 4m before (main, 1a2b3c4d, by ada)"),
        (change(state="failed", env="", actor=""), "acme/shop failed to be deployed 4m before (main, 1a2b3c4d)"),
        (
            change(kind="push", state="pushed", env="", ref="refs/heads/main"),
            "acme/shop was pushed 4m before (main, 1a2b3c4d, by ada)",
        ),
    ],
)
def test_a_change_in_a_sentence(one: Change, said: str) -> None:
    assert told(Touched(one, (), NOW, NOW), NOW + 4 * MINUTE) == said
    assert "right before" in told(Touched(one, (), NOW, NOW), NOW)
