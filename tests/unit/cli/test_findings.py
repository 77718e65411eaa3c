"""What the doctor makes of what it sees: each thing that is wrong is found, and nothing is found where nothing is."""

from typing import Any

import msgspec
import pytest

from healer.cli.exposition import Number, Numbers
from healer.cli.findings import Evidence, judge
from healer.times import MINUTE

WELL = """# HELP healer_ready Whether everything accepted is decided.
# TYPE healer_ready gauge
healer_ready 1
healer_store_available 1
healer_dead_letters 0
healer_quarantined 0
healer_journal_lag_records 0
healer_config_last_reload_successful 1
healer_alerts 100
healer_alerts_mapped 90
healer_alerts_unmapped 9
healer_topology_source_up{source="cmdb"} 1
healer_topology_source_refused{source="cmdb"} 0
healer_topology_source_age_seconds{source="cmdb"} 61.5
healer_topology_conflicts 0
healer_escalations_unfinished 0
healer_escalations_exhausted 0
healer_oncall_people{schedule="primary"} 1
healer_notifications_total{channel="duty",reason="delivered"} 7
healer_notifications_total{channel="duty",reason="rate_limited"} 2
"""
FINE = Evidence(
    not_ready="", numbers=Numbers(WELL), alerts=100, watchdogs=1, switches=(), refused=(), clock_apart=-2_000_000
)
SWITCH = {"scope": "rule:a", "paused": True, "by": "kim", "why": "network work", "at": "2026-01-07T10:00:00.000Z"}
REFUSED = {"at": "2026-01-07T10:00:00.000Z", "sender": "prom", "detail": "bad time", "labels": "{}", "index": 0}


def test_nothing_is_wrong_where_all_is_well() -> None:
    assert {finding.level for finding in judge(FINE)} == {"good"}


@pytest.mark.parametrize(
    ("changed", "what", "mend"),
    [
        ({"not_ready": "healer is not ready: the journal is being read"}, "the journal is being read", "log says why"),
        ({"numbers": {"healer_store_available 1": "healer_store_available 0"}}, "cannot be written", "free space"),
        (
            {"numbers": {"reload_successful 1": "reload_successful 0"}},
            "last reload was refused",
            "healer check --config",
        ),
        (
            {"owner": {"replica": "b", "converges": False, "owner": None, "epoch": 2}},
            "no replica converges",
            "takes over",
        ),
        ({"numbers": {"letters 0": "letters 3"}}, "3 messages could not be delivered", "notifications resend"),
        ({"numbers": {"quarantined 0": "quarantined 1"}}, "1 record could not be applied", "report"),
        ({"numbers": {"records 0": "records 20000"}}, "20,000 alerts wait", "too small"),
        ({"numbers": {"unmapped 9": "unmapped 25"}, "unplaced": ["Odd"]}, "78% of 115 alerts", "(Odd)"),
        ({"numbers": {'limited"} 2': 'limited"} 8'}}, "channel duty failed in 8 of 15", "channels.duty"),
        ({"numbers": {"# TYPE healer_ready gauge": 'healer_task_failures_total{task="owner"} 2'}}, "task owner", "log"),
        ({"numbers": {"_mapped 90": "_mapped 0", "unmapped 9": "unmapped 1"}}, "0% of 1 alert ", "nodes"),
        (
            {"numbers": {'up{source="cmdb"} 1': 'up{source="cmdb"} 0'}},
            "cmdb cannot be read, what it said 1m1s ago",
            "show",
        ),
        ({"numbers": {'refused{source="cmdb"} 0': 'refused{source="cmdb"} 1'}}, "not believed", "topology accept cmdb"),
        ({"numbers": {"unfinished 0": "unfinished 2"}}, "2 calls of escalations did not reach", "notifications list"),
        ({"numbers": {"exhausted 0": "exhausted 1"}}, "1 incident under way that nobody answered", "incidents ack"),
        ({"numbers": {'"primary"} 1': '"primary"} 0'}}, "on call now by the schedule primary", "healer oncall"),
        ({"watchdogs": 0}, "does not come in", "watchdog.yml"),
        ({"alerts": 0, "watchdogs": 0}, "no alert is known", "healer storm"),
        ({"clock_apart": 3 * MINUTE}, "3m ahead of", "time service"),
        ({"clock_apart": -3 * MINUTE}, "3m behind", "time service"),
    ],
)
def test_what_is_wrong_is_found_with_its_remedy(changed: dict[str, Any], what: str, mend: str) -> None:
    """Each thing that can be wrong is told with what to do about it."""
    if "numbers" in changed:
        page = WELL
        for old, new in changed["numbers"].items():
            assert old in page
            page = page.replace(old, new)
        changed = changed | {"numbers": Numbers(page)}
    wrong = [each for each in judge(msgspec.structs.replace(FINE, **changed)) if each.level == "wrong"]
    assert any(what in each.what and mend in each.mend for each in wrong), wrong


def test_what_may_be_meant_is_a_note() -> None:
    """A pause and refused alerts are told, and are not the installation's fault."""
    found = list(judge(msgspec.structs.replace(FINE, switches=[SWITCH], refused=[REFUSED])))
    notes = [each for each in found if each.level == "note"]
    assert [each.level for each in found if each.level == "wrong"] == []
    assert "by kim: network work" in notes[0].what
    assert "healer resume --scope rule:a" in notes[0].mend
    assert "bad time" in notes[1].what


def test_a_pause_file_is_a_note() -> None:
    """Whoever asks why nothing is repaired reads of the file, also where no switch is thrown."""
    found = list(judge(msgspec.structs.replace(FINE, halted="the file /stop is there: remove it")))
    assert [each.what for each in found if each.level == "note"] == ["paused: the file /stop is there: remove it"]


def test_a_switch_that_was_released_is_no_news() -> None:
    released = msgspec.structs.replace(FINE, switches=[SWITCH | {"paused": False}])
    assert list(judge(released)) == list(judge(FINE))


def test_numbers_are_read_as_prometheus_writes_them() -> None:
    """Comments, escapes and exponents are read; what is no line of the format is passed over."""
    numbers = Numbers('# HELP a b\na{x="1\\"2\\\\\\n",y=""} 1.5e3\na 2\n???\nb NaN\n')
    assert numbers.each("a")[0] == Number("a", {"x": '1"2\\\n', "y": ""}, 1500.0)
    assert numbers.one("missing") is None


def test_too_few_alerts_on_nodes_come_first() -> None:
    """Below 80 % the share of mapped alerts is the first thing that is said."""
    page = WELL.replace("_mapped 90", "_mapped 1").replace("available 1", "available 0")
    first = next(judge(msgspec.structs.replace(FINE, numbers=Numbers(page), not_ready="starting", watchdogs=0)))
    assert (first.level, first.what[:3]) == ("wrong", "10%")


def test_alerts_that_are_about_no_node_are_no_loss() -> None:
    """An installation with nothing but its Watchdog has no unmapped alert."""
    page = WELL.replace("_mapped 90", "_mapped 0").replace("unmapped 9", "unmapped 0")
    assert [each for each in judge(msgspec.structs.replace(FINE, numbers=Numbers(page))) if each.level != "good"] == []


def test_unknown_severities_are_listed() -> None:
    """Severities that count as warning because nobody said what they mean are named, a missing one too."""
    page = WELL + 'healer_unknown_severity{severity="disaster"} 1\nhealer_unknown_severity{severity=""} 1\n'
    (note,) = [each for each in judge(msgspec.structs.replace(FINE, numbers=Numbers(page))) if each.level == "note"]
    assert note.what.endswith("none at all, 'disaster'")
    assert "convergence.severities" in note.mend


def test_sources_that_disagree_are_a_note() -> None:
    """Which of them is right only a person knows."""
    page = Numbers(WELL.replace("conflicts 0", "conflicts 3"))
    (note,) = [one for one in judge(msgspec.structs.replace(FINE, numbers=page)) if one.level != "good"]
    assert (note.level, "disagree about 3 facts" in note.what) == ("note", True)


@pytest.mark.parametrize(
    ("owner", "said"),
    [
        (
            {"replica": "a", "converges": True, "owner": {"replica": "a", "url": "http://a"}, "epoch": 3},
            "a converges (epoch 3)",
        ),
        (
            {"replica": "b", "converges": False, "owner": {"replica": "a", "url": "http://a"}, "epoch": 3},
            "b follows a at http://a, which converges",
        ),
    ],
)
def test_which_replica_converges_is_said(owner: dict[str, Any], said: str) -> None:
    """Of several on one store; where there is only one, nothing is said of it."""
    found = judge(msgspec.structs.replace(FINE, owner=owner))
    assert said in [finding.what for finding in found if finding.level == "good"]
    alone = {"replica": None, "converges": True, "owner": None, "epoch": None}
    assert list(judge(msgspec.structs.replace(FINE, owner=alone))) == list(judge(FINE))


def agent(name: str, status: str = "active", paused: str | None = None) -> dict[str, Any]:
    return {"name": name, "status": status, "paused": paused}


@pytest.mark.parametrize(
    ("agents", "level", "what", "mend"),
    [
        ([], "note", "none is enrolled", "healer agents invite"),
        ([agent("a", "invited")], "note", "none is enrolled", "healer agents invite"),
        ([agent("a"), agent("b"), agent("c", "invited")], "good", "2 agents enrolled, and all are active", ""),
        ([agent("a"), agent("b", "inactive")], "wrong", "1 of 2 agents inactive: b", "journalctl -u healer-agent"),
        (
            [agent(each, "inactive") for each in "abcdefg"],
            "wrong",
            "7 of 7 agents inactive: a, b, c, d, e and 2 more",
            "",
        ),
        ([agent("a", paused="a file is there")], "note", "1 agent begins nothing: a", "healer agents list"),
    ],
)
def test_agents_are_counted(agents: list[dict[str, Any]], level: str, what: str, mend: str) -> None:
    """How many are there, which are not, and what to do about it."""
    said = list(judge(msgspec.structs.replace(FINE, agents=agents)))
    assert any(each.level == level and what in each.what and mend in each.mend for each in said), said


def test_without_a_door_for_agents_nothing_is_said_of_them() -> None:
    """Nor by a replica that no agent dials."""
    assert not [each for each in judge(FINE) if "agent" in each.what]
