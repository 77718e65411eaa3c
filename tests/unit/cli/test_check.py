"""`healer check`: everything that is wrong, at once, with its place; and what a rule leaves unsaid."""

from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest

from healer.bootstrap import CannotStart, read_plan
from healer.cli.main import main
from healer.settings import load_settings

RULE = """rule "restart it"
  on event: "ServiceDown"
  then: execute("restart_service", unit: "api.service")
"""
TOPOLOGY = "nodes: [{id: rack/a, children: [{id: host/a}]}]\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a topology and a rule, all good."""
    (tmp_path / "topology.yaml").write_text(TOPOLOGY)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.heal").write_text(RULE)
    file = tmp_path / "healer.yaml"
    file.write_text("topology: {sources: [{file: topology.yaml}]}\nrules: {paths: [rules/]}\n")
    return file


def test_a_good_configuration(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was checked is named, and each rule with what it leaves to the defaults."""
    assert main(["check", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert "2 nodes, 1 edge" in said
    assert "'restart it': mode suggest" in said
    assert "verify is not said: healthy(node) stable 5m within 15m\n" in said
    assert "limit is not said: 1 per 30m per node" in said
    assert said.endswith("all good\n")


def test_every_mistake_of_every_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two rule files, a topology: one call says all that is wrong with them."""
    folder = config.parent
    (folder / "topology.yaml").write_text("nodes: [a, a]\nedges: [[a, b], [a, a]]\n")
    (folder / "rules" / "own.heal").write_text(RULE.replace("restart_service", "restart_servce"))
    (folder / "rules" / "second.heal").write_text(RULE.replace("on event:", "on evnt:"))
    assert main(["check", "--config", str(config)]) == 1
    said = capsys.readouterr().out
    assert "topology.yaml:1:12" in said
    assert "an edge to nowhere" in said
    assert "an edge from a to itself" in said
    assert "own.heal:3:17: error[E0203]" in said
    assert "^^^" in said
    assert "second.heal:2:" in said
    assert "nothing of this is used until the errors are mended" in said


def test_a_bad_configuration_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "healer.yaml"
    file.write_text("place: shadw\nconvergence: {window: 10}\n")
    assert main(["check", "--config", str(file)]) == 1
    said = capsys.readouterr().out
    assert f"{file}:1:8: place:" in said
    assert f"{file}:2:23: convergence.window:" in said


def test_single_files_are_told_apart(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A path may be a rule, a folder of rules, a topology or a configuration."""
    folder = config.parent
    assert main(["check", str(folder / "rules"), str(folder / "topology.yaml"), str(config)]) == 0
    said = capsys.readouterr().out
    assert "own.heal: 1 rule" in said
    assert "topology.yaml: 2 nodes" in said
    assert "a good configuration" in said


@pytest.mark.parametrize(
    ("paths", "said"),
    [(["missing.heal"], "cannot be read: No such file"), (["missing.yaml"], "cannot be read: No such file")],
)
def test_what_is_not_there_is_an_error(
    paths: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *(str(tmp_path / path) for path in paths)]) == 1
    assert said in capsys.readouterr().out


def test_an_unknown_pack_is_an_error(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("rules: {packs: [nod]}\n")
    assert main(["check", "--config", str(config)]) == 1
    assert "there is no pack 'nod'" in capsys.readouterr().out


def test_the_same_for_programs(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config.parent / "rules" / "own.heal").write_text('rule "x"\n')
    assert main(["check", "--json", "--config", str(config)]) == 1
    found = msgspec.json.decode(capsys.readouterr().out)
    assert len(found["errors"]) >= 1
    assert found["checked"][0].endswith("tells nobody")


def test_rules_are_held_to_the_kinds_and_channels_of_their_configuration(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kind of node that the topology has may be named; one that nothing is of, and a channel that is not there, may not."""
    own = config.parent / "rules" / "own.heal"
    config.write_text(config.read_text() + "channels: {here: {type: terminal}}\n")
    (config.parent / "topology.yaml").write_text("nodes: [{id: blade_centre/a, children: [{id: host/a}]}]\n")
    good = 'on event: "A"\nwhen: topology.blade_centre == "a" AND kind != blade_centre\nthen: notify("here")\n'
    own.write_text(good)

    assert main(["check", "--config", str(config)]) == 0

    own.write_text(good.replace("topology.blade_centre", "topology.blade_center").replace("here", "heer"))
    assert main(["check", "--config", str(config)]) == 1
    said = capsys.readouterr().out
    assert "`blade_center` is no kind of node" in said
    assert "there is no channel, person or schedule `heer`" in said


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        (
            "up{a={{ node.name }}}",
            "`{{ node.name }}` stands outside a quoted PromQL string: write '{{ node.name }}', as",
        ),
        ("up{a='{{ nodename }}'}", "`nodename` is no name that can stand in a query"),
    ],
)
def test_a_health_query_that_could_never_be_asked(
    config: Path, capsys: pytest.CaptureFixture[str], query: str, wrong: str
) -> None:
    """A query under `health` that cannot be filled in is an error here, not an unknown for ever; serve refuses it too."""
    config.write_text(config.read_text() + f'health: {{rack: "{query}"}}\n')

    assert main(["check", "--config", str(config)]) == 1
    assert f"health.rack: {wrong}" in capsys.readouterr().out
    with pytest.raises(CannotStart, match=r"^health\.rack: "):
        read_plan(load_settings(config))


def test_what_programs_read(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has each problem of a rule with its code and place; a JUnit report has one case for each error."""
    (config.parent / "rules" / "own.heal").write_text(RULE.replace("restart_service", "restart_servce"))
    report = config.parent / "report.xml"
    assert main(["check", "--config", str(config), "--json", "--junit", str(report)]) == 1
    (problem,) = msgspec.json.decode(capsys.readouterr().out)["problems"]
    assert (problem["code"], problem["line"], problem["column"]) == ("E0203", 3, 17)
    assert problem["hint"] == "did you mean `restart_service`?"
    assert report.read_text().count("<failure") == 1


def test_a_calendar_is_read(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A calendar of the configuration is named with its entries; a mistake in it has its place."""
    calendar = config.parent / "cal.yaml"
    config.write_text(config.read_text() + "calendars: {freeze: cal.yaml}\n")
    calendar.write_text("- {from: 2026-02-16T00:00:00+08:00, to: 2026-02-24T00:00:00+08:00, why: holidays}\n")
    assert main(["check", "--config", str(config)]) == 0
    assert "calendar freeze, 1 entry" in capsys.readouterr().out
    for wrong in ("- {from: soon, to: later}\n", "- {from: 2026-02-16T00:00:00Z}\n", "x: 1\n"):
        calendar.write_text(wrong)
        assert main(["check", "--config", str(config)]) == 1
        assert "cal.yaml:1:" in capsys.readouterr().out
    calendar.write_text("- {from: 2026-02-16T00:00:00Z, to: 2026-02-15T00:00:00Z}\n")
    assert main(["check", "--config", str(config)]) == 1
    assert "is not after from" in capsys.readouterr().out


def test_a_folder_has_its_limits(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a folder's rules may not use is refused where they are checked, and where the service would start."""
    config.write_text(config.read_text().replace("[rules/]", "[{path: rules/, owner: team-a, actions: [reboot_node]}]"))
    assert main(["check", "--config", str(config)]) == 1
    assert "error[E0210]: rules of team-a may not use restart_service" in capsys.readouterr().out
    with pytest.raises(CannotStart, match="E0210"):
        read_plan(load_settings(config))


@pytest.mark.parametrize("kind", ["pod", "pool", "blade"])
def test_every_command_knows_the_kinds_that_the_service_knows(
    config: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Those that sources will bring too: what `check` accepts, `test`, `plan` and the service accept, and nothing else."""
    config.write_text("rules: {paths: [rules/]}\ntopology: {sources: [{kubernetes: {}}], kinds: [pool]}\n")
    test = 'test "t"\n  given: alert "Other" {severity: "warning"}\n  expect: nothing\n'
    own = config.parent / "rules" / "own.heal"
    own.write_text(
        f'rule "r"\n  on event: "X"\n  when: kind == {kind}\n  then: execute("collect_diagnostics")\n\n{test}'
    )
    alert = config.parent / "alert.json"
    alert.write_text('{"labels": {"alertname": "X"}}')
    for command in (["check"], ["test"], ["plan", str(alert)]):
        assert main([*command, "--config", str(config)]) == (1 if kind == "blade" else 0), command
        assert ("E0201" in "".join(capsys.readouterr())) is (kind == "blade")
    with pytest.raises(CannotStart, match="`blade` is not a name") if kind == "blade" else nullcontext():
        read_plan(load_settings(config))


def test_who_is_asked_has_to_be_somebody(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where accounts have teams: a name in a rule that nobody has, and more people than there are, are warned of."""
    asks = '  approve: "sre" within 5m else "lead" within 5m else 2 of "ann" within 5m\n  mode: auto\n'
    (config.parent / "rules" / "own.heal").write_text(RULE + asks)
    assert main(["check", "--config", str(config)]) == 0
    assert "asks" not in capsys.readouterr().out
    token = f"sha256:{'0' * 64}"
    users = f"server: {{auth: {{users: {{ann: {{role: operator, teams: [sre], tokens: ['{token}']}}}}}}}}\n"
    config.write_text(users + config.read_text())
    assert main(["check", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert "'restart it' asks 'lead', and no account with a token belongs to that" in said
    assert "'restart it' asks 'ann' for 2 people, and there are 1: it cannot be approved" in said
    assert "asks 'sre'" not in said
