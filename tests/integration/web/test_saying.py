"""What people say of incidents, over HTTP and with the real command line, to a healer that runs as people start it."""

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.servers.healer import Healer
from tests.servers.process import post

CONFIG = """
server: {listen: "127.0.0.1:9099"}
store: {url: "sqlite:///data/healer.db"}
topology: {sources: [{file: topology.yaml}], nodes: [{node: "{on}"}]}
convergence: {hold: 0s}
watchdog: {missing_after: 1h}
"""
MOST = 20
"""Nights: each has nodes of its own, so that none reopens the incident of another."""


def topology() -> str:
    """power/x-1 > switch/s-1 > host/a-1 and host/b-1 > pod/p-1, and so on."""
    names = ("power/x", "switch/s", "host/a", "host/b", "pod/p")
    edges = (("power/x", "switch/s"), ("switch/s", "host/a"), ("switch/s", "host/b"), ("host/b", "pod/p"))
    nights = range(1, MOST + 1)
    nodes = [{"id": f"{name}-{night}"} for night in nights for name in names]
    joined = [[f"{above}-{night}", f"{below}-{night}"] for night in nights for above, below in edges]
    return json.dumps({"nodes": nodes, "edges": joined})


NIGHTS = itertools.count(1)


@pytest.fixture(scope="module")
def healer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Healer]:
    folder = tmp_path_factory.mktemp("saying")
    with Healer(folder, CONFIG, files={"topology.yaml": topology()}) as running:
        yield running


class Night:
    """A switch goes down, with all that is beneath it."""

    def __init__(self, healer: Healer, number: int) -> None:
        self.healer, self.number = healer, number
        self.fire("SwitchDown", "switch/s")
        self.fire("HostDown", "host/a")
        self.fire("HostDown", "host/b")
        self.fire("PodDown", "pod/p")
        self.id = self.incident_of("SwitchDown")["id"]

    def fire(self, alertname: str, on: str) -> None:
        labels = {"alertname": alertname, "on": self.node(on), "severity": "critical", "night": str(self.number)}
        post(f"{self.healer.url}/api/v2/alerts", json.dumps([{"labels": labels}]).encode(), within=10)

    def node(self, name: str) -> str:
        """One of this night's nodes."""
        return f"{name}-{self.number}"

    def incident_of(self, alertname: str) -> Any:
        found = self.healer.api(f"alerts?filter=night=%22{self.number}%22&filter=alertname=%22{alertname}%22")["items"]
        return self.healer.api(f"incidents/{found[0]['incident']}")

    def say(self, verb: str, incident: str = "", /, **order: Any) -> Any:
        return self.healer.order(f"incidents/{incident or self.id}/{verb}", {"by": "ada", **order})

    def refused(self, verb: str, incident: str = "", /, **order: Any) -> tuple[int, Any]:
        with pytest.raises(HTTPError) as refusal:
            self.say(verb, incident, **order)
        with refusal.value as answer:
            assert answer.headers["Content-Type"] == "application/problem+json"
            return answer.code, json.loads(answer.read())

    def codes(self, id: str = "") -> list[str]:
        return [one["code"] for one in self.healer.api(f"incidents/{id or self.id}/timeline")["items"]]

    def run(self, *words: str) -> Any:
        """The real command line."""
        command = [
            str(Path(sys.executable).with_name("healer")),
            "incidents",
            *words,
            "--url",
            self.healer.url,
            "--json",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def night(healer: Healer) -> Night:
    return Night(healer, next(NIGHTS))


def test_a_word_is_in_the_journal_the_incident_and_its_timeline(night: Night) -> None:
    """Acknowledged, confirmed, noted: shown with who said so; a word with a known id counts once."""
    assert night.say("ack", comment="on my way")["acknowledged_by"] == "ada"
    assert night.say("confirm", by="bob")["confirmed_by"] == "bob"
    night.say("note", comment="the fan is loud", id="n1")
    night.say("note", comment="the fan is loud", id="n1")
    assert [one for one in night.codes() if one in ("acknowledged", "confirmed", "noted")] == [
        "acknowledged",
        "confirmed",
        "noted",
    ]


def test_blame_names_another_root_at_once(night: Night) -> None:
    """The same incident, another root; a node without an alert is named as a silent one."""
    host, power = night.node("host/b"), night.node("power/x")
    found = night.say("blame", node=host)
    assert (found["id"], found["root"]["node"], found["root"]["silent"]) == (night.id, host, False)
    found = night.say("blame", node=power)
    assert (found["root"]["node"], found["root"]["silent"]) == (power, True)
    assert night.codes().count("blamed") == 2


def test_split_and_merge_back(night: Night) -> None:
    """A node takes what is beneath it along; the new incident is the answer, and can be merged again."""
    new = night.say("split", what=[night.node("host/b")])
    assert new["id"] != night.id
    assert sorted(one["labels"]["on"] for one in new["alerts"] if one["status"] != "resolved") == [
        night.node("host/b"),
        night.node("pod/p"),
    ]
    back = night.say("merge", other=new["id"])
    assert back["id"] == night.id
    assert night.healer.api(f"incidents/{new['id']}")["merged_into"] == night.id
    assert night.refused("ack", new["id"])[0] == 409


def test_close_stays_closed(night: Night) -> None:
    """Closed by a person, whatever still fires; copies do not open it again, and little may be said of it then."""
    found = night.say("close", comment="false alarm")
    assert (found["status"], found["resolution"], found["closed_by"]) == ("resolved", "person", "ada")
    for verb, order in {"ack": {}, "close": {}, "merge": {"other": night.id}}.items():
        status, problem = night.refused(verb, **order)
        assert (status, problem["status"]) == (409, 409)
        assert "is over" in problem["detail"]
    night.say("note", comment="as I thought")


@pytest.mark.parametrize(
    ("verb", "order", "pointer"),
    [
        ("blame", {}, "/node"),
        ("blame", {"node": "switch/zz"}, "/node"),
        ("split", {"what": ["host/none"]}, "/what/0"),
        ("split", {"what": ["0123456789abcdef"]}, "/what/0"),
        ("note", {}, "/comment"),
        ("ack", {"node": "host/a"}, "/node"),
        ("ack", {"comment": "x" * 2_001}, "/comment"),
        ("ack", {"who": "me"}, ""),
    ],
)
def test_what_makes_no_sense_is_refused(night: Night, verb: str, order: dict[str, Any], pointer: str) -> None:
    """400 with a pointer to what is wrong; nothing reaches the journal."""
    status, problem = night.refused(verb, **order)
    assert status == 400
    assert [one["pointer"] for one in problem["errors"]] == [pointer]
    assert "by" not in "".join(night.codes())


def test_unknown_incidents_and_the_root(night: Night) -> None:
    """404 for an incident that is not known, 409 where the root itself is to be split off."""
    assert night.refused("ack", "0000")[0] == 404
    assert night.refused("merge", other="0000")[0] == 404
    fingerprint = next(
        one["fingerprint"] for one in night.incident_of("SwitchDown")["alerts"] if one["status"] == "root"
    )
    assert night.refused("split", what=[fingerprint])[0] == 409


def test_the_command_line_says_it_all(night: Night) -> None:
    """Every way of `healer incidents` that says something, as operators type it."""
    assert night.run("ack", night.id, "--by", "eve", "--comment", "mine")["acknowledged_by"] == "eve"
    assert night.run("confirm", night.id, "--by", "eve")["confirmed_by"] == "eve"
    night.run("note", night.id, "look at the fan", "--key", "k")
    new = night.run("split", night.id, night.node("host/b"))
    assert night.run("merge", night.id, new["id"])["id"] == night.id
    host = night.node("host/a")
    assert night.run("blame", night.id, host)["root"]["node"] == host
    assert night.run("close", night.id)["resolution"] == "person"
    assert "look at the fan" in json.dumps(night.run("report", night.id))


def test_it_holds_after_a_crash(night: Night) -> None:
    """Killed and started again, healer knows what people said, and tells it in the same way."""
    new = night.say("split", what=[night.node("host/b")])
    night.say("ack")
    night.say("blame", node=night.node("host/a"))
    before = {name: night.incident_of(name) for name in ("SwitchDown", "PodDown")}
    night.healer.kill()
    night.healer.start()
    after = {name: night.incident_of(name) for name in ("SwitchDown", "PodDown")}
    for name, was in before.items():
        assert (after[name]["id"], after[name]["root"], after[name]["acknowledged_by"]) == (
            was["id"],
            was["root"],
            was["acknowledged_by"],
        )
    assert after["PodDown"]["id"] == new["id"]
    night.fire("DiskGone", "host/a")
    assert night.incident_of("DiskGone")["id"] == night.id
