"""What Alertmanager gets wrong (its issue 4064): after a restart or reload, what is inhibited is told before its cause is known.

Five hundred hosts behind a switch that is down, and healer starts again in the middle: killed, in peace, and on another
configuration; or it reloads one, as it runs. Whoever was told of the switch hears nothing.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.servers.healer import Healer
from tests.servers.process import post
from tests.servers.telegram import Telegram

HOSTS = 500
TOKEN = "12345:token"
QUIET_S = 7
"""Seconds to listen: longer than every hold and settle of the configuration."""
CONFIG = """server: {listen: "127.0.0.1:9099"}
store: {url: "sqlite:///data/healer.db"}
place: only
topology: {sources: [{file: topology.yaml}]}
convergence: {hold: {default: 2s, critical: 1s}, settle: 3s, window: 10m}
channels: {duty: {type: telegram, token: {file: telegram.token}, chat_id: 1, api_url: "TELEGRAM"}}
watchdog: {missing_after: 1d}
"""


class Datacentre:
    """A switch with its hosts, a healer that watches them, and a chat."""

    def __init__(self, healer: Healer, chat: Telegram) -> None:
        self.healer = healer
        self.chat = chat
        self.began = datetime.now(UTC) - timedelta(minutes=1)

    def alert(self, *nodes: str) -> None:
        """They are down, as a Prometheus says it again and again."""
        firing = [
            {
                "labels": {"alertname": "Down", "severity": "critical", "node": node},
                "startsAt": self.began.isoformat(),
                "endsAt": (datetime.now(UTC) + timedelta(minutes=10)).isoformat(),
            }
            for node in nodes
        ]
        post(f"{self.healer.url}/api/v2/alerts", json.dumps(firing).encode(), within=30)

    def repeat(self) -> None:
        """Prometheus sends everything again, the cause last."""
        self.alert(*hosts())
        self.alert("switch/s")

    def suppressed(self) -> int:
        total: int = self.healer.api("alerts?status=suppressed&limit=0")["total"]
        return total

    def asked(self) -> list[str]:
        """What was asked of the chat, message by message."""
        return [each["method"] for each in self.chat.asked()]

    def hears_nothing(self, told: list[str]) -> None:
        end = time.monotonic() + QUIET_S
        while time.monotonic() < end:
            assert self.asked() == told, self.healer.log[-4_000:]
            time.sleep(0.2)


def hosts() -> list[str]:
    return [f"host/h{number}" for number in range(HOSTS)]


def written(hosts: list[str]) -> str:
    return "nodes: [{id: switch/s, children: [" + ", ".join(f"{{id: {host}}}" for host in hosts) + "]}]\n"


@contextmanager
def datacentre(folder: Path) -> Iterator[Datacentre]:
    with Telegram(folder / "telegram", TOKEN) as chat:
        files = {"topology.yaml": written(hosts()), "telegram.token": TOKEN}
        with Healer(folder / "healer", CONFIG.replace("TELEGRAM", chat.url), files=files) as healer:
            yield Datacentre(healer, chat)


def kill(healer: Healer) -> None:
    healer.kill()
    healer.start()


def restart(healer: Healer) -> None:
    healer.restart()


def configure(healer: Healer) -> None:
    """It comes back on other settings and another topology: everything that fires is judged again."""
    change(healer)
    healer.restart()


def reload(healer: Healer) -> None:
    """It takes other settings and another topology while it runs, and then the same once more."""
    change(healer)
    taken = json.loads(post(f"{healer.url}/-/reload", within=30))
    assert (taken["changed"], taken["files"], taken["notes"]) == (["convergence.window"], ["topology"], [])
    assert json.loads(post(f"{healer.url}/-/reload", within=30)) == {"changed": [], "files": [], "notes": []}


def change(healer: Healer) -> None:
    file = healer.folder / "healer.yaml"
    file.write_text(file.read_text().replace("window: 10m", "window: 9m"))
    (healer.folder / "topology.yaml").write_text(written([*hosts(), "host/new"]))


@pytest.mark.parametrize("again", [kill, restart, configure, reload])
def test_nobody_hears_of_what_is_suppressed(tmp_path: Path, again: Callable[[Healer], None]) -> None:
    """One message for five hundred and one alerts, and not one more, edits included, because healer started again.

    The hosts' alerts come in again before the switch's, and one host is new: it is suppressed like the others.
    """
    with datacentre(tmp_path) as here:
        here.repeat()
        until(lambda: here.suppressed() == HOSTS and here.asked() == ["sendMessage"], here)
        told = here.asked()
        again(here.healer)
        assert here.suppressed() == HOSTS
        here.repeat()
        here.hears_nothing(told)
        assert here.suppressed() == HOSTS
        here.alert("host/h0", "host/new" if again in (configure, reload) else "host/h1")
        until(lambda: here.suppressed() == HOSTS + (again in (configure, reload)), here)
        assert here.asked().count("sendMessage") == 1


def until(holds: Callable[[], bool], here: Datacentre) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, (here.suppressed(), here.asked(), here.healer.log[-4_000:])
        time.sleep(0.1)
