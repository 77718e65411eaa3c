"""How long nobody converges when the healer that does is gone: two of them on one PostgreSQL. `make bench` runs it.

One is filled over HTTP with active alerts, which the other follows. Then, from kill -9 to the other's word that it converges
and is ready, with every alert that was answered.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench.places import on_server
from bench.restart import fill, total
from tests.servers.healer import Healer
from tests.servers.postgres import Postgres

HERE = Path(__file__).parent
TARGET_SECONDS = 5.0


def converging(healer: Healer) -> bool:
    """Whether it says that it is the one."""
    with suppress(OSError):
        return bool(healer.api("owner")["converges"]) and healer.answers()
    return False


def handed_over(owner: Healer, other: Healer, alerts: int) -> float:
    """Seconds without anybody who converges. Raises SystemExit where there is nobody at all, or alerts are missing."""
    began = time.perf_counter()
    owner.kill()
    while not converging(other):
        if time.perf_counter() - began > 60:
            raise SystemExit("the other does not converge after 60 s")
        time.sleep(0.01)
    seconds = time.perf_counter() - began
    if (known := total(other)) != alerts:
        raise SystemExit(f"the other converges and knows {known} of {alerts} alerts")
    return seconds


def followed(healer: Healer, alerts: int) -> None:
    """Wait until it knows them."""
    until = time.monotonic() + 300
    while total(healer) < alerts:
        if time.monotonic() > until:
            raise SystemExit(f"the other has followed {total(healer)} of {alerts} alerts after 300 s")
        time.sleep(0.2)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: within the target; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m bench.hand_over", description=__doc__)
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args(arguments)
    config = (HERE / "healer.yaml").read_text() + "journal: {max_lag: 100000000}\n"
    with tempfile.TemporaryDirectory() as root, Postgres() as server:
        store = server.schema("healer")
        pair = [Healer(Path(root) / name, on_server(config, store, name)) for name in ("one", "other")]
        owner, other = pair
        seconds = []
        try:
            owner.start()
            other.start()
            fill(owner, asked.alerts)
            for number in range(asked.repetitions):
                followed(other, asked.alerts)
                seconds.append(handed_over(owner, other, asked.alerts))
                print(f"{number + 1}/{asked.repetitions} {asked.alerts} alerts: {seconds[-1]:.2f} s", flush=True)
                owner.start()
                owner, other = other, owner
        finally:
            for healer in pair:
                healer.kill()
    median = statistics.median(seconds)
    print(f"hand-over: {median:.2f} s [{min(seconds):.2f} to {max(seconds):.2f}], at most {TARGET_SECONDS} s wanted")
    return int(median > TARGET_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
