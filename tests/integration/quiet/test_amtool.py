"""healer in Alertmanager's place, as amtool sees it: the real one of Debian's package prometheus-alertmanager."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.quiet.stand import alerts, amtool, fire, healer
from tests.servers.healer import Healer
from tests.servers.process import delete


def told(running: Healer, *words: str) -> str:
    """What amtool says when it is content."""
    answer = amtool(running, *words)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def listed(running: Healer, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(told(running, "--output=json", "silence", "query", *words))
    return found


def test_a_silence_from_beginning_to_end(tmp_path: Path) -> None:
    """amtool adds, lists, changes and expires a silence; what it names is silenced meanwhile, and its history is kept."""
    with healer(tmp_path) as running:
        fire(running, "HostDown", "host/a")
        said = ("--author=jo", "--comment=new disks", "--duration=1h")
        id = told(running, "silence", "add", *said, "alertname=HostDown", "node=~host/.")
        assert alerts(running)["HostDown@host/a"]["status"] == "silenced"
        (silence,) = listed(running)
        assert (silence["id"], silence["status"], silence["createdBy"]) == (id, {"state": "active"}, "jo")
        assert id in told(running, "silence", "query", "alertname=HostDown")
        assert listed(running, "alertname=Other") == []
        (suppressed,) = json.loads(told(running, "--output=json", "alert", "query", "--silenced"))
        assert suppressed["status"] == {"state": "suppressed", "silencedBy": [id], "inhibitedBy": []}
        assert suppressed["annotations"] == {"summary": "HostDown on host/a"}
        assert told(running, "silence", "update", "--comment=more disks", "--duration=2h", id)
        (changed,) = listed(running)
        assert (changed["id"], changed["comment"]) == (id, "more disks"), "in place: the matchers are the same"
        told(running, "silence", "expire", id)
        assert listed(running) == []
        assert [one["id"] for one in listed(running, "--expired")] == [id]
        again = amtool(running, "silence", "expire", id)
        assert (again.returncode, "already expired" in again.stderr) == (1, True), again.stderr


def test_other_commands(tmp_path: Path) -> None:
    """Import, alerts added and queried, what the server is: as amtool asks for it."""
    with healer(tmp_path) as running:
        told(running, "alert", "add", "HostDown", "node=host/b", "severity=critical")
        assert "HostDown" in told(running, "alert", "query", "node=host/b")
        assert told(running, "--output=json", "alert", "query", "node=host/a") == "[]"
        said = ("--author=jo", "--comment=moving", "--duration=1h")
        id = told(running, "silence", "add", *said, "node=host/b", "severity!=info")
        kept = tmp_path / "silences.json"
        kept.write_text(json.dumps([one | {"id": ""} for one in listed(running)]))
        told(running, "silence", "expire", id)
        told(running, "silence", "import", str(kept))
        (imported,) = listed(running)
        assert imported["id"] != id
        assert [(m["name"], m["isEqual"]) for m in imported["matchers"]] == [("node", True), ("severity", False)]
        assert "disabled" in told(running, "cluster", "show")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--duration=1h", "node=~.*"), "at least one matcher must not match the empty string"),
        (("--start=2026-01-01T00:00:00Z", "--end=2026-01-01T01:00:00Z", "node=a"), "end time can't be in the past"),
    ],
)
def test_what_alertmanager_refuses(tmp_path: Path, words: tuple[str, ...], why: str) -> None:
    """A silence of everything, or of the past, is refused in Alertmanager's words."""
    with healer(tmp_path) as running:
        answer = amtool(running, "silence", "add", "--author=jo", "--comment=x", *words)
        assert answer.returncode == 1
        assert why in answer.stderr


def test_unknown_silence(tmp_path: Path) -> None:
    """What is not there is a 404."""
    with healer(tmp_path) as running, pytest.raises(OSError, match="404"):
        delete(f"{running.url}/api/v2/silence/00000000-0000-8000-a000-000000000000")
