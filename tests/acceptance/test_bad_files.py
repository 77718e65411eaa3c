"""Rules, topologies and configurations that make no sense are refused, with the place of every mistake."""

from itertools import pairwise
from pathlib import Path

import pytest

from healer.cli.main import main
from rules import CODES
from tests.acceptance.commands import healer_says
from tests.unit.rules.test_mistakes import MISTAKES

CONFIG = "server: {listen: '127.0.0.1:0'}\n"


def refused(folder: Path) -> tuple[str, str]:
    """What `healer check` and `healer serve` say of a configuration that neither accepts; nothing is left behind."""
    check = healer_says("check", "--config", "healer.yaml", folder=folder)
    serve = healer_says("serve", "--config", "healer.yaml", folder=folder)
    assert (check.code, serve.code) == (1, 1)
    assert "cannot start" in serve.text
    assert not (folder / "data").exists()
    return check.text, serve.text


BESIDE = {
    "E0103": b'rule "\xff"\n',
    "E0205": b'rule "kind"\n  on event: "X"\n  when: topology.blade == "b"\n  then: notify("oncall")\n',
    "E0208": b'rule "channel"\n  on event: "X"\n  then: notify("nobody")\n',
    "E0209": b'rule "calendar"\n  on event: "X"\n  then: notify("oncall")\n  except: calendar("freze")\n',
}
"""Mistakes that are none by the text alone."""

OF_A_TEAM = {
    "E0210": b'rule "action"\n  on event: "X"\n  then: execute("collect_diagnostics")\n',
    "E0505": b'rule "mode"\n  on event: "X"\n  then: notify("oncall")\n  mode: auto\n',
}
"""Mistakes that are none in every folder."""
LACKING = ("E0601", "E0602")
"""What is said where a healer cannot carry out a part of the language; this one carries out all of it."""


def test_every_kind_of_mistake_in_a_rule_is_refused_with_its_place(tmp_path: Path) -> None:
    """By `healer check` and by `healer serve`: file, line, column and code of each, all at once."""
    rules = tmp_path / "rules"
    rules.mkdir()
    known = [code for code in CODES if code.startswith("E") and code not in LACKING]
    mistakes = [one for one in reversed(MISTAKES) if one[1] in known and one[1] not in BESIDE]
    first = {code: (text, line, column) for text, code, line, column in mistakes}
    for number, (code, (text, _, _)) in enumerate(first.items()):
        # Names of one letter, so that the columns stay: two rules of one name would be one more mistake.
        (rules / f"{code}.heal").write_text(text.replace('"r"', f'"{chr(ord("一") + number)}"'), encoding="utf-8")
    for code, content in BESIDE.items():
        (rules / f"{code}.heal").write_bytes(content)
    (tmp_path / "team").mkdir()
    for code, content in OF_A_TEAM.items():
        (tmp_path / "team" / f"{code}.heal").write_bytes(content)
    (tmp_path / "topology.yaml").write_text("nodes: [{id: host/a}]\n")
    team = "{path: team/, owner: team-a, actions: [restart_service], mode_at_most: approve}"
    (tmp_path / "healer.yaml").write_text(
        CONFIG
        + f"rules: {{paths: [rules/, {team}]}}\n"
        + "topology: {sources: [{file: topology.yaml}]}\n"
        + "channels: {oncall: {type: terminal}}\n"
    )
    places = [f"rules/{code}.heal:{line}:{column}: error[{code}]" for code, (_, line, column) in first.items()]
    places += [
        "rules/E0103.heal:1:1: error[E0103]",
        "rules/E0205.heal:3:9: error[E0205]",
        "rules/E0208.heal:3:16: error[E0208]",
        "rules/E0209.heal:4:20: error[E0209]",
        "team/E0210.heal:3:17: error[E0210]",
        "team/E0505.heal:4:3: error[E0505]",
    ]
    assert {place.partition("/")[2][:5] for place in places} == set(known)
    for text in refused(tmp_path):
        assert [place for place in places if place not in text] == []


MISDRAWN: dict[str, tuple[bytes, str]] = {
    "twice.yaml": (b"nodes: [a, b, a]\n", "twice.yaml:1:15: nodes[2]: the node a is given twice"),
    "nowhere.yaml": (b"nodes: [c]\nedges:\n  - [c, d]\n", "nowhere.yaml:3:"),
    "itself.yaml": (b"nodes: [e]\nedges:\n  - [e, e]\n", "itself.yaml:3:"),
}
NINE = b", ".join([b"*%c"] * 9)
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "utf8.yaml": (b"nodes: [\xff]\n", "utf8.yaml: not UTF-8 at byte 8"),
    "half.yaml": (b"nodes: [f\n", "half.yaml:2:1: not YAML"),
    "aliases.yaml": (
        b"a: &a [x, x, x, x, x, x, x, x, x]\n"
        + b"".join(b"%c: &%c [" % (n, n) + NINE % ((m,) * 9) + b"]\n" for m, n in pairwise(b"abcdefgh")),
        "aliases.yaml:7:16: g: more than 2000000 values",
    ),
    "half.json": (b'{"nodes": [', "half.json: not JSON"),
}


@pytest.mark.parametrize("files", [MISDRAWN, UNREADABLE], ids=["misdrawn", "unreadable"])
def test_every_mistake_of_every_topology_is_refused_with_its_place(
    files: dict[str, tuple[bytes, str]], tmp_path: Path
) -> None:
    """A node twice, an edge to nowhere, a self-loop, no text at all: by both commands, before anything is started."""
    for name, (content, _) in files.items():
        (tmp_path / name).write_bytes(content)
    sources = ", ".join(f"{{file: {name}}}" for name in files)
    (tmp_path / "healer.yaml").write_text(f"{CONFIG}topology: {{sources: [{sources}]}}\n")
    for text in refused(tmp_path):
        assert [place for _, place in files.values() if place not in text] == [], text


CONFIGURATIONS: dict[str, tuple[str | bytes, str]] = {
    "an unknown key": ("serverr: {}\n", "healer.yaml:1:1: serverr: unknown key; did you mean server?"),
    "a key twice": ("place: shadow\nplace: shadow\n", "healer.yaml:2:1: place"),
    "a wrong type": ("journal: {max_lag: many}\n", "healer.yaml:1:20: journal.max_lag: expected"),
    "a duration without its unit": ("convergence:\n  window: 10\n", "healer.yaml:2:11: convergence.window: expected"),
    "a secret in the open": (
        "server: {auth: {bearer: [hunter2]}}\n",
        "healer.yaml:1:26: server.auth.bearer[0]: a secret is a reference",
    ),
    "a secret that is not there": (
        "server: {auth: {bearer: [{file: gone}]}}\n",
        "healer.yaml:1:33: server.auth.bearer[0].file",
    ),
    "open to everybody": ("server: {listen: '0.0.0.0:9099'}\n", "reachable from elsewhere"),
    "a channel that nobody knows": ("routes: [{channels: [nobody]}]\n", "no channel is called 'nobody'"),
    "no YAML": ("server: {\n", "healer.yaml:2:1"),
    "no UTF-8": (b"place: \xff\n", "healer.yaml"),
    "not an object": ("- a\n", "healer.yaml:1:1"),
}


@pytest.mark.parametrize("kind", CONFIGURATIONS)
@pytest.mark.parametrize("command", ["check", "serve"])
def test_a_configuration_that_makes_no_sense_is_refused_with_its_place(
    kind: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By both commands, here without a process for each; a secret in the open is not repeated."""
    content, place = CONFIGURATIONS[kind]
    (tmp_path / "healer.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    monkeypatch.chdir(tmp_path)
    assert main([command, "--config", "healer.yaml"]) == 1
    said = capsys.readouterr()
    assert place in said.out + said.err
    assert "hunter2" not in said.out + said.err
    assert not (tmp_path / "data").exists()


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    """By both commands."""
    for setting in ("rules: {paths: [gone.heal]}", "topology: {sources: [{file: gone.yaml}]}"):
        (tmp_path / "healer.yaml").write_text(f"{CONFIG}{setting}\n")
        for text in refused(tmp_path):
            assert "gone." in text


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    """Nobody's file is overwritten."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "healer.db").write_bytes(b"my diary " * 1_000)
    (tmp_path / "healer.yaml").write_text("server: {listen: '127.0.0.1:0'}\n")
    ended = healer_says("serve", "--config", "healer.yaml", folder=tmp_path)
    assert ended.code == 1
    assert "cannot start: store.url" in ended.text
    assert (tmp_path / "data" / "healer.db").read_bytes() == b"my diary " * 1_000


def test_a_command_that_is_called_wrong_says_how_it_is_called(tmp_path: Path) -> None:
    """Exit code 2, as everywhere."""
    assert healer_says("servee", folder=tmp_path).code == 2
    assert healer_says("check", folder=tmp_path).code == 2
