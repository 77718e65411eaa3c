"""The alerts that benchmarks send: a data centre's worth, alert number i always with the same labels.

Every 2,000th is a rack's switch (critical), every 20th a host, the rest are services on hosts: about 640 bytes each, as
Prometheus would send it. One switch explains its rack, to Alertmanager by an inhibit rule, to healer by topology.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

RACK, HOST = 2_000, 20
"""Alerts per rack, and per host."""


def layer(number: int) -> str:
    """What kind of thing alert `number` is about."""
    if number % RACK == 0:
        return "switch"
    return "service" if number % HOST else "host"


def alert(number: int, starts_at: datetime) -> dict[str, object]:
    """Alert `number` as a POST to /api/v2/alerts has it."""
    host, rack, hall = number // HOST, number // RACK, number // 100_000
    what = layer(number)
    return {
        "labels": {
            "alertname": "TargetUnreachable" if what != "service" else "VolumeFillsUpWithinADay",
            "severity": "critical" if what == "switch" else "warning",
            "layer": what,
            "dc": f"dc{hall:02d}",
            "rack": f"r{rack:05d}",
            "host": f"node{host:07d}.prod.example.com",
            "instance": f"10.{host >> 16 & 255}.{host >> 8 & 255}.{host & 255}:9100",
            "service": f"unit-{number:08d}",
        },
        "annotations": {
            "summary": f"unit-{number:08d} on node{host:07d}: at this rate its volume is full within a day",
            "description": f"The volume of unit-{number:08d} has {number % 90 / 10 + 1:.1f} % left and shrinks since yesterday. "
            "What to do: https://runbooks.example.com/volumes/fills-up",
        },
        "startsAt": starts_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "generatorURL": "http://prometheus.example.com/graph?g0.expr=predict_linear%28node_filesystem_free_bytes%5B6h%5D%2C86400%29",
    }


def batches(count: int, size: int, *, first: int = 0, starts_at: datetime | None = None) -> Iterator[tuple[bytes, int]]:
    """Bodies of POST /api/v2/alerts with `size` alerts each, and how many are in each."""
    moment = starts_at or datetime.now(UTC)
    for start in range(first, first + count, size):
        numbers = range(start, min(start + size, first + count))
        yield json.dumps([alert(number, moment) for number in numbers], separators=(",", ":")).encode(), len(numbers)
