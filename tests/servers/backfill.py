"""Series for a Prometheus that were there before it started: written as blocks, so that no test waits for scrapes."""

import json
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.servers.process import binary

EVERY_S = 60
"""Between two samples: an instant query looks back five minutes."""


class Was(NamedTuple):
    """One series with one value, from so many seconds ago until so many seconds ago (0: now, and a little beyond)."""

    metric: str
    labels: Mapping[str, str]
    value: float = 1
    since_s: int = 600
    until_s: int = 0


def backfill(data: Path, series: Iterable[Was]) -> None:
    """Write the series into a Prometheus' data folder, which is not running."""
    now = int(time.time())
    lines = []
    for name, labels, value, since_s, until_s in series:
        inner = ",".join(f"{key}={json.dumps(text)}" for key, text in labels.items())
        end = now - until_s if until_s else now + 5 * EVERY_S
        lines += [f"{name}{{{inner}}} {value} {at}" for at in range(now - since_s, end + 1, EVERY_S)]
    data.mkdir(parents=True, exist_ok=True)
    file = data.parent / "series.om"
    file.write_text("\n".join([*lines, "# EOF", ""]))
    command = [
        binary("promtool", "prometheus"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        str(file),
        str(data),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
