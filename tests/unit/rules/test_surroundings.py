"""What stands around a node: lists, owners, siblings, what is found; and trends, windows, calendars and changes."""

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from rules import NodeFact, PlannedStep, Refusal, evaluate, render_steps
from rules.permissions import BadMatcher, read_matcher, touches
from tests.unit.rules.build import FACTS, HOST, NOW, SECOND, condition, rule, verdict

BELOW = {"host/web-1": ("pod/a/1", "pod/a/2", "vm/v")}
ABOVE = {"host/web-1": ("rack/r1", "zone/z1"), "rack/r1": ("zone/z1",)}
FIRING = frozenset({"pod/a/1", "rack/r1"})


class Around:
    """A rack with three hosts; what it says of others, nobody knows."""

    def above(self, node: str, kind: str | None) -> Sequence[str]:
        return [one for one in ABOVE.get(node, ()) if kind is None or one.startswith(kind)]

    def below(self, node: str, kind: str | None) -> Sequence[str]:
        return [one for one in BELOW.get(node, ()) if kind is None or one.startswith(kind)]

    def siblings(self, node: str) -> Sequence[str]:
        return ("host/web-1", "host/web-2", "host/web-3")

    def alerting(self, node: str) -> bool:
        return node in FIRING

    def find(self, kind: str | None, where: Mapping[str, str]) -> Sequence[NodeFact]:
        nodes = {"db": [HOST], "two": [HOST, HOST]}
        return nodes.get(where.get("alias", ""), [])


KNOWN = msgspec.structs.replace(
    FACTS,
    around=Around(),
    owner=NodeFact("workload/a", "a", "workload"),
    labels={**FACTS.labels, "db": "db", "two": "two"},
    annotations={"summary": "it broke"},
    value=3.5,
    confidence=0.9,
    root_is="direct",
    change="deploy 7",
    change_facts={"kind": "deployment"},
    changed_at=NOW - 600 * SECOND,
    calendars={"busy": ((0, 1 << 62),), "free": ()},
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count(descendants()) == 3", True),
        ("count(descendants(pod)) == 2", True),
        ("count(alerting(descendants(pod))) == 1", True),
        ('"rack/r1" in ancestors(rack)', True),
        ('"rack/r2" in ancestors()', False),
        ("alerting(nearest(rack))", True),
        ("alerting(node)", False),
        ("alerting(nearest(zone))", None),
        ("is_ancestor(nearest(rack), node)", True),
        ("is_ancestor(node, nearest(rack))", False),
        ("siblings == 3", True),
        ("value > 3", True),
        ("confidence > 80%", True),
        ('root_is == "direct"', True),
        ('annotations.summary =~ ".*broke"', True),
        ('change.kind == "deployment"', True),
        ("changed_within(15m)", True),
        ("changed_within(5m)", False),
        ('window("00:00 - 23:59 UTC")', True),
        ('calendar("busy")', True),
        ('calendar("free")', False),
        ('calendar("gone")', None),
        ("healthy(find(alias: labels.nothing))", None),
    ],
)
def test_what_is_known(text: str, value: bool | None) -> None:
    """Each name and function has its value, and says why."""
    found = verdict(text, KNOWN)

    assert found.value is value
    assert found.because


@pytest.mark.parametrize(
    "text",
    [
        "count(descendants()) == 3",
        "alerting(node)",
        "is_ancestor(nearest(rack), node)",
        "siblings > 1",
        "value > 1",
        "changed_within(5m)",
        'annotations.x == "y"',
        "burn_rate > 14.4",
        "healthy(owner)",
    ],
)
def test_what_nobody_said_is_unknown(text: str) -> None:
    """Without surroundings, without a change, without a value: unknown, never false."""
    assert verdict(text).value is None


def test_time_turns_it() -> None:
    """A change that grows old, a window and a calendar say when they turn."""
    assert verdict("changed_within(15m)", KNOWN).next_at == NOW + 300 * SECOND + 1
    assert (verdict('window("00:00 - 12:00 UTC")', KNOWN).next_at or 0) > NOW
    assert verdict('calendar("busy")', KNOWN).next_at == 1 << 62


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("rate(disk_free, 5m) < 0", "rate((min(node_filesystem_avail_bytes"),
        ("forecast(disk_used, 4h) > 95%", "predict_linear((max(1 - node_filesystem"),
        ('forecast(query("up # x"), 1h, 10m) == 1', "predict_linear((up # x\n)[600s:], 3600)"),
    ],
)
def test_trends_are_queries(text: str, asked: str) -> None:
    """A trend asks the metric's own query over a time, and keeps the metric's unit where it is a forecast."""
    (query,) = evaluate(condition(text), KNOWN).needs

    assert query.text.startswith(asked)


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("owner", "workload/a"),
        ("find(alias: labels.db)", "host/web-1"),
        ("find(kind: host, alias: labels.db)", "host/web-1"),
        ("find(alias: labels.two)", "no target: several nodes have alias 'two'"),
        ("find(alias: labels.env)", "no target: no node has alias 'prod'"),
        ("find(alias: labels.nothing)", "no target: the alert has no label nothing"),
    ],
)
def test_targets_that_are_found(target: str, found: str) -> None:
    """An owner and a node that is found are one node, or the step is refused and says why."""
    (planned,) = render_steps(rule(f'  then: execute("call_webhook", webhook: "w", on: {target})'), KNOWN)

    assert (
        planned.target.id if isinstance(planned, PlannedStep) else planned.why if isinstance(planned, Refusal) else ""
    ) == found


def test_matchers_of_nodes() -> None:
    """All matchers have to hold; an attribute that is missing is empty."""
    assert touches(['owner="team-a"', 'kind=~"host|vm"', 'rack!="r9"', 'name!~"db.*"'], HOST)
    assert not touches(['owner="team-b"'], HOST)
    assert not touches(['kind!="host"'], HOST)
    for wrong in ("owner", "owner=team-a", 'owner=~"("'):
        with pytest.raises(BadMatcher):
            read_matcher(wrong)
