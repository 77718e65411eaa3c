"""A running healer takes other files, all of them or none, over HTTP and by SIGHUP."""

import json
import os
import signal
import time
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.servers.healer import Healer
from tests.servers.process import get, post
from tests.servers.telegram import Telegram

TOKEN = "12345:token"
CONFIG = """server: {listen: "127.0.0.1:9099"}
store: {url: "sqlite:///data/healer.db"}
place: only
topology: {sources: [{file: topology.yaml}]}
convergence: {hold: {default: 1s, critical: 1s}, settle: 3s}
rules: {paths: [rules/]}
channels: {duty: {type: telegram, token: {file: telegram.token}, chat_id: 1, api_url: "TELEGRAM"}}
watchdog: {missing_after: 1d}
"""
TOPOLOGY = "nodes: [{id: switch/s, children: [{id: host/a}, {id: host/b}]}]\n"
RULE = 'rule "one"\n  on event: "Down"\n  then: notify("duty")\n'


class Stand:
    """A healer with one chat."""

    def __init__(self, healer: Healer, chat: Telegram) -> None:
        self.healer = healer
        self.chat = chat

    def write(self, name: str, text: str) -> None:
        (self.healer.folder / name).write_text(text)

    def change(self, before: str, after: str) -> None:
        """Another healer.yaml."""
        text = (self.healer.folder / "healer.yaml").read_text()
        assert before in text
        self.write("healer.yaml", text.replace(before, after))

    def reload(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(post(f"{self.healer.url}/-/reload", within=30, token=self.healer.token))
        return answer

    def refused(self) -> dict[str, Any]:
        """The problem that the answer to a reload says."""
        with pytest.raises(urllib.error.HTTPError) as said:
            self.reload()
        assert said.value.headers["Content-Type"].startswith("application/problem+json")
        problem: dict[str, Any] = json.loads(said.value.read())
        assert problem["status"] == said.value.code
        return problem

    def metric(self, name: str) -> float:
        page = get(f"{self.healer.url}/metrics").decode()
        return next(float(line.split()[-1]) for line in page.splitlines() if line.startswith(name + " "))

    def alert(self, *nodes: str, firing: bool = True) -> None:
        now = datetime.now(UTC)
        ends = now + timedelta(minutes=10) if firing else now
        labels = {"alertname": "Down", "severity": "critical"}
        alerts = [
            {"labels": labels | {"node": node}, "startsAt": now.isoformat(), "endsAt": ends.isoformat()}
            for node in nodes
        ]
        post(f"{self.healer.url}/api/v2/alerts", json.dumps(alerts).encode(), within=30)

    def status(self, node: str) -> str:
        alerts = self.healer.api("alerts")["items"]
        return next((one["status"] for one in alerts if one["labels"]["node"] == node), "")

    def trouble(self) -> str:
        """The status of healer's own alert about changed files, or ""."""
        found = self.healer.api("alerts")["items"]
        return next((one["status"] for one in found if one["labels"].get("code") == "reload"), "")

    def sends(self) -> int:
        return [each["method"] for each in self.chat.asked()].count("sendMessage")

    def until(self, holds: Callable[[], bool], within: float = 20) -> None:
        end = time.monotonic() + within
        while not holds():
            assert time.monotonic() < end, self.healer.log[-4_000:]
            time.sleep(0.05)


@contextmanager
def stand(folder: Path, config: str = CONFIG, more: Mapping[str, str] | None = None) -> Iterator[Stand]:
    (folder / "healer" / "rules").mkdir(parents=True)
    with Telegram(folder / "telegram", TOKEN) as chat:
        files = {"topology.yaml": TOPOLOGY, "telegram.token": TOKEN, "rules/one.heal": RULE, **(more or {})}
        with Healer(folder / "healer", config.replace("TELEGRAM", chat.url), files=files) as healer:
            yield Stand(healer, chat)


def test_files_that_did_not_change_change_nothing(tmp_path: Path) -> None:
    """No record is written, and the answer says that nothing is different."""
    with stand(tmp_path) as here:
        before = here.metric("healer_journal_position")
        assert here.reload() == {"changed": [], "files": [], "notes": []}
        assert here.metric("healer_journal_position") == before
        assert here.metric("healer_config_last_reload_successful") == 1


def test_a_bad_file_leaves_everything_as_it_was(tmp_path: Path) -> None:
    """The answer is 400 with file, line and key of each mistake; rules that were good go on; the next good one is taken."""
    with stand(tmp_path) as here:
        stamp = here.metric("healer_config_last_reload_success_timestamp_seconds")
        here.change("settle: 3s", "settle: soon")
        here.write("rules/two.heal", RULE.replace("one", "two"))
        problem = here.refused()
        assert problem["status"] == 400
        (error,) = problem["errors"]
        assert (error["pointer"], error["key"], error["line"]) == ("/convergence/settle", "convergence.settle", 5)
        assert error["file"].endswith("healer.yaml")
        assert [rule["name"] for rule in here.healer.api("rules")["items"]] == ["one"]
        assert here.metric("healer_config_last_reload_successful") == 0
        assert here.metric("healer_config_last_reload_success_timestamp_seconds") == stamp
        here.change("settle: soon", "settle: 4s")
        assert here.reload()["changed"] == ["convergence.settle"]
        assert here.metric("healer_config_last_reload_successful") == 1
        assert here.metric("healer_config_last_reload_success_timestamp_seconds") > stamp


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("rules/one.heal", 'rule "one"\n  whenever: "Down"\n', ":2"),
        ("topology.yaml", "nodes: [{id: switch/s, children: [{name: x}]}]\n", "topology.yaml:1"),
    ],
)
def test_a_mistake_in_a_file_beside_it_is_placed_there(tmp_path: Path, name: str, text: str, place: str) -> None:
    """A rule or a topology that cannot be read stops all of it."""
    with stand(tmp_path) as here:
        here.change("settle: 3s", "settle: 4s")
        here.write(name, text)
        problem = here.refused()
        assert problem["status"] == 400
        assert any(place in error["detail"] for error in problem["errors"]), problem
        here.write("topology.yaml", TOPOLOGY)
        here.write("rules/one.heal", RULE)
        assert here.reload()["changed"] == ["convergence.settle"]


def test_what_needs_a_restart_is_said_with_its_line(tmp_path: Path) -> None:
    """409, and nothing else of the file is taken either."""
    with stand(tmp_path) as here:
        here.change("data/healer.db", "data/other.db")
        here.change("settle: 3s", "settle: 4s")
        problem = here.refused()
        assert problem["status"] == 409
        assert [(error["key"], error["line"]) for error in problem["errors"]] == [("store.url", 2)]
        here.change("data/other.db", "data/healer.db")
        assert here.reload()["changed"] == ["convergence.settle"]


FAILING = """rule "one"
  on event: "Down"
  then: notify("duty")

test "it tells somebody else"
  given: node "host/a"
  given: alert "Down" {node: "host/a", severity: "critical"} from 0s to 1m
  expect: nothing
"""


def test_rules_that_fail_their_own_tests_do_not_take_over(tmp_path: Path) -> None:
    """The old ones run on, the answer names the test, and an alert of healer's own lasts until they are good again."""
    with stand(tmp_path) as here:
        here.write("rules/one.heal", FAILING)
        problem = here.refused()
        (error,) = problem["errors"]
        assert (problem["status"], error["line"]) == (400, 5)
        assert (
            "'it tells somebody else' fails: line 8: expected nothing, and there was duty was told" in error["detail"]
        )
        (rule,) = here.healer.api("rules")["items"]
        assert rule["path"].endswith("rules/one.heal:1")
        here.until(lambda: here.trouble() == "root")
        position = here.metric("healer_journal_position")
        here.refused()
        assert here.metric("healer_journal_position") == position
        here.write("rules/one.heal", FAILING.replace("expect: nothing", 'expect: notify("duty")'))
        here.healer.restart()
        here.until(lambda: here.trouble() == "resolved")


def test_a_rule_that_was_added_is_in_force(tmp_path: Path) -> None:
    """Without a restart; the answer names the file."""
    with stand(tmp_path) as here:
        here.write("rules/two.heal", RULE.replace("one", "two"))
        (name,) = here.reload()["files"]
        assert name.endswith("rules/two.heal")
        assert sorted(rule["name"] for rule in here.healer.api("rules")["items"]) == ["one", "two"]


def test_a_topology_that_changes_under_an_open_incident_explains_what_comes(tmp_path: Path) -> None:
    """The incident goes on, and a host that is new in the file is suppressed by it."""
    with stand(tmp_path) as here:
        here.alert("switch/s", "host/a")
        here.until(lambda: here.status("host/a") == "suppressed" and here.sends() == 1)
        (before,) = here.healer.api("incidents")["items"]
        here.write("topology.yaml", TOPOLOGY.replace("{id: host/b}", "{id: host/b}, {id: host/new}"))
        assert here.reload()["files"] == ["topology"]
        here.alert("host/new")
        here.until(lambda: here.status("host/new") == "suppressed")
        (after,) = here.healer.api("incidents")["items"]
        assert after["id"] == before["id"]
        assert here.sends() == 1


def test_a_channel_that_changed_tells_by_its_new_settings(tmp_path: Path) -> None:
    """A secret is read from its file again; an incident that was told is not told again, only its end and what is new."""
    with stand(tmp_path) as here:
        here.alert("host/a")
        here.until(lambda: here.sends() == 1)
        with Telegram(tmp_path / "other", "999:other") as other:
            here.change(here.chat.url, other.url)
            here.write("telegram.token", "999:other")
            changed = here.reload()["changed"]
            assert changed == ["channels.duty.token", "channels.duty.api_url"]
            here.alert("host/b")
            here.until(lambda: [each["method"] for each in other.asked()] == ["sendMessage"])
            assert here.sends() == 1


def test_a_channel_comes_and_goes(tmp_path: Path) -> None:
    """A new one hears of what is open, as after a restart; what is gone hears nothing more."""
    with stand(tmp_path) as here:
        here.change("channels: {", "channels: {extra: {type: terminal}, ")
        assert here.reload()["changed"] == ["channels.extra"]
        here.alert("host/a")
        here.until(lambda: "[CRIT broken]" in here.healer.log)
        here.until(lambda: here.sends() == 1)
        here.change("extra: {type: terminal}, ", "")
        assert here.reload()["changed"] == ["channels.extra"]
        shown = here.healer.log.count("[CRIT broken]")
        here.alert("host/b")
        here.until(lambda: here.sends() == 2)
        assert here.healer.log.count("[CRIT broken]") == shown


def test_sighup_reloads_and_the_log_says_so(tmp_path: Path) -> None:
    """As systemd's ExecReload does it; a bad file is in the log, with its line."""
    with stand(tmp_path) as here:
        here.change("settle: 3s", "settle: 4s")
        os.kill(here.healer.pid, signal.SIGHUP)
        here.until(lambda: "reloaded: convergence.settle" in here.healer.log)
        here.change("settle: 4s", "settle: soon")
        os.kill(here.healer.pid, signal.SIGHUP)
        here.until(lambda: here.metric("healer_config_last_reload_successful") == 0)
        assert "healer.yaml:5" in here.healer.log
        assert here.healer.answers()


def test_a_reload_needs_credentials_and_takes_new_ones(tmp_path: Path) -> None:
    """401 without; a token that was replaced is good no more."""
    config = CONFIG.replace('"127.0.0.1:9099"}', '"127.0.0.1:9099", auth: {bearer: [{file: api.token}]}}')
    with stand(tmp_path, config, {"api.token": "first-token"}) as here:
        assert here.refused()["status"] == 401
        here.healer.token = "first-token"
        here.write("api.token", "second-token")
        assert here.reload()["changed"] == ["server.auth.bearer"]
        assert here.refused()["status"] == 401
        here.healer.token = "second-token"
        assert here.reload()["changed"] == []
