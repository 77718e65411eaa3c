"""A disk fills up on a real machine: a rule cleans it, looks before and after, and does nothing where there is nothing to do."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers.healer import Healer
from tests.servers.prometheus import Prometheus
from tests.servers.sshd import SshHost, ssh_host

RULES = """
rule "make room"
  on event: "DiskFull", "DiskSuspected"
  when: kind == host AND severity >= critical
  then: execute("clean_disk", path: labels.mountpoint, timeout: 20s)
  verify: disk_used < 80% stable 2s within 60s
  limit: 5 per 1h per node
  mode: auto
"""
ALERTS = """
groups:
  - name: disk
    interval: 1s
    rules:
      - alert: DiskFull
        expr: 1 - node_filesystem_avail_bytes / node_filesystem_size_bytes > 0.9
        labels: {severity: critical}
      - alert: DiskSuspected
        expr: disk_suspected == 1
        labels: {severity: critical}
"""


def test_a_full_disk_is_cleaned_and_a_clean_one_left_alone(tmp_path: Path, say: Callable[[str], None]) -> None:
    """What is there is collected first; the action frees the disk, and says how much. Suspected again, nothing is to do."""
    with (
        ssh_host(tmp_path / "host", disk_mib=20) as host,
        exporter(host) as metrics,
        service(tmp_path, host, metrics.address) as healer,
    ):
        host.fill_disk(days_old=3)
        assert host.disk_used() > 0.95
        fault = time.monotonic()
        cleaned = until(healer, lambda: ended(healer, 1), "the disk to be cleaned")
        say(f"from the full disk to a verified clean one: {time.monotonic() - fault:.1f} s")
        assert host.disk_used() < 0.05
        looked, intent = healer.api(f"remediations/{cleaned['id']}")["intents"]
        assert (looked["action"], intent["action"]) == ("collect_diagnostics", "clean_disk")
        assert intent["outcome"] == "succeeded"
        assert "freed" in intent["why"], intent
        assert "100% used" in intent["why"], intent
        assert host.runs() == 2

        metrics.suspected = 1
        left_alone = until(healer, lambda: ended(healer, 2), "the suspicion to be looked at")
        intents = healer.api(f"remediations/{left_alone['id']}")["intents"]
        assert [one["action"] for one in intents] == ["collect_diagnostics"]
        story = healer.api(f"incidents/{left_alone['incident']}/timeline")["items"]
        assert any("nothing to do" in str(line) for line in story), story
        assert host.runs() == 3, "nothing but the look was run"


class Metrics:
    """What node-exporter would say of the machine's disk; `suspected` is an alarm without a reason."""

    def __init__(self, host: SshHost) -> None:
        self.suspected = 0
        self.host = host
        self.address = ""

    def text(self) -> str:
        labels = f'{{mountpoint="{self.host.disk}",fstype="ext4"}}'
        size = 20 << 20
        return (
            f"node_filesystem_size_bytes{labels} {size}\n"
            f"node_filesystem_avail_bytes{labels} {round((1 - self.host.disk_used()) * size)}\n"
            f'disk_suspected{{mountpoint="{self.host.disk}"}} {self.suspected}\n'
        )


@contextmanager
def exporter(host: SshHost) -> Iterator[Metrics]:
    metrics = Metrics(host)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = metrics.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """The test says what it saw; the server need not."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    metrics.address = f"127.0.0.1:{server.server_address[1]}"
    yield metrics
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def service(folder: Path, host: SshHost, metrics: str) -> Iterator[Healer]:
    """healer, and a Prometheus that scrapes the machine and sends its alerts here."""
    healer = Healer(folder / "healer", "listen: 127.0.0.1:9099")
    config = f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [disk.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{healer.port}"]}}]}}]}}
scrape_configs: [{{job_name: node, static_configs: [{{targets: ["{metrics}"]}}]}}]
"""
    flags = ["--rules.alert.resend-delay=1s"]
    with Prometheus(folder / "prometheus", config, files={"disk.yml": ALERTS}, flags=flags) as prometheus:
        ssh = host.settings()
        (healer.folder / "healer.yaml").write_text(f"""
server: {{listen: "127.0.0.1:{healer.port}"}}
place: only
store: {{url: "sqlite:///data/healer.db"}}
topology:
  sources: [{{file: topology.yaml}}]
  nodes: [{{match: ['mountpoint=~".+"'], node: host/web1}}]
convergence: {{hold: {{default: 2s, critical: 1s}}, settle: 2s}}
rules: {{paths: [disk.heal], dry_run: false, autonomy: {{successes: 0}}}}
guards: {{rates: {{target: {{count: 10}}}}}}
prometheus: ["{prometheus.url}"]
channels: {{here: {{type: terminal}}}}
executors:
  ssh: {{user: {ssh.user}, port: {ssh.port}, keys: [{ssh.keys[0]}], known_hosts: {ssh.known_hosts},
    wrapper: {ssh.wrapper}, go_wait_s: 5, margin: 5s}}
""")
        (healer.folder / "disk.heal").write_text(RULES)
        (healer.folder / "topology.yaml").write_text(
            f"nodes: [{{id: host/web1, kind: host, address: 127.0.0.1, instance: '{metrics}'}}]\n"
        )
        with healer:
            yield healer


def ended(healer: Healer, count: int) -> dict[str, Any] | None:
    """The newest of so many remediations, once it has succeeded."""
    found: list[dict[str, Any]] = healer.api("remediations")["items"]
    assert all(each["state"] not in ("failed", "not_verified", "refused", "handed_over") for each in found), found
    return found[0] if len(found) == count and found[0]["state"] == "succeeded" else None


def until(healer: Healer, holds: Callable[[], dict[str, Any] | None], what: str) -> dict[str, Any]:
    end = time.monotonic() + 90
    while time.monotonic() < end:
        if found := holds():
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited 90 s for {what}; healer's log:\n{healer.log[-6000:]}")
