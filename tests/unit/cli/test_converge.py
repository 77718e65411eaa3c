"""`healer converge`: storms from files through the engine, without a service."""

import json
from pathlib import Path
from typing import Any

import pytest

from healer.cli.main import main

GRAPH = {
    "nodes": [{"id": "switch/s"}, {"id": "host/a"}, {"id": "host/b"}, {"id": "host/c"}],
    "edges": [["switch/s", "host/a"], ["switch/s", "host/b"]],
}


def firing(name: str, node: str, minute: int, ends: int = 0) -> dict[str, Any]:
    end = {"endsAt": f"2026-01-07T10:{ends:02}:00Z"} if ends else {}
    labels = {"alertname": name, "node": node, "severity": "critical"}
    return {"labels": labels, "startsAt": f"2026-01-07T10:{minute:02}:00Z", **end}


def case(tmp_path: Path, name: str, *alerts: dict[str, Any]) -> str:
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps({"case": name, "topology": GRAPH, "alerts": alerts, "root_causes": ["switch/s"]}))
    return str(file)


def converged(capsys: pytest.CaptureFixture[str], *files: str) -> list[dict[str, Any]]:
    assert main(["converge", *files, "--json"]) == 0
    items: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["items"]
    return items


def test_a_switch_and_its_hosts_are_one_incident_with_the_switch_as_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storm = [firing("HostDown", "host/a", 1), firing("HostDown", "host/b", 1), firing("SwitchDown", "switch/s", 0)]
    [item] = converged(capsys, case(tmp_path, "one", *storm))
    [incident] = item["incidents"]
    assert item["case"] == "one"
    assert incident["root"]["node"] == "switch/s"
    assert incident["severity"] == "critical"
    assert incident["title"] == "SwitchDown on switch/s"
    assert incident["suppressed_count"] == 2
    told = [(alert["status"], alert["labels"]["node"]) for alert in incident["alerts"]]
    assert told == [("root", "switch/s"), ("suppressed", "host/a"), ("suppressed", "host/b")]
    assert "explains it, 1 hop up" in incident["alerts"][1]["reason"]


def test_an_alert_that_ended_is_shown_as_it_was_judged_while_it_fired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storm = [firing("HostDown", "host/a", 1, ends=20), firing("SwitchDown", "switch/s", 0, ends=20)]
    [item] = converged(capsys, case(tmp_path, "one", *storm))
    [incident] = item["incidents"]
    assert incident["status"] == "resolved"
    assert [alert["status"] for alert in incident["alerts"]] == ["root", "suppressed"]


def test_files_are_shown_in_the_order_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [case(tmp_path, name, firing("HostDown", "host/c", 1)) for name in ("b", "a")]
    assert [item["case"] for item in converged(capsys, *files)] == ["b", "a"]


def test_without_json_it_is_told_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["converge", case(tmp_path, "one", firing("HostDown", "host/c", 1))]) == 0
    said = capsys.readouterr().out
    assert "one: 1 alert, 1 incident" in said
    assert "HostDown on host/c (critical, direct)" in said


@pytest.mark.parametrize("what", ["missing", "folder", "bad"])
def test_a_file_that_cannot_be_used_is_named_with_what_would_be_right(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Called wrong: exit code 2, nothing on standard output."""
    (tmp_path / "bad.json").write_text("{}")
    (tmp_path / "folder").mkdir()
    files = {"missing": tmp_path / "none.json", "folder": tmp_path / "folder", "bad": tmp_path / "bad.json"}
    assert main(["converge", str(files[what])]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert str(files[what]) in said.err


CALLS = {
    "nodes": [{"id": name} for name in ("shop", "cart", "db", "mail")],
    "edges": [["cart", "shop"], ["db", "cart"], ["mail", "shop"]],
}


def degraded(name: str, node: str, severity: str) -> dict[str, Any]:
    labels = {"alertname": name, "node": node, "severity": severity}
    return {"labels": labels, "startsAt": "2026-01-07T10:00:00Z"}


def test_the_named_root_may_sit_beneath_another_and_is_shown_as_the_root(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`root` is the first candidate; what the rules put above it is a member of the same incident, and there is one root."""
    storm = [degraded("LatencyHigh", "db", "critical"), degraded("LatencyHigh", "shop", "warning")]
    storm += [degraded(name, "cart", "critical") for name in ("CPUHigh", "MemoryHigh", "ErrorRateHigh")]
    file = tmp_path / "calls.json"
    file.write_text(json.dumps({"case": "calls", "topology": CALLS, "alerts": storm}))
    [incident] = converged(capsys, str(file))[0]["incidents"]
    assert incident["how"] == "ranked"
    assert incident["root"]["node"] == incident["candidates"][0]["node"] == "cart"
    roots = [alert for alert in incident["alerts"] if alert["status"] == "root"]
    assert [alert["fingerprint"] for alert in roots] == [incident["root"]["fingerprint"]]
    assert incident["title"].endswith("on cart")
    assert {"db", "shop"} <= {candidate["node"] for candidate in incident["candidates"]}
    assert all(candidate["why"] for candidate in incident["candidates"])


def test_a_suspect_without_an_alert_is_shown_and_not_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    storm = [degraded("LatencyHigh", "shop", "warning"), degraded("LatencyHigh", "cart", "warning")]
    file = tmp_path / "calls.json"
    file.write_text(json.dumps({"case": "calls", "topology": CALLS, "alerts": storm}))
    [incident] = converged(capsys, str(file))[0]["incidents"]
    silent = [candidate["node"] for candidate in incident["candidates"] if candidate["fingerprint"] is None]
    assert "db" in silent
    assert incident["candidates"][0]["fingerprint"] == incident["root"]["fingerprint"]


def test_files_are_one_history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same storm is weighed otherwise after others: what came with each of them says less."""
    storm = [degraded("LatencyHigh", "shop", "warning"), degraded("LatencyHigh", "mail", "warning")]
    files = []
    for number in range(6):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps({"case": str(number), "topology": CALLS, "alerts": storm}))
        files.append(str(file))
    items = converged(capsys, *files)
    scores = [[candidate["score"] for candidate in item["incidents"][0]["candidates"]] for item in items]
    assert scores[0] != scores[-1]
    assert converged(capsys, *files) == items
