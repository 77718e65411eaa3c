"""One healer among others that outlive it: it is killed, looked at, started again, and killed at the next place."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.kill import effects
from tests.integration.kill.places import Place
from tests.integration.kill.records import Message, telling, untold
from tests.integration.kill.sender import HOSTS, LoadSender
from tests.servers.healer import Healer
from tests.servers.sshd import SshHost, ssh_host
from tests.servers.telegram import ROOT, Telegram

TOKEN = "8080:stand-in"
NEVER = 1_000_000_000
REACHED_S = 25.0
"""Seconds until a healer under this load has come to any place."""

RULE = """
action "count"
  run: ssh ["{command}", "{{tag}}"]
  with: tag: string =~ "[a-z0-9]{{1,32}}"
  accepts: host
  idempotent: no   destructive: no   timeout: 10s

rule "count it"
  on event: "Broken"
  then: execute("count", tag: labels.service, on: nearest(host), retry: 3)
  verify: resolved within 20s
  limit: 10000 per 1h per rule
  mode: auto
"""


class Death(msgspec.Struct, frozen=True):
    """One kill: where it was to be, where the process says it was ("" when it never came there), what it left behind."""

    place: Place
    state: str
    recorded: frozenset[Message]
    claimed: frozenset[Message]
    requests: int
    """Requests that the chat had seen by then."""


class Survivor(Healer):
    """The healer that is started last: as people start it, or, with an ablation, as those before it were."""

    ablation = ""

    def command(self) -> list[str]:
        return _launch(self, Place.IN_T1, NEVER, self.folder, self.ablation) if self.ablation else super().command()


class World:
    """`live` runs the deaths in order; then `settle` lets a last healer finish what all of them began."""

    def __init__(self, folder: Path, host: SshHost, telegram: Telegram, seed: int, ablation: str) -> None:
        self.folder = folder
        self.ablation = ablation
        self.host = host
        self.telegram = telegram
        self.deaths: list[Death] = []
        self.healer = Survivor(folder / "healer", "listen: 127.0.0.1:9099")
        self.healer.ablation = ablation
        self.sender = LoadSender(self.healer.url)
        self.database = self.healer.folder / "data/healer.db"
        self._random = random.Random(seed)
        self._log = folder / "deaths.log"
        self._configure()

    def live(self, places: Sequence[Place]) -> None:
        """Die once at each place."""
        for place in places:
            self._die(place, 1 if place is Place.RECOVERING else self._random.randint(1, 3))

    def settle(self, within: float = 60) -> None:
        """Start a healer that lives, and wait until nothing is under way and nobody waits to be told."""
        self.sender.calm()
        self.healer.start()
        end = time.monotonic() + within
        while (left := self._unsettled()) and time.monotonic() < end:
            time.sleep(0.2)
        assert not left, f"not settled within {within:g} s: {left}\n{self.healer.log[-4_000:]}"

    def remediations(self) -> list[dict[str, Any]]:
        """All remediations, each with its intents."""
        found, cursor = [], ""
        while True:
            page = self.healer.api(f"remediations?limit=500&cursor={cursor}")
            found += [self.healer.api(f"remediations/{one['id']}") for one in page["items"]]
            if not (cursor := page["next"] or ""):
                return found

    def counted(self) -> Counter[str]:
        return effects.counted(self.host.folder)

    def _unsettled(self) -> str:
        states = Counter(one["state"] for one in self.healer.api("remediations?limit=500")["items"])
        busy = {state: states[state] for state in ("planned", "waiting", "executing", "verifying") if states[state]}
        waiting = untold(self.database)
        return f"remediations {busy}, {waiting} to be told" if busy or waiting else ""

    def _die(self, place: Place, nth: int) -> None:
        before = self._lines()
        command = _launch(self.healer, place, nth, self._log, self.ablation)
        with (self.healer.folder / "healer.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=self.healer.folder, stdout=log, stderr=log)
            try:
                process.wait(REACHED_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        lines = self._lines()[len(before) :]
        left = telling(self.database)
        self.deaths.append(
            Death(place, lines[0] if lines else "", left.recorded, left.claimed, len(self.telegram.requests()))
        )

    def _lines(self) -> list[str]:
        return self._log.read_text().splitlines() if self._log.exists() else []

    def _configure(self) -> None:
        nodes = "".join(f"  - {{id: host/h{number:02}, address: 127.0.0.1}}\n" for number in range(HOSTS))
        host = self.host
        config = f"""
server: {{listen: "127.0.0.1:{self.healer.port}"}}
place: only
topology: {{sources: [{{file: topology.yaml}}, {{labels: [host, service]}}]}}
convergence:
  {{hold: {{default: 300ms, critical: 100ms}}, settle: 1s, flap: {{changes: 1000000, reopenings: 1000000}},
  storm: {{roots: 1000000}}}}
rules: {{paths: [count.heal], dry_run: false}}
channels: {{duty: {{type: telegram, token: {{file: token}}, chat_id: 1, api_url: "{self.telegram.url}"}}}}
routes: [{{match: ['severity="critical"'], channels: [duty]}}, {{channels: []}}]
guards:
  rates: {{target: {{count: 10000}}, rule: {{count: 10000}}, action: {{count: 10000}}, service: {{count: 10000}}}}
  at_once: 10000
  siblings: 1
  healthy: 0
  ramp: {{first: 10000, failures: 10000}}
  ineffective: {{count: 10000}}
executors:
  ssh: {{user: {host.user}, port: {host.port}, keys: [{host.key}], known_hosts: {host.known_hosts},
    wrapper: {host.folder / "lib/healer-run"}, go_wait_s: 2, margin: 5s}}
log: {{level: warning}}
"""
        files = {
            "healer.yaml": config,
            "topology.yaml": f"nodes:\n{nodes}edges: []\n",
            "token": TOKEN,
            "count.heal": RULE.format(command=effects.install(host.folder)),
        }
        for name, text in files.items():
            (self.healer.folder / name).write_text(text)


def _launch(healer: Healer, place: Place, nth: int, log: Path, ablation: str) -> list[str]:
    start = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.integration.kill.launch"]
    return [*start, str(healer.folder / "healer.yaml"), place.value, str(nth), str(log), ablation]


@contextmanager
def world(folder: Path, seed: int, ablation: str = "") -> Iterator[World]:
    """A host, a chat and a sender around a healer that is not started yet."""
    folder.mkdir()
    with ExitStack() as stack:
        host = stack.enter_context(ssh_host(folder / "host"))
        telegram = stack.enter_context(Telegram(folder / "telegram", TOKEN, rates=False))
        here = World(folder, host, telegram, seed, ablation)
        stack.callback(here.healer.kill)
        here.sender.start()
        stack.callback(here.sender.stop)
        yield here
