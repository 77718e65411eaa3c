"""Two healers on one PostgreSQL and five Valkey nodes, with a machine, a cluster and a chat, and a network of their own to each.

`storm` lets the faults happen while alerts are sent; `settle` ends them, and waits until nothing is under way any more.
"""

import contextlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from healer.convergence.outcome import Incident
from healer.times import SECOND, Micros
from tests.integration.chaos.deeds import in_cluster
from tests.integration.chaos.faults import REPLICAS, Fault
from tests.integration.chaos.sender import HOSTS, ChaosSender, Trouble
from tests.integration.kill import effects
from tests.servers.cluster import ClusterServer
from tests.servers.healer import LISTEN, Healer
from tests.servers.postgres import Postgres
from tests.servers.sshd import SshHost, ssh_host
from tests.servers.telegram import ROOT, Telegram
from tests.servers.valkey import Valkey
from tests.servers.wire import Wire, Wires

TOKEN = "8080:stand-in"
NODES = 5
MAJORITY = 3
WORKLOADS = 3
SCHEMA = "healer"
STARTS_S = 90.0
"""Seconds until a healer that was killed is there again, whatever else fails meanwhile."""

RULES = """
action "count"
  run: ssh ["{command}", "{{tag}}"]
  with: tag: string =~ "[a-z0-9]{{1,32}}"
  accepts: host
  idempotent: no   destructive: no   timeout: 10s

rule "count it"
  on event: "Broken"
  then: execute("count", tag: labels.service, on: nearest(host), retry: 5)
  verify: resolved within 40s
  limit: 10000 per 1h per rule
  mode: auto

rule "restart it"
  on event: "Stuck"
  then: execute("rollout_restart", retry: 5)
  verify: resolved within 40s
  limit: 10000 per 1h per rule
  mode: auto
"""
CONFIG = """
server: {{listen: "{listen}"}}
store: {{url: "{store}", replica: {name}}}
locks: {{redis: {{urls: [{locks}]}}}}
place: only
topology:
  sources: [{{file: topology.yaml}}, {{labels: [host, service]}}]
  nodes: [{{match: ['workload!=""'], node: "workload/{{workload}}"}}]
convergence:
  {{hold: {{default: 300ms, critical: 100ms}}, settle: 1s, join: false,
  flap: {{changes: 1000000, reopenings: 1000000}}, storm: {{roots: 1000000}}}}
rules: {{paths: [site.heal], dry_run: false}}
channels: {{duty: {{type: telegram, token: {{file: token}}, chat_id: 1, api_url: "{chat}", timeout: 3s}}}}
routes: [{{match: ['severity="critical"'], channels: [duty]}}, {{channels: []}}]
guards:
  rates:
    {{target: {{count: 2, within: 10s}}, rule: {{count: 10000}}, action: {{count: 10000}}, service: {{count: 10000}}}}
  at_once: 6
  siblings: 1
  healthy: 0
  ramp: {{first: 10000, failures: 10000}}
  ineffective: {{count: 10000}}
executors:
  ssh: {{user: {user}, port: {ssh}, keys: [{key}], known_hosts: known_hosts, wrapper: {wrapper}, margin: 5s}}
  kubernetes: {{kubeconfig: kubeconfig.yaml, timeout: 3s}}
log: {{level: info}}
"""


class Replica(Healer):
    """One healer, and its wires to everybody else, by name."""

    def __init__(self, folder: Path, wires: dict[str, list[Wire]]) -> None:
        super().__init__(folder, f"listen: {LISTEN}")
        self.name = folder.name
        self.wires = wires
        self.pausing = False
        """It stands still between its last look at the kill switch and what follows from that, each time."""

    def command(self) -> list[str]:
        if not self.pausing:
            return super().command()
        python = ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.integration.chaos.pausing"]
        return [*python, str(self.folder / "healer.yaml"), str(self.folder / "stood-still.log")]

    def converges(self) -> bool:
        """Whether it says so; False where it says nothing."""
        with contextlib.suppress(OSError):
            return bool(self.api("owner")["converges"])
        return False


class Happened(msgspec.Struct, frozen=True):
    """A fault, and from when to when it really was, in microseconds."""

    fault: Fault
    began_at: Micros
    ended_at: Micros


class Site:
    """Everything that is there. `happened` are the faults so far."""

    def __init__(self, folder: Path, stack: ExitStack, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.happened: list[Happened] = []
        self.postgres = stack.enter_context(Postgres())
        self.valkeys = [stack.enter_context(Valkey(folder / f"valkey-{number}")) for number in range(NODES)]
        self.host: SshHost = stack.enter_context(ssh_host(folder / "host"))
        self.cluster = stack.enter_context(ClusterServer(folder / "cluster", WORKLOADS))
        self.chat = stack.enter_context(Telegram(folder / "telegram", TOKEN, rates=False))
        self._wires = stack.enter_context(Wires())
        self._store = self.postgres.schema(SCHEMA)
        self._chance = random.Random(f"site {seed}")
        self.replicas = {name: self._replica(name) for name in REPLICAS}
        urls = [replica.url for replica in self.replicas.values()]
        self.sender = ChaosSender(urls, WORKLOADS, self._mended, seed)

    def start(self) -> None:
        """Both healers at once; then alerts are sent."""
        with ThreadPoolExecutor(len(self.replicas)) as pool:
            list(pool.map(Healer.start, self.replicas.values()))
        self.sender.start()

    def stop(self) -> None:
        self.sender.stop()
        for replica in self.replicas.values():
            replica.kill()

    def storm(self, rows: Sequence[Sequence[Fault]]) -> None:
        """Let each row of faults happen, one after another, beside the other rows."""
        began = time.monotonic()

        def row(faults: Sequence[Fault]) -> None:
            for fault in faults:
                time.sleep(max(0.0, began + fault.at - time.monotonic()))
                self._befall(fault)

        with ThreadPoolExecutor(len(rows)) as pool:
            list(pool.map(row, rows))

    def settle(self, within: float = 150) -> None:
        """No new faults; wait until everything is at its end and everybody heard of it."""
        self.sender.calm()
        self.until(lambda: not self.unsettled(), "everything to settle", within, self.unsettled)

    def unsettled(self) -> str:
        """What is still under way, "" when nothing is."""
        owners = [replica for replica in self.replicas.values() if replica.converges()]
        if len(owners) != 1:
            return f"{len(owners)} of two healers converge"
        states = Counter(state for (state,) in self.sql("SELECT state FROM remediation"))
        going = {one: states[one] for one in ("planned", "waiting", "locked", "executing", "verifying") if states[one]}
        ((untold,),) = self.sql("SELECT count(*) FROM told WHERE state <> 'told'")
        ((behind,),) = self.sql("SELECT (SELECT max(position) FROM journal) - applied FROM owner")
        said = {
            "broken": len(self.sender.broken()),
            "remediations": going,
            "to be told": untold,
            "unsettled": len(self.sql("SELECT 1 FROM intent WHERE unsettled = 1")),
            "not decided": behind if self.sender.quiet.is_set() else 0,
            "open": sum(one.severity == "critical" for one in self.incidents("open")) - len(self.sender.lasting),
        }
        return ", ".join(f"{name}: {what}" for name, what in said.items() if what)

    def incidents(self, *status: str) -> list[Incident]:
        """Those of any of these, as the store has them."""
        rows = self.sql("SELECT status, data FROM incident")
        return [msgspec.msgpack.decode(data, type=Incident) for each, data in rows if each in status]

    def until(self, holds: Callable[[], Any], what: str, within: float, left: Callable[[], str] = lambda: "") -> None:
        """Wait for it. Raises AssertionError with the ends of both logs."""
        end = time.monotonic() + within
        while not holds():
            logs = "\n".join(f"{one.name}: {one.log[-3_000:]}" for one in self.replicas.values())
            assert time.monotonic() < end, f"not within {within:g} s: {what}; {left()}\n{logs}"
            time.sleep(0.2)

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Read the store past healer."""
        return self.postgres.sql(query, SCHEMA)

    # --- what goes wrong

    def _befall(self, fault: Fault) -> None:
        began_at = _micros()
        match fault.kind:
            case "kill":
                replica = self.replicas[fault.replica]
                replica.kill()
                time.sleep(fault.lasts)
                self.revive(replica)
            case "stop":
                replica = self.replicas[fault.replica]
                replica.pause()
                time.sleep(fault.lasts)
                replica.resume()
            case "hole":
                wires = self._meant(fault)
                for wire in wires:
                    wire.dark()
                time.sleep(fault.lasts)
                for wire in wires:
                    wire.light()
            case "restart":
                self.postgres.restart()
            case "flush":
                self._flush()
        self.happened.append(Happened(fault, began_at, _micros()))

    def kill(self, replica: Replica) -> None:
        """One fault more, after which it stays dead."""
        at = _micros()
        replica.kill()
        self.happened.append(Happened(Fault(0, 0, "kill", replica.name), at, at))

    def revive(self, replica: Replica) -> None:
        """Start it, again and again where it cannot: whoever watches over processes does so."""
        end = time.monotonic() + STARTS_S
        while True:
            try:
                return replica.start()
            except RuntimeError:
                if time.monotonic() > end:
                    raise

    def _meant(self, fault: Fault) -> list[Wire]:
        wires = self.replicas[fault.replica].wires
        match fault.where:
            case "everything":
                return [wire for each in wires.values() for wire in each]
            case "locks":
                return self._chance.sample(wires["locks"], MAJORITY)
            case "one lock":
                return self._chance.sample(wires["locks"], 1)
            case where:
                return wires[where]

    def _flush(self) -> None:
        for node in self.valkeys:
            with contextlib.suppress(RedisError), Redis.from_url(node.redis, socket_timeout=1) as client:
                client.flushall()

    # --- how it is set up

    def _mended(self, trouble: Trouble) -> bool:
        if trouble.place.startswith("host/"):
            return any(one.ended_at for one in effects.runs(self.host.folder) if one.tag == trouble.tag)
        name = trouble.place.rpartition("/")[2]
        return any(one.name == name and one.began_at > trouble.began_at for one in in_cluster(self.cluster.writes()))

    def _replica(self, name: str) -> Replica:
        to = self._wires.to
        wires = {
            "postgres": [to(self.postgres.port)],
            "locks": [to(node.port) for node in self.valkeys],
            "chat": [to(self.chat.port)],
            "ssh": [to(self.host.port)],
            "cluster": [to(self.cluster.port)],
        }
        folder = self.folder / name
        replica = Replica(folder, wires)
        ports = {where: found[0].port for where, found in wires.items()}
        hosts = "".join(f"  - {{id: host/h{number:02}, address: 127.0.0.1}}\n" for number in range(HOSTS))
        workloads = "".join(f"  - {{id: workload/shop/cart-{number}}}\n" for number in range(WORKLOADS))
        config = CONFIG.format(
            listen=f"127.0.0.1:{replica.port}",
            store=self._store.replace(f":{self.postgres.port}/", f":{ports['postgres']}/"),
            name=name,
            locks=", ".join(f'"redis://127.0.0.1:{wire.port}/0"' for wire in wires["locks"]),
            chat=f"http://127.0.0.1:{ports['chat']}",
            user=self.host.user,
            ssh=ports["ssh"],
            key=self.host.key,
            wrapper=self.host.folder / "lib/healer-run",
        )
        machine_key = self.host.known_hosts.read_text().partition(" ")[2]
        files = {
            "healer.yaml": config,
            "site.heal": RULES.format(command=effects.install(self.host.folder)),
            "topology.yaml": f"nodes:\n{hosts}{workloads}edges: []\n",
            "token": TOKEN,
            "known_hosts": f"[127.0.0.1]:{ports['ssh']} {machine_key}",
            "kubeconfig.yaml": self.cluster.kubeconfig(f"http://127.0.0.1:{ports['cluster']}"),
        }
        for file, text in files.items():
            (folder / file).write_text(text)
        return replica


def _micros() -> Micros:
    return round(time.time() * SECOND)


@contextmanager
def site(folder: Path, seed: int) -> Iterator[Site]:
    """Two healers that are started, and everything around them."""
    folder.mkdir()
    with ExitStack() as stack:
        here = Site(folder, stack, seed)
        stack.callback(here.stop)
        here.start()
        yield here
