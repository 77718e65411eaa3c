"""A rule calls a webhook: from the alert to a repair that somebody else vouches for, with the service as people start it."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from tests.servers.healer import Healer
from tests.servers.process import post
from tests.standins.called import Called

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TOPOLOGY = json.dumps({"nodes": [{"id": "region/eu-1", "kind": "region"}]})
CONFIG = """
server: {listen: "127.0.0.1:9099"}
place: only
store: {url: "sqlite:///data/healer.db"}
topology: {sources: [{file: topology.yaml}], nodes: [{node: "{on}"}]}
convergence: {hold: 0s}
watchdog: {missing_after: 1h}
rules: {paths: [shift.heal], dry_run: false}
channels: {here: {type: terminal}}
executors:
  http: {allow: [127.0.0.1], webhooks: {shift_traffic: {url: "URL/succeed", secret: {file: word}, data: {weight: 0}}}}
"""
RULES = """
action "shift"
  run: http "call_webhook"
  with: webhook: string =~ "[a-z_]+"
  idempotent: yes   destructive: no   timeout: 10s

rule "shift traffic away"
  on event: "RegionDown"
  when: severity >= critical
  then: execute("shift", webhook: "shift_traffic")
  verify: http("URL/health") == 200 within 60s
  allow: unfenced
  mode: auto
"""
ALERT = [{"labels": {"alertname": "RegionDown", "on": "region/eu-1", "severity": "critical"}}]


async def test_a_rule_calls_a_webhook_and_verifies_elsewhere(tmp_path: Path) -> None:
    """Called once, signed, about the node and by the intent that the store has; then healthy by another signal."""
    async with Called(SECRET) as called:
        done = await asyncio.to_thread(repaired, tmp_path, called.url)
    assert done["state"] == "succeeded", done
    (told,) = called.told
    assert told["data"] | {"intent": "", "trace_id": ""} == {
        "webhook": "shift_traffic",
        "node": "region/eu-1",
        "intent": "",
        "token": 1,
        "step": 0,
        "deadline_s": 10,
        "trace_id": "",
        "given": {"weight": 0},
    }
    assert told["data"]["intent"].startswith(done["id"])
    (call,) = [one for one in called.requests if one.path == "/succeed"]
    assert call.headers["traceparent"].startswith(f"00-{told['data']['trace_id']}-")


def repaired(folder: Path, url: str) -> dict[str, Any]:
    """The one remediation of an alert, at its end."""
    files = {"topology.yaml": TOPOLOGY, "word": SECRET, "shift.heal": RULES.replace("URL", url)}
    with Healer(folder, CONFIG.replace("URL", url), files=files) as healer:
        post(f"{healer.url}/api/v2/alerts", json.dumps(ALERT).encode(), within=10)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            found: list[dict[str, Any]] = healer.api("remediations")["items"]
            if found and found[0]["state"] not in ("planned", "waiting", "locked", "executing", "verifying"):
                (one,) = found
                return one
            time.sleep(0.1)
        raise AssertionError(f"no end within 60 s: {found}; {healer.log[-4000:]}")
