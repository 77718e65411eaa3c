"""What bootstrap says before anything is started."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

import notifiers
import rules
from healer.bootstrap import CannotStart, check_distributions, read_plan, rule_files, starting, tls_context
from healer.bootstrap.drawing import pencil
from healer.cli.failure import Failure
from healer.cli.main import main
from healer.journey.charter import charter, documents
from healer.journey.records import Adopted
from healer.settings import Settings, load_settings, parse_settings


def other(folder: Path, name: str, text: str) -> ModuleType:
    """Another distribution's package of the same name."""
    file = folder / name / "__init__.py"
    file.parent.mkdir()
    file.write_text(text)
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_our_own_packages_are_ours() -> None:
    """Nothing is said where nothing is wrong."""
    check_distributions()


@pytest.mark.parametrize("name", ["rules", "notifiers"])
@pytest.mark.parametrize("text", ["", "DISTRIBUTION = 'python-rules'"])
def test_another_distributions_package_in_our_place_is_named(
    name: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which package, where it lies, and what to do about it."""
    monkeypatch.setattr(starting, name, other(tmp_path, name, text))
    with pytest.raises(CannotStart) as said:
        check_distributions()
    assert f"another distribution's package '{name}' ({tmp_path}/{name}/__init__.py)" in str(said.value)
    assert "install healer into an environment of its own" in str(said.value)


def test_ours_are_the_ones_that_python_finds() -> None:
    """The sentinel is in the packages that are imported, not in copies."""
    assert sys.modules["rules"] is rules
    assert sys.modules["notifiers"] is notifiers
    assert (rules.DISTRIBUTION, notifiers.DISTRIBUTION) == ("healer", "healer")


def settings(folder: Path, text: str) -> Settings:
    file = folder / "healer.yaml"
    file.write_text(text)
    return load_settings(file)


def test_rule_files_are_found_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Also in folders below; files of another kind are left alone."""
    for name in ("b.heal", "a.heal", "below/c.heal", "notes.txt"):
        file = tmp_path / "rules" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("# nothing\n")
    found = rule_files(settings(tmp_path, "rules: {paths: [rules/, rules/b.heal]}\n"))
    names = [str(file.relative_to(tmp_path / "rules")) for file in found]
    assert names == ["a.heal", "b.heal", "below/c.heal", "b.heal"]


def test_a_plan_is_what_the_files_say(tmp_path: Path) -> None:
    """Settings that decide, the topology, the rules as they were written."""
    (tmp_path / "t.yaml").write_text("nodes: [{id: rack/a, children: [{id: host/a}]}]\n")
    rule = 'rule "x"\n  on event: "Down"\n  then: notify("duty")\n'
    (tmp_path / "x.heal").write_text(rule)
    text = (
        "topology: {sources: [{file: t.yaml}]}\nconvergence: {settle: 3m}\n"
        "rules: {paths: [x.heal]}\nchannels: {duty: {type: terminal}}\n"
    )
    plan = read_plan(settings(tmp_path, text))
    assert [node.id for node in plan.topology.nodes] == ["host/a", "rack/a"]
    assert [one.text for one in plan.rules] == [rule]
    assert plan.deciding.convergence.settle == 180_000_000
    assert plan.deciding.dry_run
    assert plan.deciding.heartbeat == "Watchdog"


def test_a_missing_certificate_is_said_before_listening(tmp_path: Path) -> None:
    """The setting is named, and what the system says about it."""
    text = "server: {tls: {cert: cert.pem, key: key.pem}}\n"
    with pytest.raises(CannotStart, match=r"server\.tls: .*No such file"):
        tls_context(settings(tmp_path, text))


def test_a_rule_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """Serving without a rule that somebody wrote would be worse than not serving."""
    (tmp_path / "healer.yaml").write_text("rules: {paths: [gone.heal]}\n")
    with pytest.raises((CannotStart, Failure), match=r"gone\.heal"):
        read_plan(settings(tmp_path, "rules: {paths: [gone.heal]}\n"))


@pytest.mark.parametrize("content", [b'rule "\xff"\n', b"\xff\xfe\x00"])
def test_a_rule_file_that_is_not_text_stops_the_start_with_its_place(tmp_path: Path, content: bytes) -> None:
    """No traceback: which file, which line, and that it is not UTF-8."""
    (tmp_path / "bad.heal").write_bytes(content)
    with pytest.raises(CannotStart, match=r"bad\.heal:1:\d+: error\[E0103\]"):
        read_plan(settings(tmp_path, "rules: {paths: [bad.heal]}\n"))


def test_a_rule_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    """Which one, and what the system says."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "dangling.heal").symlink_to("nowhere")
    with pytest.raises(CannotStart, match=r"dangling\.heal cannot be read: No such file"):
        read_plan(settings(tmp_path, "rules: {paths: [rules/]}\n"))


def test_a_pack_that_does_not_exist_stops_the_start(tmp_path: Path) -> None:
    """With the names of those that do."""
    with pytest.raises(CannotStart, match=r"rules\.packs: there is no pack 'nod'; there are .*node"):
        read_plan(settings(tmp_path, "rules: {packs: [nod]}\n"))


def test_rules_with_the_line_ends_of_another_system_decide_the_same_after_a_restart(tmp_path: Path) -> None:
    """What is kept is what was compiled, to the byte."""
    (tmp_path / "x.heal").write_bytes(b'rule "x"\r\n  on event: "Down"\r\n  then: notify("duty")\r\n')
    plan = read_plan(settings(tmp_path, "rules: {paths: [x.heal]}\nchannels: {duty: {type: terminal}}\n"))
    kept = documents(plan.deciding, plan.topology, plan.rules)
    (rule,) = charter(Adopted("t", "s", "r"), kept).ruleset.listening("Down")
    assert rule.name == "x"


def test_serve_says_it_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package in our place: one plain sentence, and nothing is listening."""
    monkeypatch.setattr(starting, "rules", other(tmp_path, "rules", ""))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "healer.yaml").write_text("server: {listen: '127.0.0.1:0'}\n")
    assert main(["serve", "--config", str(tmp_path / "healer.yaml")]) == 1
    said = capsys.readouterr()
    assert "cannot start: another distribution's package 'rules'" in said.out + said.err
    assert "Traceback" not in said.out + said.err
    assert not (tmp_path / "data").exists()


def test_pictures_without_their_extra_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named before anything is told, and only where a channel wants pictures."""
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    chat = "channels: {duty: {type: telegram, token: {env: TOKEN}, chat_id: 1, pictures: %s}}"
    assert pencil(parse_settings(chat % "false", {"TOKEN": "1:T"})) is None
    with pytest.raises(CannotStart, match=r"channels: a channel with pictures needs the extra pictures"):
        pencil(parse_settings(chat % "true", {"TOKEN": "1:T"}))
