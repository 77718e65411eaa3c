"""Buttons of a real service in a real chat's stand-in: what people press happens, once, and the message says who did it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.integration.kill import effects
from tests.servers.healer import Healer
from tests.servers.process import get, post
from tests.servers.sshd import ssh_host
from tests.servers.telegram import Telegram

TOKEN = "8080:stand-in"
ANN, EVE, STRANGER = 42, 43, 44
RULE = """
action "count"
  run: ssh ["{command}", "{{tag}}"]
  with: tag: string =~ "[a-z0-9]{{1,32}}"
  accepts: host
  idempotent: no   destructive: no   timeout: 10s

rule "count it"
  on event: "Down"
  then: execute("count", tag: labels.tag, on: nearest(host))
  approve: "sre" within 10m
  verify: resolved within 60s
  limit: 10 per 1h per rule
  mode: auto

rule "suggest to count"
  on event: "Slow"
  then: execute("count", tag: labels.tag, on: nearest(host))
  verify: resolved within 60s
  limit: 10 per 1h per rule
  mode: suggest
"""
CONFIG = """
server:
  listen: "127.0.0.1:9099"
  auth:
    bearer: [{{file: bearer}}]
    users:
      ann: {{role: operator, teams: [sre], chat: ["telegram:42"]}}
      eve: {{role: viewer, teams: [sre], chat: ["telegram:43"]}}
place: only
topology: {{sources: [{{file: topology.yaml}}, {{labels: [host]}}]}}
convergence: {{hold: {{default: 100ms, critical: 100ms}}, settle: 1s}}
rules: {{paths: [count.heal], dry_run: false}}
channels: {{duty: {{type: telegram, token: {{file: token}}, chat_id: 1, api_url: "{telegram}", buttons: poll, pictures: true}}}}
watchdog: {{missing_after: 1d}}
guards: {{healthy: 0}}
executors:
  ssh: {{user: {host.user}, port: {host.port}, keys: [{host.key}], known_hosts: {host.known_hosts},
    wrapper: {host.folder}/lib/healer-run, go_wait_s: 5, margin: 5s}}
"""


class Chat:
    """A healer, a chat, and people who press."""

    def __init__(self, healer: Healer, telegram: Telegram, machine: Path) -> None:
        self.healer = healer
        self.telegram = telegram
        self.machine = machine

    def fires(self, name: str = "Down", host: str = "web1", tag: str = "one") -> None:
        now = datetime.now(UTC)
        labels = {"alertname": name, "severity": "critical", "host": host, "tag": tag}
        alert = {"labels": labels, "startsAt": now.isoformat(), "endsAt": (now + timedelta(minutes=10)).isoformat()}
        body = json.dumps([alert]).encode()
        post(f"{self.healer.url}/api/v2/alerts", body, within=30, token=self.healer.token)

    def message(self) -> dict[str, Any]:
        """The message about the incident, not the one that calls."""
        return self.telegram.messages()[0]

    def about(self, host: str) -> dict[str, Any]:
        """The newest message about this host, {} before there is one."""
        return next((one for one in reversed(self.telegram.messages()) if host in one["text"]), {})

    def press(self, text: str, user: int, message: dict[str, Any] | None = None) -> dict[str, Any]:
        """Press the button with this text; what whoever pressed is answered."""
        said = {"chat_id": 1, "message_id": (message or self.message())["message_id"], "text": text, "user": user}
        id = json.loads(post(f"{self.telegram.url}/standin/press", json.dumps(said).encode()))["id"]
        answered = self.until(lambda: self.answers().get(id), f"an answer to {text}")
        assert isinstance(answered, dict)
        return answered

    def answers(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(get(f"{self.telegram.url}/standin/presses"))
        return found

    def until(self, holds: Callable[[], object], what: str, within: float = 40) -> object:
        end = time.monotonic() + within
        while time.monotonic() < end:
            if found := holds():
                return found
            time.sleep(0.05)
        raise AssertionError(f"waited {within:g} s for {what}: {self.telegram.messages()}\n{self.healer.log[-5_000:]}")


@contextmanager
def chat(folder: Path) -> Iterator[Chat]:
    home = folder / "healer"
    with ssh_host(folder / "host") as host, Telegram(folder / "telegram", TOKEN, rates=False) as telegram:
        files = {
            "topology.yaml": "nodes: [{id: host/web1, address: 127.0.0.1}, {id: host/web2, address: 127.0.0.1}]\nedges: []\n",
            "token": TOKEN,
            "bearer": "many-have-it",
            "count.heal": RULE.format(command=effects.install(host.folder)),
        }
        config = CONFIG.format(telegram=telegram.url, host=host)
        healer = Healer(home, config, files=files)
        healer.token = "many-have-it"
        with healer:
            yield Chat(healer, telegram, host.folder)


def test_a_press_of_approve_runs_the_remediation(tmp_path: Path) -> None:
    """Strangers and those without the right are refused; the right person's press runs it once, and the message says who. What
    is only suggested runs when somebody wants it, and not before. Below the message a picture shows where it is."""
    with chat(tmp_path) as here:
        here.fires()
        here.until(lambda: "Approve" in here.message()["buttons"] if here.telegram.messages() else None, "the question")
        here.until(lambda: here.telegram.requests("sendPhoto"), "the picture")
        picture = here.telegram.requests("sendPhoto")[0]
        below = json.loads(picture["body"]["reply_parameters"])["message_id"]
        assert (below, picture["body"]["disable_notification"]) == (here.message()["message_id"], "true")
        refused = here.press("Approve", STRANGER)
        assert "telegram:44" in refused["text"]
        assert "server.auth.users" in refused["text"]
        refused = here.press("Approve", EVE)
        assert (refused["alert"], "eve is a viewer: this takes an operator" in refused["text"]) == (True, True)
        assert not effects.counted(here.machine)
        assert here.press("Acknowledge", ANN) == {"text": "You are on it", "alert": False}
        answered = here.press("Approve", ANN)
        assert answered == {"text": "Approved: count on host/web1", "alert": False}
        here.until(lambda: effects.counted(here.machine)["one"] == 1, "the effect")
        here.until(
            lambda: "approved by ann" in here.message()["text"] or "ran: " in here.message()["text"], "who did it"
        )
        message = here.message()
        assert "ann is on it" in message["text"]
        assert not {"Approve", "Reject", "Acknowledge"} & set(message["buttons"])
        assert here.press("until over", ANN)["text"].startswith("Silenced until it is over")
        here.until(lambda: "ann silenced it until it is over" in here.message()["text"], "who silenced it")
        assert [one["createdBy"] for one in here.healer.api("silences")["items"]] == ["ann"]
        (one,) = here.healer.api("remediations")["items"]
        assert here.healer.api(f"remediations/{one['id']}")["agreed"] == ["ann"]
        here.fires("Slow", "web2", "two")
        here.until(lambda: "Run it" in here.about("web2").get("buttons", ()), "the suggestion")
        assert "this takes an operator" in here.press("Run it", EVE, here.about("web2"))["text"]
        assert not effects.counted(here.machine)["two"]
        assert here.press("Run it", ANN, here.about("web2")) == {
            "text": "It is run: count on host/web2",
            "alert": False,
        }
        here.until(lambda: effects.counted(here.machine)["two"] == 1, "the effect that was suggested")
        here.until(lambda: "Run it" not in here.about("web2")["buttons"], "that it is no suggestion any more")
