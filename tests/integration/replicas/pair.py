"""Two healers on one PostgreSQL and one Redis, with a chat and a target that outlive them. Alerts may be sent to either."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from healer.cli.main import main
from tests.servers.agents import AgentProcess, agent_file
from tests.servers.healer import LISTEN, Healer
from tests.servers.inbox import Inbox
from tests.servers.postgres import Postgres
from tests.servers.process import free_port, get, post
from tests.servers.telegram import Telegram
from tests.servers.valkey import Valkey

TOKEN = "8080:stand-in"
CONFIG = """
server: {{listen: "{listen}"}}
store: {{url: "{store}", replica: {name}}}
place: only
topology: {{sources: [{{labels: [host, service]}}]}}
convergence: {{hold: {{default: 300ms, critical: 100ms}}, settle: 1s, storm: {{roots: 1000}}}}
channels: {{duty: {{type: telegram, token: {{file: telegram.token}}, chat_id: 1, api_url: "{chat}", last_resort: true}}}}
locks: {{redis: {{urls: ["{redis}"]}}}}
rules: {{paths: [flush.heal], dry_run: false}}
guards: {{healthy: 0, siblings: 1, ramp: {{first: 10}}}}
executors:
  http: {{allow: [127.0.0.1], webhooks: {{flush: {{url: "{target}/flush", secret: {{file: word}}}}}}}}
  agent: {{listen: "127.0.0.1:{agents}", names: [127.0.0.1], folder: "{folder}", nodes: {{host/m2: host/m1}}}}
"""
RULES = """
action "flush"
  run: http "call_webhook"
  with: webhook: string =~ "[a-z_]+"
  idempotent: yes   destructive: no   timeout: 10s

rule "flush a cache"
  on event: "CacheDown"
  then: execute("flush", webhook: "flush")
  verify: resolved
  limit: 1 per 1m per node
  allow: unfenced
  mode: auto

action "mend"
  run: ssh ["MEND", "{unit}"]
  with: unit: string =~ "[a-z]+"
  idempotent: yes   destructive: no   timeout: 20s

rule "mend a unit"
  on event: "UnitDown"
  then: execute("mend", unit: "shop")
  verify: resolved
  limit: 5 per 1m per node
  mode: auto
"""
MACHINE = "host/m1"
MEND = """#!/bin/sh
echo "$1" >>"$(dirname "$0")/effects.log"
"""


class Pair:
    """`one` and `other`, with names of their own."""

    def __init__(self, folder: Path, server: Postgres, node: Valkey, chat: Telegram, target: Inbox) -> None:
        self.server = server
        self.node = node
        self.chat = chat
        self.target = target
        self.sent = 0
        self.machine = folder / "machine"
        """Where there is an agent, which may dial both."""
        self.ports = {name: free_port() for name in ("one", "other")}
        rules = RULES.replace("MEND", str(self.machine / "mend"))
        files = {"telegram.token": TOKEN, "word": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "flush.heal": rules}
        store = server.schema("healer")
        self.healers = {
            name: Healer(
                folder / name,
                CONFIG.format(
                    listen=LISTEN,
                    store=store,
                    name=name,
                    chat=chat.url,
                    redis=node.redis,
                    target=target.url,
                    agents=port,
                    folder=folder / "agents",
                ),
                files=files,
            )
            for name, port in self.ports.items()
        }

    def start(self) -> None:
        """Both at once: whoever comes first converges."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Healer.start, self.healers.values()))

    def stop(self) -> None:
        for healer in self.healers.values():
            healer.kill()

    def converges(self) -> tuple[Healer, Healer]:
        """Who converges, and who follows, as each of the two says."""
        said = {name: healer.api("owner") for name, healer in self.healers.items()}
        (owner,) = (name for name, one in said.items() if one["converges"])
        (follower,) = (name for name in said if name != owner)
        named = {one["owner"]["replica"] for one in said.values() if one["owner"]}
        assert named == {owner}, said
        return self.healers[owner], self.healers[follower]

    def send(self, healer: Healer, *hosts: str, ends: bool = False) -> None:
        """A host that is down, and the service on it, for each; or that this is over."""
        down = [
            {"alertname": name, "host": host, **more}
            for host in hosts
            for name, more in (("HostDown", {}), ("ServiceDown", {"service": f"shop-{host}"}))
        ]
        said = body(down, ends=ends)
        # Like Prometheus: what is answered 503 is sent again. One that stops in the middle of a write holds up the others.
        until(lambda: post(f"{healer.url}/api/v2/alerts", said, within=15) is not None, "it is accepted", healer)
        self.sent += 0 if ends else len(down)

    def send_cache(self, healer: Healer, host: str) -> None:
        """A cache that is down on a host; there is a rule for that."""
        post(f"{healer.url}/api/v2/alerts", body([{"alertname": "CacheDown", "host": host}]), within=15)
        self.sent += 1

    def send_unit(self, healer: Healer, host: str) -> None:
        """A unit that is down on a node of the machine with the agent."""
        post(f"{healer.url}/api/v2/alerts", body([{"alertname": "UnitDown", "host": host}]), within=15)
        self.sent += 1

    def mended(self) -> int:
        """How often the agent carried that rule's action out."""
        log = self.machine / "effects.log"
        return len(log.read_text().splitlines()) if log.exists() else 0

    @contextmanager
    def agent(self) -> Iterator[None]:
        """On its machine, invited by the one that converges; it dials the one that follows first."""
        owner, follower = self.converges()
        settings = agent_file(self.machine, f"{self.machine}/mend <name>")
        (self.machine / "mend").write_text(MEND)
        (self.machine / "mend").chmod(0o755)
        assert main(["agents", "invite", MACHINE, "--url", owner.url, "--out", settings.invitation]) == 0
        ports = (self.ports[healer.folder.name] for healer in (follower, owner))
        servers = tuple(f"https://127.0.0.1:{port}" for port in ports)
        with AgentProcess(msgspec.structs.replace(settings, servers=servers), self.machine):
            yield

    def sends(self) -> list[str]:
        """The first line of every message that people got, edits apart."""
        return [each["body"]["text"].splitlines()[0] for each in self.chat.requests("sendMessage")]


@contextmanager
def pair(folder: Path) -> Iterator[Pair]:
    chatting = Telegram(folder / "telegram", TOKEN, rates=False)
    with Postgres() as server, Valkey(folder / "valkey") as node, chatting as chat, Inbox() as target:
        both = Pair(folder, server, node, chat, target)
        try:
            yield both
        finally:
            both.stop()


def body(labels: Sequence[Mapping[str, str]], *, ends: bool = False) -> bytes:
    """Critical alerts with these labels, as they are posted."""
    now = datetime.now(UTC)
    end = now if ends else now + timedelta(hours=1)
    when = {"startsAt": (now - timedelta(seconds=1)).isoformat(), "endsAt": end.isoformat()}
    return json.dumps([{"labels": {"severity": "critical", **each}, **when} for each in labels]).encode()


def ready(healer: Healer) -> str:
    return get(f"{healer.url}/-/ready").decode()


def until(holds: Callable[[], Any], what: str, *healers: Healer, within: float = 60) -> float:
    """Wait for it; how many seconds it took."""
    began = time.monotonic()
    while True:
        try:
            if holds():
                return time.monotonic() - began
        except OSError:
            pass
        logs = "\n".join(healer.log[-3_000:] for healer in healers)
        assert time.monotonic() < began + within, f"not within {within:g} s: {what}\n{logs}"
        time.sleep(0.02)
