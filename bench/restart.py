"""How long healer is away when it has to begin again: a million active alerts, no snapshot. `make bench` runs it.

healer is filled over HTTP and killed; its snapshots are taken away, so that everything has to come from the journal. Then:
from exec to the first 200 of /-/ready, at which all of the journal has been applied.
"""

import argparse
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.servers.healer import Healer
from tests.servers.process import get

HERE = Path(__file__).parent
TARGET_SECONDS = 10.0


def fill(healer: Healer, alerts: int) -> None:
    """Send that many firing alerts and wait until all are applied. Raises SystemExit when some are refused."""
    load = [sys.executable, "-m", "bench.load", f"{healer.url}/api/v2/alerts", "--batch=1000", f"--count={alerts}"]
    subprocess.run([*load, "--connections=4"], cwd=HERE.parent, check=True, capture_output=True)
    until = time.monotonic() + 300
    while total(healer) < alerts:
        if time.monotonic() > until:
            raise SystemExit(f"healer knows {total(healer)} of {alerts} alerts after 300 s")
        time.sleep(0.5)


def total(healer: Healer) -> int:
    """How many alerts it knows."""
    return int(healer.api("alerts?limit=0")["total"])


def without_snapshots(database: Path) -> None:
    """Take every snapshot away, as if none had been made yet."""
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM snapshot")
    connection.close()


def ready_after(healer: Healer, alerts: int) -> float:
    """Seconds from exec to ready. Raises SystemExit when it is ready without knowing all of them."""
    began = time.perf_counter()
    process = subprocess.Popen(
        healer.command(), cwd=healer.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                get(f"{healer.url}/-/ready", within=60)
                break
            except OSError as error:
                if process.poll() is not None or time.perf_counter() - began > 600:
                    raise SystemExit("healer did not get ready") from error
                time.sleep(0.02)
        seconds = time.perf_counter() - began
        if (known := total(healer)) != alerts:
            raise SystemExit(f"healer is ready and knows {known} of {alerts} alerts")
        return seconds
    finally:
        process.kill()
        process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """0: within the target; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m bench.restart", description=__doc__)
    parser.add_argument("--alerts", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as root:
        filled = Path(root) / "filled"
        config = (HERE / "healer.yaml").read_text() + "journal: {max_lag: 100000000}\n"
        with Healer(filled, config) as healer:
            fill(healer, asked.alerts)
        without_snapshots(filled / "data" / "healer.db")
        seconds = []
        for number in range(asked.repetitions):
            folder = Path(root) / f"again{number}"
            again = Healer(folder, config)
            shutil.copytree(filled / "data", folder / "data")
            seconds.append(ready_after(again, asked.alerts))
            print(
                f"{number + 1}/{asked.repetitions} {asked.alerts} alerts, no snapshot: ready after {seconds[-1]:.2f} s",
                flush=True,
            )
    median = statistics.median(seconds)
    print(f"restart: {median:.2f} s [{min(seconds):.2f} to {max(seconds):.2f}], at most {TARGET_SECONDS} s wanted")
    return int(median > TARGET_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
