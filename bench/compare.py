"""healer beside Alertmanager: the same alerts, in turn, on the same machine, settled. `make bench` runs it.

For each repetition and batch size both start afresh, in changing order, and get the same requests on POST /api/v2/alerts.
CPU is the operating system's count for the process and its children, from before the first request until everything has
settled: grouped, inhibited or converged, told. Memory is what the process grew by, for each alert that it holds. What
else runs on the machine changes the figures of both; quote the ratios.

Alertmanager keeps alerts in memory. healer has each on disk before it answers: its own, or that of a PostgreSQL, whose CPU
counts as healer's does.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from bench.places import on_server
from bench.processes import cpu_seconds, resident_kib
from tests.servers.alertmanager import Alertmanager
from tests.servers.healer import Healer
from tests.servers.inbox import Inbox
from tests.servers.postgres import Postgres
from tests.servers.process import Server

HERE = Path(__file__).parent
CONNECTIONS = {1: 64, 10: 16, 100: 8}
"""Connections by batch size: enough to keep one core busy, as several Prometheus servers would."""
COUNTS = {1: 20_000}
ALERTS = 100_000
TARGETS = {("healer", 100): 3.0, ("healer", 10): 1.5, ("postgresql", 100): 1.5}
"""What healer promises, by where it keeps alerts: Alertmanager's CPU for each alert divided by healer's, at least."""
MEMORY_TARGET = 2.0


class Figures(msgspec.Struct, frozen=True):
    """One server, one batch size, one repetition. Microseconds of CPU and KiB are per alert."""

    answered_us: float
    settled_us: float
    memory_kib: float
    alerts_per_second: float
    median_ms: float
    p99_ms: float


def measure(server: Server, batch: int, settle: float, *helpers: Server) -> Figures:
    """Load a server that is ready, wait until it has settled, and say what that cost, its helpers' CPU with it. Raises
    SystemExit on any refusal."""
    count = COUNTS.get(batch, ALERTS)

    def spent() -> float:
        return sum(cpu_seconds(each.pid) for each in (server, *helpers))

    cpu, memory = spent(), resident_kib(server.pid)
    load = [sys.executable, "-m", "bench.load", f"{server.url}/api/v2/alerts", f"--batch={batch}", f"--count={count}"]
    command = [*load, f"--connections={CONNECTIONS.get(batch, 8)}"]
    result = json.loads(subprocess.run(command, cwd=HERE.parent, check=True, capture_output=True, text=True).stdout)
    if result["alerts"] != count:
        raise SystemExit(f"{server.name} took {result['alerts']} of {count} alerts; answers: {result['statuses']}")
    answered = spent() - cpu
    time.sleep(settle)
    settled = spent() - cpu
    return Figures(
        answered / count * 1e6,
        settled / count * 1e6,
        (resident_kib(server.pid) - memory) / count,
        count / result["seconds"],
        result["median_ms"],
        result["p99_ms"],
    )


def alertmanager(batch: int, settle: float) -> Figures:
    """Debian's Alertmanager, told to tell a webhook that takes everything."""
    with tempfile.TemporaryDirectory() as folder, Inbox() as inbox:
        config = (HERE / "alertmanager.yml").read_text().replace("http://127.0.0.1:9", inbox.url)
        with Alertmanager(Path(folder), config) as server:
            return measure(server, batch, settle)


def healer(batch: int, settle: float) -> Figures:
    """healer as people start it."""
    with tempfile.TemporaryDirectory() as folder, Healer(Path(folder), (HERE / "healer.yaml").read_text()) as server:
        return measure(server, batch, settle)


def postgresql(batch: int, settle: float) -> Figures:
    """healer on a PostgreSQL, under a name, as replicas are."""
    with Postgres() as store, tempfile.TemporaryDirectory() as folder:
        config = on_server((HERE / "healer.yaml").read_text(), store.schema("healer"), "one")
        with Healer(Path(folder), config) as server:
            return measure(server, batch, settle, store)


SERVERS: dict[str, Callable[[int, float], Figures]] = {
    "alertmanager": alertmanager,
    "healer": healer,
    "postgresql": postgresql,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it all and print ratios. 0: every target was met; 1: one was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("--batches", default="100,10", help="alerts in a request (default 100,10)")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--settle", type=float, default=20, help="seconds after the last answer (default 20)")
    parser.add_argument("--only", choices=sorted(SERVERS), help="measure one alone, without ratios")
    asked = parser.parse_args(arguments)
    sizes = [int(size) for size in asked.batches.split(",")]
    measured: dict[tuple[str, int], list[Figures]] = {}
    wanted = {(name, batch) for name in SERVERS for batch in sizes if name != "postgresql" or (name, batch) in TARGETS}
    for repetition in range(asked.repetitions):
        for batch in sizes:
            for name in list(SERVERS)[:: 1 if repetition % 2 == 0 else -1]:
                if asked.only in (None, name) and (name, batch) in wanted:
                    figures = SERVERS[name](batch, asked.settle)
                    measured.setdefault((name, batch), []).append(figures)
                    print(
                        f"{repetition + 1}/{asked.repetitions} batch {batch:4} {name:13} {_line(figures)}", flush=True
                    )
    if asked.only:
        return 0
    met = [
        _report(name, batch, measured["alertmanager", batch], measured[name, batch])
        for batch in sizes
        for name in list(SERVERS)[1:]
        if (name, batch) in wanted
    ]
    return int(not all(met))


def _line(figures: Figures) -> str:
    return (
        f"{figures.answered_us:6.1f} us answered {figures.settled_us:6.1f} us settled {figures.memory_kib:6.2f} KiB "
        f"{figures.alerts_per_second:8.0f} alerts/s {figures.median_ms:7.2f} ms median {figures.p99_ms:7.2f} ms p99"
    )


def _report(name: str, batch: int, theirs: list[Figures], ours: list[Figures]) -> bool:
    """Print the ratios of one store and batch size, above 1 where healer is cheaper; whether they meet the targets."""
    pairs = list(zip(theirs, ours, strict=True))
    cpu = [other.settled_us / mine.settled_us for other, mine in pairs]
    memory = [other.memory_kib / mine.memory_kib for other, mine in pairs if mine.memory_kib > 0]
    met = _ratio(name, f"batch {batch}: CPU per alert, settled", cpu, TARGETS.get((name, batch)))
    if batch >= 100:  # below that the requests of the load weigh more than the alerts that stay
        met &= _ratio(name, f"batch {batch}: memory per active alert", memory, MEMORY_TARGET)
    return met


def _ratio(name: str, what: str, found: list[float], target: float | None) -> bool:
    if not found:
        print(f"{what}: {name} did not grow")
        return True
    median = statistics.median(found)
    wanted = f", at least {target} wanted" if target else ""
    print(f"{what}: Alertmanager / {name} = {median:.2f} [{min(found):.2f} to {max(found):.2f}]{wanted}")
    return target is None or median >= target


if __name__ == "__main__":
    sys.exit(main())
