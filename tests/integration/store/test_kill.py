import asyncio
import subprocess
import sys
from pathlib import Path

from healer.journey import records
from healer.journey.records import Vanished
from healer.seams import SystemClock
from healer.store.opening import open_store
from tests.effort import Effort


def killed_after(url: str, lines: int) -> dict[int, bytes]:
    """Start a process that appends, kill -9 it after so many acknowledgements; all that it acknowledged."""
    command = [sys.executable, "-m", "tests.integration.store.appending", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    whole = [line.split() for line in said if line.endswith(b"\n")]
    assert len(whole) >= lines
    return {int(position): label for position, label in whole}


async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, effort: Effort) -> None:
    """A1: after kill -9 in the middle of appending, every acknowledged record is there, under its position, without gaps."""
    url = f"sqlite:///{tmp_path}/data/healer.db"
    acknowledged: dict[int, bytes] = {}
    for turn in range(effort.pick(ci=4, full=50)):
        more = await asyncio.to_thread(killed_after, url, 40 + 37 * turn)
        assert not more.keys() & acknowledged.keys()
        acknowledged |= more
    store = open_store(url, SystemClock(), installation="after")
    rows = await store.read(0, 1_000_000)
    await store.close()
    assert store.installation == "killed"
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    kept = {row.position: records.decode(row.data) for row in rows}
    for position, label in acknowledged.items():
        assert kept[position] == Vanished((label,))
