"""docs/first-rule.md, done as it stands: every file is saved, every command typed, and what it says comes out.

The month that is replayed was made beforehand: a web server whose nginx failed three times for good, and often for a minute.
"""

import re
import shlex
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.cli.main import main
from healer.journey.records import Delivered
from healer.times import DAY, MINUTE, SECOND, Micros
from healer.topology.graph import Node, topology
from healer.topology.shipped import shipped
from tests.unit.journey.owning import Stage, staged
from tests.unit.journey.world import DECIDING, START, chartered

PAGE = (Path(__file__).parents[3] / "docs" / "first-rule.md").read_text("utf-8")
_FENCE = re.compile(r"^```([a-z ]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SAVED = re.compile(r"`([a-z./]+\.(?:yaml|json|heal))`")
GRAPH = topology(
    [Node("rack/r1", "rack"), *(Node(f"host/web-{n}", attributes={"instance": f"web-{n}:9100"}) for n in (1, 2))],
    [("rack/r1", "host/web-1"), ("rack/r1", "host/web-2")],
)
FAILED_FOR: tuple[tuple[Micros, str, Micros], ...] = (
    (2 * DAY, "web-1", 10 * MINUTE),
    (5 * DAY, "web-2", MINUTE),
    (9 * DAY, "web-2", 20 * MINUTE),
    (15 * DAY, "web-1", MINUTE),
    (21 * DAY, "web-1", 5 * MINUTE),
)
"""When it failed (since the month began), where, and for how long."""


class Did(NamedTuple):
    """One block of commands, what it said, and what the page says that it says."""

    commands: tuple[str, ...]
    said: str
    shown: tuple[str, ...]


def month(file: Path, now: Micros) -> None:
    """What a healer without rules wrote in the thirty days before `now`."""
    charter = chartered(
        msgspec.structs.replace(DECIDING, place="shadow", dry_run=True, mappings=shipped("node-exporter")), GRAPH
    )

    async def play(stage: Stage) -> None:
        stage.clock.ahead = now - 30 * DAY - START
        began = stage.clock.ahead
        life = await stage.alive(charter=charter)
        for at, host, lasts in FAILED_FOR:
            stage.clock.ahead = began + at
            told = stage.clock.now()
            labels = {
                "alertname": "NodeSystemdServiceFailed",
                "instance": f"{host}:9100",
                "job": "node-exporter",
                "name": "nginx.service",
                "severity": "warning",
            }
            for firing, when in ((True, told), (False, told + lasts)):
                stage.clock.ahead += when - stage.clock.now()
                alert = Alert(canonical(labels), firing, told, 0 if firing else when)
                await life.append(Delivered("alertmanager", (alert,)))
                await life.owner.settled()
        await life.die()
        raw = stage.memory.connection.connection.driver_connection
        assert raw is not None
        with sqlite3.connect(file) as copy:
            raw.backup(copy)
        copy.close()

    staged(play)


def steps(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Did]:
    """Do what the page says, in its order. Every command has to succeed."""
    commands: tuple[str, ...] = ()
    said, before = "", 0
    for block in _FENCE.finditer(PAGE):
        kind, text = block.groups()
        if kind in ("yaml", "yaml topology", "json", "heal"):
            *_, name = _SAVED.findall(PAGE[before : block.start()])
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        elif kind == "sh":
            commands, said = tuple(text.splitlines()), ""
            for command in commands:
                assert main(shlex.split(command)[1:]) == 0, command
                said += capsys.readouterr().out
        else:
            assert kind == "text"
            yield Did(commands, said, tuple(line for line in text.splitlines() if line != "..."))
        before = block.end()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where healer's configuration is, with the data of a month."""
    (tmp_path / "data").mkdir()
    month(tmp_path / "data" / "healer.db", time.time_ns() // 1_000 // SECOND * SECOND)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_can_be_followed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line that the page shows is in what its commands say, and nothing is written but what the reader saves."""
    data = (folder / "data" / "healer.db").read_bytes()
    done = list(steps(folder, capsys))
    for did in done:
        for line in did.shown:
            assert " ".join(line.split()) in " ".join(did.said.split()), (did.commands, line, did.said)
    assert [word for did in done for word in did.commands[0].split()[1:2]] == ["topology", "check", "check", "replay"]
    assert (folder / "data" / "healer.db").read_bytes() == data
    saved = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert saved == {"alert.json", "data/healer.db", "healer.yaml", "rules/web.heal", "topology.yaml"}


def test_a_rule_that_does_more_that_may_hurt_does_not_pass_the_gate(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same rule with a reboot, in a mode that acts: exit 1, and the sums say why."""
    list(steps(folder, capsys))
    rule = (folder / "rules" / "web.heal").read_text().partition("test ")[0]
    rule = rule.replace('execute("restart_service", unit: "nginx.service")', 'execute("reboot_node")')
    (folder / "rules" / "web.heal").write_text(rule.replace("mode: suggest", "mode: approve"))
    (folder / "healer.yaml").write_text((folder / "healer.yaml").read_text() + "guards: {confidence: 0}\n")
    assert main(["replay", "--since", "30d", "--config", "healer.yaml", "--gate", "2", "--json"]) == 1
    found = msgspec.json.decode(capsys.readouterr().out)
    assert (found["destructive_growth"], found["gate"], found["passes"]) == (3, 2, False)
    assert {one["what"] for one in found["remediations"]} == {"new"}
    assert main(["replay", "--since", "30d", "--config", "healer.yaml", "--gate", "3"]) == 0
    assert main(["replay", "--since", "10d", "--rules", "rules/", "--data", "data", "--gate", "0"]) == 1
    for wrong in (["--gate", "0"], ["--as-was", "--rules", "rules/"], ["--rules", "nowhere"]):
        assert main(["replay", "--data", "data", *wrong]) == 2, wrong
