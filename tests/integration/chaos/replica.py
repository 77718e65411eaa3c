"""One of the two healers: how it is set up, and its own wires to everybody else. Made by `site`."""

import contextlib
import re
import sys
from pathlib import Path

from tests.integration.chaos.sender import HOSTS, WORKLOADS
from tests.integration.kill import effects
from tests.servers.cluster import ClusterServer
from tests.servers.healer import LISTEN, Healer
from tests.servers.sshd import SshHost
from tests.servers.telegram import ROOT
from tests.servers.wire import Wire

TOKEN = "8080:stand-in"
_REACHED = re.compile(r":\d+/")
"""Where a URL says the port."""
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

    def set_up(self, store: str, host: SshHost, cluster: ClusterServer) -> None:
        """Lay down its files. `store` is a URL; all is reached by the wires."""
        ports = {where: found[0].port for where, found in self.wires.items()}
        hosts = "".join(f"  - {{id: host/h{number:02}, address: 127.0.0.1}}\n" for number in range(HOSTS))
        workloads = "".join(f"  - {{id: workload/shop/cart-{number}}}\n" for number in range(WORKLOADS))
        config = CONFIG.format(
            listen=f"127.0.0.1:{self.port}",
            store=_REACHED.sub(f":{ports['postgres']}/", store, count=1),
            name=self.name,
            locks=", ".join(f'"redis://127.0.0.1:{wire.port}/0"' for wire in self.wires["locks"]),
            chat=f"http://127.0.0.1:{ports['chat']}",
            user=host.user,
            ssh=ports["ssh"],
            key=host.key,
            wrapper=host.folder / "lib/healer-run",
        )
        machine_key = host.known_hosts.read_text().partition(" ")[2]
        files = {
            "healer.yaml": config,
            "site.heal": RULES.format(command=effects.install(host.folder)),
            "topology.yaml": f"nodes:\n{hosts}{workloads}edges: []\n",
            "token": TOKEN,
            "known_hosts": f"[127.0.0.1]:{ports['ssh']} {machine_key}",
            "kubeconfig.yaml": cluster.kubeconfig(f"http://127.0.0.1:{ports['cluster']}"),
        }
        for file, text in files.items():
            (self.folder / file).write_text(text)
