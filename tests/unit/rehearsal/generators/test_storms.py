"""Generated storms: the same for the same seed everywhere, and with a cause that is what it claims to be."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from itertools import pairwise

import pytest

from healer.rehearsal.case import read_case
from healer.rehearsal.generators import KINDS, SIZE, Storm, storms
from healer.rehearsal.generators.datacentre import Datacentre, datacentre
from healer.times import HOUR, MINUTE, SECOND

SEEDS = range(1, 7)
UNWATCHED = ("silent-root", "bad-day", "bad-night")
"""Kinds in which a cause may have no alert of its own."""
ALONE = ("grey", "two-grey", "bad-day", "bad-night")
"""Kinds in which a fault may be felt nowhere else."""
SKEWED = ("clock-skew", "bad-day", "bad-night")
DIGESTS = """
import hashlib
from healer.rehearsal.generators import KINDS, storms
for kind in KINDS:
    for storm in storms(kind, 3, count=2):
        print(kind, hashlib.sha256(storm.encode()).hexdigest())
"""


def made(kind: str, seed: int) -> tuple[Storm, Datacentre]:
    """A storm, and the datacentre as it really is, with the edges that nobody told healer of."""
    return next(storms(kind, seed)), datacentre(seed, SIZE)


def test_a_seed_gives_the_same_bytes_in_every_process() -> None:
    """Two processes that hash text differently make the same storms."""
    said = [
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for seed in ("0", "4711")
    ]
    assert said[0] == said[1]
    assert len(set(said[0].splitlines())) == 2 * len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_is_another_storm(kind: str) -> None:
    assert made(kind, 1)[0].encode() != made(kind, 2)[0].encode()


def test_an_installation_keeps_its_datacentre() -> None:
    """Storms of one history differ in what breaks, a day apart, and not in what there is."""
    one, two, three = storms("rack-power", 5, count=3)
    assert one.edges == two.edges == three.edges
    assert len({one.name, two.name, three.name}) == 3
    gaps = [after.causes[0].begins - before.causes[0].begins for before, after in ((one, two), (two, three))]
    assert all(0 < gap < 48 * HOUR for gap in gaps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_cause_lies_above_all_that_it_brought_about(kind: str, seed: int) -> None:
    """Every alert of a cause sits on the node that broke, or on one that its fault reaches; and it alerts itself, if watched."""
    storm, world = made(kind, seed)
    for cause in storm.causes:
        nodes = {storm.alerts[index].labels["node"] for index in cause.alerts}
        assert cause.node in nodes or kind in UNWATCHED
        assert len(nodes) > (kind not in ALONE)
        assert nodes <= world.below([cause.node])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_noticed_before_it_happens(kind: str, seed: int) -> None:
    """No alert starts before the first of its faults and its rule's `for:`; the clocks of some are known to be wrong."""
    storm, _ = made(kind, seed)
    off = 40 * SECOND if kind in SKEWED else 0
    begins: dict[int, int] = {}
    for cause in sorted(storm.causes, key=lambda one: -one.begins):
        begins.update(dict.fromkeys(cause.alerts, cause.begins))
    for index, began in begins.items():
        alert = storm.alerts[index]
        assert alert.starts_at >= began + storm.waits[alert.labels["alertname"]] - off
        assert not alert.ends_at or alert.ends_at > alert.starts_at


@pytest.mark.parametrize("kind", KINDS)
def test_healer_can_read_it(kind: str) -> None:
    """The file is a case of `healer converge`; an alert fires once at a time, and carries what real ones do."""
    storm, _ = made(kind, 1)
    case = read_case(storm.encode(), "storm.json")
    assert len(case.alerts) == len(storm.alerts)
    last: dict[bytes, int] = defaultdict(int)
    for one in case.alerts:
        assert one.starts_at > last[one.labels]
        last[one.labels] = one.ends_at or 1 << 62
    for alert in storm.alerts:
        assert {"alertname", "severity", "node", "job", "instance", "region"} <= alert.labels.keys()
        assert alert.labels["severity"] in ("info", "warning", "error", "critical")


@pytest.mark.parametrize("seed", SEEDS)
def test_two_faults_have_nothing_to_do_with_one_another(seed: int) -> None:
    """Neither node reaches the other, and each alert belongs to the fault, or the faults, that reach it."""
    storm, world = made("two-faults", seed)
    first, second = storm.causes
    assert first.node not in world.below([second.node])
    assert second.node not in world.below([first.node])
    assert abs(first.begins - second.begins) <= 2 * MINUTE
    assert storm.noise == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_is_a_fifth_and_elsewhere(seed: int) -> None:
    storm, world = made("noise", seed)
    root = storm.roots[0]
    assert abs(len(storm.noise) - len(storm.alerts) // 5) <= max(1, len(storm.alerts) // 20)
    near = world.below([root]) | world.above([root])
    assert not near & {storm.alerts[index].labels["node"] for index in storm.noise}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fifth_of_the_edges_is_missing_and_no_node(seed: int) -> None:
    storm, world = made("missing-edges", seed)
    real = set(world.edges())
    assert set(storm.edges) < real
    assert 0.15 < 1 - len(storm.edges) / len(real) < 0.25
    assert len(storm.nodes) == len(world.nodes)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_flapping_link_goes_down_and_up(seed: int) -> None:
    """The switch's own alert has several episodes, half a minute apart at least."""
    storm, _ = made("flapping", seed)
    episodes = [one for one in storm.alerts if one.labels["node"] == storm.roots[0]]
    assert len(episodes) >= 4
    for before, after in pairwise(episodes):
        assert before.starts_at < before.ends_at <= after.starts_at - 30 * SECOND


@pytest.mark.parametrize("seed", SEEDS)
def test_a_late_root_comes_after_its_symptoms_were_told(seed: int) -> None:
    """By more than the hold of a critical alert, and within the slack by its onset."""
    storm, _ = made("late-root", seed)
    cause = storm.causes[0]
    (own,) = [one for one in storm.alerts if one.labels["node"] == cause.node]
    others = [storm.alerts[index] for index in cause.alerts if storm.alerts[index] is not own]
    assert own.starts_at - min(one.starts_at for one in others) >= 15 * SECOND
    onsets = [one.starts_at - storm.waits[one.labels["alertname"]] for one in (own, *others)]
    assert onsets[0] - min(onsets) <= 2 * MINUTE


def test_what_nobody_watches_is_not_heard_of() -> None:
    """The cause of a silent storm has no alert of its own, mostly; where nothing else would fire it is watched after all."""
    silent = [made("silent-root", seed)[0] for seed in SEEDS]
    watched = [any(one.labels["node"] == storm.roots[0] for one in storm.alerts) for storm in silent]
    assert watched.count(True) <= 1
    assert all(len(storm.alerts) > 1 for storm in silent)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_works_badly_is_not_down(seed: int) -> None:
    """A grey fault raises no alert that says that something is down."""
    storm, _ = made("grey", seed)
    caused = [storm.alerts[index].labels["alertname"] for cause in storm.causes for index in cause.alerts]
    assert caused
    assert not any(name.endswith(("Down", "NotReady", "Unreachable", "Failed", "Broken")) for name in caused)


def test_habits_are_those_of_the_installation() -> None:
    """What is always wrong is so in several storms of one datacentre, and is nobody's fault."""
    times: dict[tuple[str, str], int] = defaultdict(int)
    for storm in storms("grey", 2, count=6):
        for index in storm.noise:
            labels = storm.alerts[index].labels
            times[labels["node"], labels["alertname"]] += 1
    assert sum(count >= 3 for count in times.values()) >= 5


def test_a_bad_day_has_everything() -> None:
    """Over a few days: one fault and two, edges missing, noise, wrong clocks, causes that nobody watches."""
    days = list(storms("bad-day", 1, count=12))
    world = datacentre(1, SIZE)
    assert {len(storm.causes) for storm in days} == {1, 2}
    assert {len(storm.edges) < len(list(world.edges())) for storm in days} == {True, False}
    assert any(one.arrives_at for storm in days for one in storm.alerts)
    assert all(storm.noise for storm in days)
    own = [
        any(storm.alerts[at].labels["node"] == cause.node for at in cause.alerts)
        for storm in days
        for cause in storm.causes
    ]
    assert 0 < own.count(False) < len(own) // 2


@pytest.mark.parametrize("kind", ["two-faults", "two-grey", "bad-day", "bad-night"])
def test_the_smallest_datacentre_has_storms_too(kind: str) -> None:
    """Where nothing is left that has nothing to do with the first fault, there is only one."""
    for seed in range(1, 4):
        assert all(storm.alerts for storm in storms(kind, seed, 100, 20))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_stock_rules_wait_for_a_quarter_of_an_hour(seed: int) -> None:
    """The cause's own alert, or those of the hosts beneath, come long after the first symptoms of services."""
    storm, _ = made("for-times", seed)
    late = [one for one in storm.alerts if one.labels["alertname"] == "KubeNodeNotReady"]
    assert storm.waits["KubeNodeNotReady"] == 15 * MINUTE
    first = min(one.starts_at for one in storm.alerts)
    assert late
    assert all(one.starts_at >= first + 10 * MINUTE for one in late)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_long_outage_has_symptoms_that_begin_outside_the_window(seed: int) -> None:
    storm, _ = made("long-outage", seed)
    cause = storm.causes[0]
    onsets = [one.starts_at - storm.waits[one.labels["alertname"]] for one in storm.alerts]
    assert sum(onset > cause.begins + 10 * MINUTE for onset in onsets) >= 3
    assert all(one.ends_at == 0 for one in storm.alerts if one.labels["node"] == cause.node)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_slow_roll_takes_the_hosts_one_by_one(seed: int) -> None:
    """From the first host to the last it is most of an hour."""
    storm, _ = made("slow-roll", seed)
    downs = sorted(one.starts_at for one in storm.alerts if one.labels["alertname"] == "HostDown")
    assert downs[-1] - downs[0] > 30 * MINUTE


def test_a_clock_that_is_wrong_is_wrong_for_all_that_its_sender_says() -> None:
    """The difference between when an alert arrives and when it says that it began is the sender's."""
    storm, _ = made("clock-skew", 1)
    skews = defaultdict(set)
    for one in storm.alerts:
        skews[one.labels["job"]].add(one.starts_at - one.arrives_at)
    assert len(skews) > 2
    assert all(len(each) == 1 for each in skews.values())
    assert any(skew != {0} for skew in skews.values())


@pytest.mark.parametrize("size", [1, 1_000, 30_000])
def test_a_datacentre_is_about_as_large_as_asked(size: int) -> None:
    """No smaller than a hundred nodes, within a tenth or a little more, and without a cycle."""
    world = datacentre(1, size)
    assert 0.85 * max(size, 200) <= len(world.nodes) <= 1.15 * max(size, 300)
    order = {node: number for number, node in enumerate(world.nodes)}
    back = [edge for edge in world.edges() if order[edge[0]] >= order[edge[1]]]
    assert all(child.startswith("service/") for _, child in back)


def test_what_the_file_says_of_the_truth() -> None:
    """Roots, which alert belongs to which fault, and the `for:` of each rule."""
    storm, _ = made("two-faults", 1)
    case = json.loads(storm.encode())
    assert case["root_causes"] == list(storm.roots)
    assert [fault["node"] for fault in case["faults"]] == list(storm.roots)
    assert {index for fault in case["faults"] for index in fault["alerts"]} == set(range(len(case["alerts"])))
    assert set(case["for"]) == {alert["labels"]["alertname"] for alert in case["alerts"]}
