"""Every verdict has a reason that a person can read, with the setting and the time that decided."""

import msgspec
import pytest

from healer.alerts.identity import canonical
from healer.alerts.silences import Silence
from healer.convergence.episode import Code
from healer.convergence.reasons import SENTENCES, explain
from healer.convergence.settings import Convergence
from healer.times import HOUR, MINUTE
from tests.unit.convergence.world import START, World

TREE = "switch/s > rack/r17 > host/web-1"


def why(world: World, who: str) -> list[str]:
    """What the world's engine would tell a person now."""
    engine, view = world.engine, world[who]
    by = engine.alert(view.by) if view.by else None
    return explain(view, by, engine.state.settings, engine.now)


def test_every_code_has_words() -> None:
    """There is a sentence for each code, and none for what is no code."""
    assert SENTENCES.keys() == {code for name, code in vars(Code).items() if name.isupper()}


@pytest.mark.parametrize(
    ("history", "until", "expected"),
    [
        (
            "0s HostDown on rack/r17 critical\n45s Slow on host/web-1 warning",
            "50s",
            "suppressed: HostDown on rack/r17 explains it, 1 hop up, its onset 45s earlier (window 10m)",
        ),
        (
            "45s Hot on switch/s critical\n45s Slow on host/web-1 warning since=15s",
            "50s",
            "suppressed: Hot on switch/s explains it, 2 hops up, its onset 30s later (slack 2m)",
        ),
        (
            "0s Hot on switch/s critical\n0s Slow on host/web-1 warning",
            "50s",
            "suppressed: Hot on switch/s explains it, 2 hops up, its onset at the same time",
        ),
        (
            "0s RackDown on rack/r17 critical\n3h Slow on host/web-1 warning",
            "4h",
            "suppressed: RackDown on rack/r17 explains it, 1 hop up, its onset 3h earlier: a long-lived cause, it is down and "
            "explains while it fires",
        ),
        ("0s Slow on host/web-1 warning", "18s", "held for 12s more, waiting for a cause (hold 30s)"),
        ("0s Slow on host/web-1 critical", "14s", "held for 1s more, waiting for a cause (hold 15s)"),
        (
            "0s Slow on host/web-1 warning",
            "1m",
            "root: nothing above host/web-1 explains it within window 10m and slack 2m",
        ),
        (
            "0s Slow on host/web-1 warning\n0s Down on host/web-1 critical",
            "1m",
            "member: it is on the same node, host/web-1, and Down on host/web-1 is the face of their incident",
        ),
        (
            "0s Slow on nowhere warning",
            "1m",
            "root: it sits on no node of the topology, so nothing explains it; it is grouped by alertname",
        ),
        (
            "0s Slow on nowhere warning\n0s Slow on host/web-1 none",
            "1m",
            "never told: severity 'none' is one to ignore (severities)",
        ),
        (
            "0s Slow on host/web-1 warning\n5m Slow on host/web-1 ends\n5m5s Slow on host/web-1 still",
            "6m",
            "held: a copy of the interval that just ended; it counts when it is repeated, or 2m after that end (settle)",
        ),
        (
            "0s Slow on host/web-1 warning\n1m Slow on host/web-1 ends",
            "2m",
            "resolved at 2026-01-07T10:01:00.000Z: its sender says that it ended",
        ),
        (
            "0s Slow on host/web-1 warning lives=1m",
            "2m",
            "resolved at 2026-01-07T10:01:00.000Z: no longer reported: its lifetime ran out and nobody renewed it",
        ),
        (
            "0s Hot on switch/s critical\n0s Slow on host/web-1 warning\n5m Hot on switch/s ends",
            "8m",
            "root: what explained it ended and it did not follow within 2m (settle); judged afresh as of "
            "2026-01-07T10:07:00.000Z",
        ),
    ],
)
def test_words(history: str, until: str, expected: str) -> None:
    """The deciding reason comes first, with names, distances and settings as operators know them."""
    who = "Slow@nowhere" if "Slow on host/web-1" not in history else "Slow@host/web-1"
    assert why(World(TREE).play(history).until(until), who)[0] == expected


def test_cause_that_stopped() -> None:
    """Who is explained by something that stopped is told how long that lasts."""
    world = World(TREE).play("""
        0s  Hot on switch/s critical
        0s  Slow on host/web-1 warning
        5m  Hot on switch/s ends
    """)
    assert why(world.until("6m30s"), "Slow@host/web-1")[1] == (
        "Hot on switch/s stopped firing; in 30s this is judged afresh if it still fires (settle 2m)"
    )


def test_path() -> None:
    """Where the caller knows the path it is shown, the alert's own node first."""
    world = World(TREE).play("0s Hot on switch/s critical\n0s Slow on host/web-1 warning")
    view = world["Slow@host/web-1"]
    said = explain(view, world["Hot@switch/s"], Convergence(), START, path=["host/web-1", "rack/r17", "switch/s"])
    assert said[1] == "over host/web-1 < rack/r17 < switch/s"


def test_cause_unknown() -> None:
    """An alert that memory handed out without its cause still says what it can."""
    world = World(TREE).play("0s Hot on switch/s critical\n0s Slow on host/web-1 warning")
    said = explain(world["Slow@host/web-1"], None, Convergence(), START)
    assert said == ["suppressed: an alert explains it, 2 hops up, its onset no longer known"]


def test_silenced() -> None:
    """A silence is named with who said it and until when; what would explain the alert otherwise comes second."""
    world = (
        World(TREE)
        .silence("am", ("host/web-1", "0s", "1h"))
        .play("""
        0s  Hot on switch/s critical
        0s  Slow on host/web-1 warning
    """)
    )
    view, by = world["Slow@host/web-1"], world["Hot@switch/s"]
    silence = Silence(view.silence, "http://am:9093", (), START, START + HOUR, "kim", "moving racks")
    assert explain(view, by, Convergence(), START, silence=silence) == [
        "silenced by kim until 2026-01-07T11:00:00.000Z: moving racks (silence silence of host/web-1)",
        "were it not silenced, Hot on switch/s would explain it",
    ]
    assert explain(view, by, Convergence(), START)[0] == "silenced by silence silence of host/web-1"


def test_onset() -> None:
    """Where the onset is not startsAt, the reason says which it is."""
    settings = Convergence(for_={"Slow": 5 * MINUTE})
    world = World(TREE, settings).play("0s Slow on host/web-1 warning").until("1m")
    assert why(world, "Slow@host/web-1")[1] == "its onset counts 5m before its startsAt, the `for` of its rule"
    world = World(TREE).play("""
        0s   Hot on switch/s critical
        9m   Hot on rack/r17 critical
        9m   Slow on host/web-1 warning since=1m
        10m  Hot on switch/s ends
    """)
    assert why(world.until("13m"), "Slow@host/web-1")[-1].startswith("its onset counts from 2026-01-07T10:12:00.000Z")


def test_untold_too_long() -> None:
    """Who is told because explanations kept changing is told so."""
    parents = [f"power/{number}" for number in range(5)]
    world = World(f"{' '.join(parents)} > host/a").play("0s Slow on host/a warning")
    for number, parent in enumerate(parents):
        world.play(f"{max(3 * number * 60 - 5, 0)}s Hot on {parent} critical since={3 * number}m")
        if number:
            world.play(f"{3 * number}m Hot on {parents[number - 1]} ends")
    assert why(world, "Slow@host/a")[0] == (
        "root: its explanation changed, and by then nobody had heard of it for 10m (max_untold)"
    )


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        ({"severity": "disaster"}, ["its severity 'disaster' is not known, so it counts as warning (severities)"]),
        ({}, ["it has no severity, so it counts as warning (severities)"]),
        ({"severity": "page"}, []),
    ],
)
def test_a_severity_that_nobody_explained(severity: dict[str, str], expected: list[str]) -> None:
    """An alert whose severity the settings do not know says as what it counts."""
    view = World(TREE).play("0s Slow on host/web-1 warning").until("1m")["Slow@host/web-1"]
    odd = msgspec.structs.replace(view, labels=canonical({"alertname": "Slow", **severity}))
    assert explain(odd, None, Convergence(), START)[1:] == expected


def test_the_heartbeat_is_not_told() -> None:
    """The heartbeat is not told for what it is, whatever its severity."""
    view = World(TREE).play("0s Slow on host/web-1 none").until("1m")["Slow@host/web-1"]
    beat = msgspec.structs.replace(view, labels=canonical({"alertname": "Watchdog", "severity": "critical"}))
    said = ["never told: it is the heartbeat, which says only that monitoring lives"]
    assert explain(beat, None, Convergence(), START) == said
