"""The service and an agent as people start them: invited, enrolled, given an order by a rule, and missed when it is gone."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from healer.cli.main import main
from tests.servers.agents import AgentProcess, agent_file
from tests.servers.healer import Healer
from tests.servers.process import free_port, get, post
from tests.standins.called import Called

MEMORY = 60_000_000
"""Bytes that an agent may hold, at its dearest: it has just enrolled."""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NAME = "host/cn-1"
TOPOLOGY = json.dumps({"nodes": [{"id": NAME, "kind": "host"}]})
CONFIG = """
server: {listen: "127.0.0.1:9099"}
place: only
store: {url: "sqlite:///data/healer.db"}
topology:
  sources: [{file: topology.yaml}]
  nodes: [{match: ['alertname="HealerAgentInactive"'], node: "{agent}"}, {node: "{on}"}]
convergence: {hold: 0s}
watchdog: {missing_after: 1h}
rules: {paths: [act.heal], dry_run: false}
guards: {dwell: 0s}
channels: {here: {type: terminal}}
executors:
  http: {allow: [127.0.0.1]}
  agent: {listen: "127.0.0.1:PORT", names: [127.0.0.1]}
"""
RULES = """
action "act"
  run: ssh ["ACT", "{unit}"]
  with: unit: string =~ "[a-z]+"
  idempotent: yes   destructive: no   timeout: 20s

rule "act on it"
  on event: "HostSick"
  then: execute("act", unit: "shop")
  verify: http("URL/health") == 200 within 60s
  mode: auto
"""
ALERT = [{"labels": {"alertname": "HostSick", "on": NAME, "severity": "critical"}}]


async def test_a_rule_reaches_a_machine_that_dialled_in(tmp_path: Path) -> None:
    """What is ordered over SSH goes to the agent, once; who came is in the audit log; a silent agent is an alert."""
    async with Called(SECRET) as called:
        called.effects.append("healthy")
        await asyncio.to_thread(repaired, tmp_path, called.url)


def repaired(folder: Path, url: str) -> None:
    machine = folder / "machine"
    settings = agent_file(machine, f"{machine}/act <name>")
    (machine / "act").write_text('#!/bin/sh\necho "$HEALER_INTENT $1" >>"$(dirname "$0")/effects.log"\n')
    (machine / "act").chmod(0o755)
    rules = RULES.replace("URL", url).replace("ACT", f"{machine}/act")
    config = CONFIG.replace("PORT", str(free_port()))
    with Healer(folder / "healer", config, files={"topology.yaml": TOPOLOGY, "act.heal": rules}) as healer:
        invited = ["agents", "invite", NAME, "--url", healer.url, "--out", settings.invitation]
        assert main(invited) == 0
        with AgentProcess(settings, machine) as process:
            (one,) = until(lambda: healer.api("agents")["items"], active, healer)
            assert (one["tasks"], one["paused"]) == (0, None)
            assert main(["agents", "list", "--url", healer.url]) == 0
            assert process.resident < MEMORY
            post(f"{healer.url}/api/v2/alerts", json.dumps(ALERT).encode(), within=10)
            over = ("succeeded", "failed", "refused", "not_verified", "handed_over")
            (done,) = until(
                lambda: healer.api("remediations")["items"], lambda found: found and found[0]["state"] in over, healer
            )
            assert done["state"] == "succeeded", done
            (effect,) = (machine / "effects.log").read_text().splitlines()
            assert effect.startswith(done["id"])
            assert effect.endswith(" shop")
        gone = until(lambda: healer.api("alerts?limit=10")["items"], lambda found: silent(found) is not None, healer)
        found = silent(gone)
        assert found is not None
        assert (found["node"], found["labels"]["agent"]) == (NAME, NAME)
        assert main(["agents", "list", "--url", healer.url]) == 1
        assert b'healer_agents{state="inactive"} 1' in get(f"{healer.url}/metrics")
        with redirect_stdout(StringIO()) as said:
            main(["doctor", "--url", healer.url, "--json"])
        assert f"1 of 1 agent inactive: {NAME}" in [each["what"] for each in json.loads(said.getvalue())["items"]]
        assert main(["agents", "remove", NAME, "--url", healer.url]) == 0
        kinds = [each["kind"] for each in healer.api("audit?limit=100")["items"]]
        assert {"agent invited", "agent enrolled", "agent removed"} <= set(kinds)


def active(agents: list[dict[str, Any]]) -> bool:
    """Whether there is an agent, and all are well."""
    return bool(agents) and all(each["status"] == "active" for each in agents)


def silent(alerts: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next((each for each in alerts if each["labels"]["alertname"] == "HealerAgentInactive"), None)


def until(ask: Callable[[], Any], holds: Callable[[Any], bool], healer: Healer) -> Any:
    """What is asked for, once it is so."""
    end = time.monotonic() + 60
    while not holds(found := ask()):
        assert time.monotonic() < end, f"{found}; {healer.log[-4000:]}"
        time.sleep(0.1)
    return found
