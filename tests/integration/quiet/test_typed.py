"""`healer silence` and `healer maintenance`, typed at a running healer."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.quiet.stand import alerts, fire, healer, typed
from tests.servers.healer import Healer
from tests.servers.process import post

SAID = ("--comment", "new disks", "--by", "jo")


def told(running: Healer, *words: str) -> str:
    answer = typed(running, *words)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def read(running: Healer, *words: str) -> Any:
    return json.loads(told(running, *words, "--json"))


def test_silences(tmp_path: Path) -> None:
    """Added, listed, changed, expired; `healer why` names it; what changes its matchers is another one."""
    with healer(tmp_path) as running:
        fire(running, "HostDown", "host/a")
        said = read(running, "silence", "add", "alertname=HostDown", 'node=~"host/.*"', "--for", "2h", *SAID)
        assert (said["status"], said["createdBy"], said["source"]) == ("active", "jo", "healer")
        assert alerts(running)["HostDown@host/a"]["status"] == "silenced"
        why = told(running, "why", "alertname=HostDown")
        assert f"silenced by jo until {said['endsAt']}: new disks (silence {said['id']})" in why
        assert said["id"] in told(running, "silence", "list", "--filter", "alertname=HostDown")
        other = ("silence", "add", "alertname=HostDown", "--for", "1h", "--id", said["id"], *SAID)
        changed = read(running, *other)
        assert changed["id"] != said["id"]
        listed = read(running, "silence", "list", "--status", "active", "--status", "expired")["items"]
        assert [(one["id"], one["status"]) for one in listed] == [(changed["id"], "active"), (said["id"], "expired")]
        assert "What still fires is judged as new." in told(running, "silence", "expire", changed["id"])
        assert alerts(running)["HostDown@host/a"]["status"] != "silenced"
        assert told(running, "silence", "list").strip() == "no silences"


@pytest.mark.parametrize("ended", ["stop", "kill"])
def test_maintenance(tmp_path: Path, ended: str) -> None:
    """A switch with all beneath it is in maintenance over a restart, longer than planned, and then not any more."""
    with healer(tmp_path) as running:
        said = read(running, "maintenance", "add", "switch/s1", "--below", "--for", "1h", *SAID)
        fire(running, "SwitchDown", "switch/s1")
        fire(running, "HostDown", "host/a")
        assert {one["status"] for one in alerts(running).values()} == {"silenced"}
        getattr(running, ended)()
        running.start()
        assert {one["status"] for one in alerts(running).values()} == {"silenced"}
        why = told(running, "why", "alertname=HostDown")
        assert "silenced by jo, who has switch/s1 and everything beneath it in maintenance until" in why
        longer = read(running, "maintenance", "extend", said["id"], "--for", "1h")
        assert longer["endsAt"] > said["endsAt"]
        assert said["id"] in told(running, "maintenance", "list")
        assert running.api("incidents")["total"] == 0
        assert "Over: switch/s1" in told(running, "maintenance", "end", said["id"])
        assert {one["status"] for one in alerts(running).values()} <= {"held", "root", "suppressed"}
        assert read(running, "maintenance", "list")["items"] == []
        assert typed(running, "maintenance", "end", said["id"]).returncode == 1


def test_recurring(tmp_path: Path) -> None:
    """It says when it comes next, and in whose time."""
    with healer(tmp_path) as running:
        words = ("--schedule", "Sat 02:00", "--zone", "Europe/Berlin", "--for", "3h", *SAID)
        assert "(Sat 02:00, Europe/Berlin, 3h each time)" in told(running, "maintenance", "add", "host/a", *words)
        (one,) = read(running, "maintenance", "list")["items"]
        assert (one["status"], one["next_at"][14:19]) == ("pending", "00:00")
        assert typed(running, "maintenance", "extend", one["id"], "--for", "1h").returncode == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("maintenance", "add", "host/aa", "--for", "1h", *SAID), "no node 'host/aa'; did you mean host/a"),
        (("maintenance", "add", "s1", "--for", "1h", *SAID), "did you mean switch/s1?"),
        (("maintenance", "add", "host/a", "--for", "60d", *SAID), "at most 4w2d"),
        (("maintenance", "add", "host/a", "--for", "1h", "--until", "2099-01-01T00:00:00Z", *SAID), "one of both"),
        (("maintenance", "add", "host/a", *SAID), "one of both"),
        (("maintenance", "add", "a=~.*", "--for", "1h", *SAID), "must not match the empty string"),
        (("maintenance", "add", "a=b", "--below", "--for", "1h", *SAID), "needs a node"),
        (("maintenance", "add", "host/a", "--for", "1h", "--schedule", "Sat 02:00", *SAID), "whose clock"),
        (
            ("maintenance", "add", "host/a", "--for", "1h", "--schedule", "Sat", "--zone", "UTC", *SAID),
            "is no schedule",
        ),
        (("maintenance", "add", "host/a", "--until", "2020-01-01T00:00:00Z", *SAID), "ends before it begins"),
        (("silence", "add", "a", "--for", "1h", *SAID), "expected an operator"),
        (("silence", "add", "a=b", "--for", "soon", *SAID), "is no duration"),
        (("silence", "add", "a=b", "--for", "1h", "--comment", " "), "is part of it"),
        (("silence", "add", "a=b", "--for", "1h", "--id", "x", *SAID), "no silence of healer's own has the id x"),
        (("silence", "expire", "x"), "no silence of healer's own has the id x"),
        (("maintenance", "end", "x/../y"), "no maintenance has the id x/../y"),
    ],
)
def test_refused(running: Healer, words: tuple[str, ...], why: str) -> None:
    """What cannot be taken says why, and what would be right; nothing is written."""
    answer = typed(running, *words)
    assert answer.returncode in (1, 2)
    assert why in answer.stderr, answer.stderr
    assert running.api("silences")["total"] == running.api("maintenance")["total"] == 0


def test_unknown_fields(running: Healer) -> None:
    """A field that nobody knows is a mistake, and not ignored."""
    with pytest.raises(OSError, match="400"):
        post(f"{running.url}/api/v1/silences", b'{"matchers": ["a=b"], "durration": "1h"}')


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One that is only asked for what it refuses."""
    with healer(tmp_path_factory.mktemp("refusing")) as one:
        yield one
