"""What does reading a request cost? Microseconds per alert, and how many times faster than json.loads and json.dumps.

    .venv/bin/python -m bench.decode [--batch 100] [--rounds 300]

The alerts have the size of a real installation's: 8 labels, 2 annotations, about 650 bytes. The ratio compares with what any
program in Python could do that reads the body and writes its labels in canonical order by the standard library.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from healer.alerts.decode import decode_api_v2, decode_webhook
from healer.alerts.limits import Limits

NOW = 1_767_780_000_000_000


def alert(number: int) -> dict[str, Any]:
    """Alert `number` as Prometheus posts it."""
    host = number // 20
    return {
        "labels": {
            "alertname": "NodeFilesystemAlmostOutOfSpace",
            "severity": "warning",
            "layer": "service",
            "dc": f"dc{number // 100_000 % 40:02d}",
            "rack": f"rack-{number // 2000:05d}",
            "host": f"host-{host:07d}.dc.example.net",
            "instance": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:9100",
            "service": f"svc-{number:08d}",
        },
        "annotations": {
            "summary": f"Filesystem on host-{host:07d} is predicted to run out of space within the next hours",
            "description": f"/var/lib has only 4.{number % 100:02d}% space left; https://runbooks.example.net/node/fs",
        },
        "startsAt": "2026-01-07T09:59:30.123Z",
        "endsAt": "2026-01-07T10:04:00Z",
        "generatorURL": "http://prometheus.example.net:9090/graph?g0.expr=node_filesystem_avail_bytes%7Bjob%3D%22node%22%7D",
    }


def best(work: Callable[[], object], rounds: int, alerts: int) -> float:
    """Microseconds per alert, the best of seven runs."""
    runs = []
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(rounds):
            work()
        runs.append(time.perf_counter() - start)
    return min(runs) / rounds / alerts * 1e6


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--batch", type=int, default=100)
    options.add_argument("--rounds", type=int, default=300)
    chosen = options.parse_args()
    alerts = [alert(number) for number in range(chosen.batch)]
    posted = json.dumps(alerts, separators=(",", ":")).encode()
    sent = [{**each, "status": "firing", "fingerprint": "c2d83c678e6ea0a1"} for each in alerts]
    envelope = {"version": "4", "externalURL": "http://alertmanager:9093", "alerts": sent}
    webhook = json.dumps(envelope, separators=(",", ":")).encode()
    limits = Limits()

    def standard(body: bytes) -> None:
        whole = json.loads(body)
        for each in whole["alerts"] if isinstance(whole, dict) else whole:
            json.dumps(each["labels"], sort_keys=True)

    for name, body, read in (
        ("api v2", posted, lambda: decode_api_v2(posted, limits, NOW, "10.0.0.1")),
        ("webhook", webhook, lambda: decode_webhook(webhook, limits, NOW)),
    ):
        ours = best(read, chosen.rounds, chosen.batch)
        theirs = best(lambda body=body: standard(body), chosen.rounds, chosen.batch)  # type: ignore[misc]  # a default binds
        sys.stdout.write(
            f"{name:8} batch {chosen.batch}: {ours:.2f} us per alert; json.loads + json.dumps {theirs:.2f}; "
            f"{theirs / ours:.2f} times faster\n"
        )


if __name__ == "__main__":
    main()
