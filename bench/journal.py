"""What an append costs: alerts per second and microseconds per alert of `Store.append`, beside plain sqlite3 in the same run.

    .venv/bin/python -m bench.journal [--requests 2000] [--folder DIR]

The raw side writes the same bytes with the same pragmas, one commit per request, and nothing else. `at once` is how many
requests wait at the same time: that is what group commit is for. Wall time is the disk's too; CPU is this process's.
"""

import argparse
import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

import uvloop

from healer.alerts.model import Alert
from healer.journey.ports import Arrival
from healer.journey.records import Delivered, encode
from healer.seams import SystemClock
from healer.store.opening import open_store

DETAILS_BYTES = 150
"""Of one alert's annotations and link."""


def arrival(alerts: int) -> Arrival:
    labels = [
        b'{"alertname":"HostDown","cluster":"c1","instance":"10.0.%d.7:9100","rack":"r17","severity":"critical"}'
        % number
        for number in range(alerts)
    ]
    record = Delivered("am", tuple(Alert(each, True, 1_760_000_000_000_000, 0) for each in labels))
    return Arrival(record, b"x" * (DETAILS_BYTES * alerts))


def raw(folder: Path, alerts: int, requests: int) -> tuple[float, float]:
    """Wall and CPU seconds of sqlite3 alone."""
    given = arrival(alerts)
    data = encode(given.record)
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE journal (position INTEGER PRIMARY KEY, at, alerts, data BLOB, details BLOB)")
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(requests):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT INTO journal (at, alerts, data, details) VALUES (?, ?, ?, ?)", (1, alerts, data, given.details)
        )
        connection.execute("COMMIT")
    spent = time.perf_counter() - wall, time.process_time() - cpu
    connection.close()
    return spent


async def through_the_store(folder: Path, alerts: int, requests: int, at_once: int) -> tuple[float, float]:
    """Wall and CPU seconds of `Store.append`."""
    store = open_store(f"sqlite:///{folder}/healer.db", SystemClock(), installation="bench")
    given = [arrival(alerts)]

    async def sender() -> None:
        for _ in range(requests // at_once):
            await store.append(given)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(sender() for _ in range(at_once)))
    spent = time.perf_counter() - wall, time.process_time() - cpu
    await store.close()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--folder", type=Path, help="where to write (default: the system's temporary folder)")
    chosen = parser.parse_args()
    print(
        "alerts/request  at once   alerts/s  µs/alert  CPU µs/alert  raw CPU µs/alert  CPU ratio  extra CPU µs/request"
    )
    for alerts in (1, 10, 100):
        for at_once in (1, 16):
            with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
                _, raw_cpu = raw(Path(folder), alerts, chosen.requests)
                work = through_the_store(Path(folder), alerts, chosen.requests, at_once)
                wall, cpu = uvloop.run(work)
            count = chosen.requests * alerts / 1_000_000
            print(
                f"{alerts:14} {at_once:8} {count * 1e6 / wall:10.0f} {wall / count:9.2f} {cpu / count:13.2f}"
                f" {raw_cpu / count:17.2f} {cpu / raw_cpu:10.2f} {(cpu - raw_cpu) / chosen.requests * 1e6:21.1f}"
            )


if __name__ == "__main__":
    main()
