"""A core switch fails, and 100,000 alerts come in: when do people hear, and of how much? `make bench` runs it.

Half of the symptoms are sent before the switch's own alert, half after it, as fast as healer takes them. Wanted: the first
notice no later than `hold` plus 2 s after the switch's alert was taken, and no other message.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.corpus import batches
from tests.servers.healer import Healer
from tests.servers.process import post

HERE = Path(__file__).parent
HOLD_S = 15
LATE_S = 2.0
BATCH = 1_000


def config() -> str:
    """The configuration of the other benchmarks, with data centres above the racks and the default hold."""
    plain = (HERE / "healer.yaml").read_text()
    deeper = plain.replace("- labels: [rack, host]", "- labels: [dc, rack, host]").replace(
        "  nodes:\n", '  nodes:\n    - {match: [\'layer="core"\'], node: "dc/{dc}"}\n'
    )
    return deeper.replace("hold: 5s", f"hold: {HOLD_S}s") + "journal: {max_lag: 100000000}\n"


def switch() -> bytes:
    """The alert of the switch that carries the whole data centre."""
    labels = {"alertname": "CoreSwitchDown", "severity": "critical", "layer": "core", "dc": "dc00"}
    return json.dumps([{"labels": labels, "startsAt": datetime.now(UTC).isoformat()}]).encode()


def notices(healer: Healer) -> list[str]:
    """The messages that the terminal has shown, each by its first line."""
    return [row for row in healer.log.splitlines() if row.startswith("* ")]


def main(arguments: Sequence[str] | None = None) -> int:
    """0: within what is wanted; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m bench.core_switch", description=__doc__)
    parser.add_argument("--alerts", type=int, default=100_000)
    asked = parser.parse_args(arguments)
    bodies = [body for body, _ in batches(asked.alerts, BATCH)]
    with tempfile.TemporaryDirectory() as folder, Healer(Path(folder), config()) as healer:
        began = time.monotonic()
        for number, body in enumerate(bodies):
            if number == len(bodies) // 2:
                post(f"{healer.url}/api/v2/alerts", switch(), within=60)
                root = time.monotonic()
            post(f"{healer.url}/api/v2/alerts", body, within=60)
        sent = time.monotonic() - began
        while not notices(healer) and time.monotonic() < root + 60:
            time.sleep(0.02)
        heard = time.monotonic() - root
        time.sleep(HOLD_S + LATE_S)
        told = notices(healer)
        known = healer.api("alerts?limit=0")["total"]
    print(f"{known} alerts sent in {sent:.1f} s; first notice {heard:.2f} s after the switch's alert (hold {HOLD_S} s)")
    print(f"{len(told)} message: {told[0] if told else 'none'}")
    good = known == asked.alerts + 1 and len(told) == 1 and "core" in told[0].lower() and heard <= HOLD_S + LATE_S
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
