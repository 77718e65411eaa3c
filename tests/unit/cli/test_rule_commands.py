"""`healer test`, `fmt` and `plan`: exit codes, JSON, JUnit, and that nothing is touched."""

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pytest

from healer.cli.main import main

RULE = """rule "restart it"
  on event: "ServiceDown"
  when: severity >= critical
  then: execute("restart_service", unit: "api.service")
  verify: query("up") == 1 within 5m
  limit: 1 per 1h per node
  mode: auto

test "it is restarted"
  given: node "host/a" {instance: "a"}
  given: alert "ServiceDown" {node: "host/a", severity: "critical"}
  given: query("up") is 1
  expect: execute("restart_service") on "host/a"
"""
FAILS = RULE.replace('on "host/a"\n', 'on "host/b"\n')


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with one file of rules."""
    (tmp_path / "own.heal").write_text(RULE)
    return tmp_path


def test_tests_that_pass(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, each test by name, and as JSON."""
    assert main(["test", str(rules)]) == 0
    assert "passed  it is restarted" in capsys.readouterr().out
    assert main(["test", str(rules), "--json"]) == 0
    (item,) = msgspec.json.decode(capsys.readouterr().out)["items"]
    assert (item["name"], item["passed"], item["failures"]) == ("it is restarted", True, [])


def test_tests_that_fail(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, what was expected, what happened instead; the same in a JUnit report."""
    (rules / "own.heal").write_text(FAILS)
    report = rules / "report.xml"
    assert main(["test", str(rules), "--junit", str(report)]) == 1
    said = capsys.readouterr().out
    assert 'line 13: expected execute("restart_service") on "host/b"' in said
    assert "restart it: restart_service on host/a" in said
    suite = ET.parse(report).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert 'on "host/b"' in (suite[0][0].text or "")


def test_the_health_of_an_object_is_its_status(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the configuration has a cluster, a pod is well as the service would see it: by its status."""
    (rules / "own.heal").write_text(
        'rule "r"\n  on event: "Hangs"\n  then: execute("delete_pod")\n  mode: auto\n'
        "  verify: healthy(node) stable 1m within 10m\n  limit: 1 per 1h per node\n\n"
        'test "t"\n  given: node "pod/shop" {kind: "pod"}\n  given: alert "Hangs" {node: "pod/shop", severity: "critical"}\n'
        '  given: query("status of pod/shop") is 0, 1 after 2m\n  expect: outcome succeeded\n'
    )
    (rules / "healer.yaml").write_text(
        "rules: {paths: [own.heal]}\ntopology: {kinds: [pod]}\nexecutors: {kubernetes: {}}\n"
    )
    assert main(["test", str(rules)]) == 1
    assert main(["test", "--config", str(rules / "healer.yaml")]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [("", 1, "no test"), ('rule "a"\n  on evnt: "X"\n', 1, "E0104")],
)
def test_what_cannot_be_tested(
    rules: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, said: str
) -> None:
    """Files without a test, and files with a mistake, do not pass."""
    (rules / "own.heal").write_text(text)
    assert main(["test", str(rules)]) == code
    assert said in "".join(capsys.readouterr())


def test_fmt(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` changes nothing and fails; `fmt` rewrites; then all is as it should be."""
    file = rules / "own.heal"
    file.write_text(RULE.replace("  then:", "     then :"))
    before = file.read_text()
    assert main(["fmt", "--check", str(rules)]) == 1
    assert file.read_text() == before
    assert main(["fmt", str(rules)]) == 0
    assert file.read_text() == RULE
    capsys.readouterr()
    assert main(["fmt", "--check", "--json", str(rules)]) == 0
    assert msgspec.json.decode(capsys.readouterr().out) == {"files": 1, "changed": [], "errors": []}


def test_plan(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a service: the rules that listen, clause by clause, the plan, the guards; and that nothing was run."""
    alert = rules / "alert.json"
    alert.write_text('{"labels": {"alertname": "ServiceDown", "node": "host/a", "severity": "critical"}}')
    topology = rules / "topology.yaml"
    topology.write_text("nodes: [{id: host/a}]\n")
    config = rules / "healer.yaml"
    config.write_text(
        "place: only\ntopology: {sources: [{file: topology.yaml}]}\nrules: {paths: [own.heal], dry_run: false}\n"
    )
    assert main(["plan", str(alert), "--config", str(config), "--json"]) == 0
    found = msgspec.json.decode(capsys.readouterr().out)
    assert found["ran"] is False
    assert found["incident"]["node"] == "host/a"
    (rule,) = found["rules"]
    assert rule["would_start"] is True
    assert rule["clauses"][0]["because"] == ["severity >= critical holds: severity is critical"]
    (step,) = found["plan"]["steps"]
    assert step["preview"]["argv"] == ["/usr/bin/systemctl", "restart", "api.service"]
    assert {guard["guard"]: guard["allows"] for guard in step["guards"]}["only roots"] is True
    assert found["plan"]["would_be"] == "run"
    assert main(["plan", str(alert), "--config", str(config)]) == 0
    assert capsys.readouterr().out.endswith("nothing was run, and nothing was changed\n")


def test_plan_without_a_topology(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By rules alone: an alert without a node has its incident, and the plan says what it lacks."""
    alert = rules / "alert.json"
    alert.write_text('{"labels": {"alertname": "ServiceDown", "node": "host/a", "severity": "critical"}}')
    assert main(["plan", str(alert), "--rules", str(rules / "own.heal")]) == 0
    assert "no target: the incident has no node" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"labels": {"a": 1}}', '{"labels": {"a": "b"}, "startsAt": "now"}'])
def test_plan_for_no_alert(rules: Path, text: str) -> None:
    """What is no alert is refused as a wrong call."""
    alert = rules / "alert.json"
    alert.write_text(text)
    assert main(["plan", str(alert), "--rules", str(rules / "own.heal")]) == 2
