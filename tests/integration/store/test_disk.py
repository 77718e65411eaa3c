import asyncio
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from healer.alerts.model import Alert
from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Delivered, Entry
from healer.seams import SystemClock
from healer.store.opening import open_store
from healer.store.store import Store
from tests.contracts.store.given import record


def opened(folder: Path) -> Store:
    return open_store(f"sqlite:///{folder}/healer.db", SystemClock(), installation="test")


def big() -> Arrival:
    return Arrival(Delivered("am", (Alert(b"x" * 20_000, True, 0, 0),)))


async def fits(store: Store) -> bool:
    try:
        await store.append([big()])
    except StoreUnavailable:
        return False
    return True


async def limit_pages(store: Store, more: int) -> None:
    """Let the database grow by so many pages and no further."""

    def limit(transaction: object) -> None:
        raw: sqlite3.Connection = transaction.raw  # type: ignore[attr-defined] # whatever the run hands in
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {pages + more}").fetchone()

    await store.run.write("limit", limit)


async def test_a_full_database_refuses_and_recovers(tmp_path: Path) -> None:
    """What does not fit is refused without a trace, with what to do; what fits goes on, and with room all does."""
    store = opened(tmp_path)
    heard: list[Entry] = []
    store.on_append(heard.extend)
    await limit_pages(store, 12)
    stored = 0
    while stored < 100 and await fits(store):
        stored += 1
    with pytest.raises(StoreUnavailable, match=r"full.*free space") as caught:
        await store.append([big()])
    assert not caught.value.ambiguous
    answers = await asyncio.gather(*(store.append([big()]) for _ in range(5)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {StoreUnavailable}
    await limit_pages(store, 1_000)
    ((position, _),) = await store.append([big()])
    rows = await store.read(0, 100)
    await store.close()
    assert 0 < stored < 100
    assert position == stored + 1 == len(rows)
    assert [entry.position for entry in heard] == [row.position for row in rows]


async def test_a_locked_database_refuses_and_recovers(tmp_path: Path) -> None:
    """While another process holds the write lock, writes are refused; reads go on; afterwards writes do too."""
    store = opened(tmp_path)
    await store.run.write(
        "be quick", lambda transaction: transaction.raw.execute("PRAGMA busy_timeout = 20").fetchone()
    )
    other = sqlite3.connect(tmp_path / "healer.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="another process holds the database"):
        await store.append([record()])
    assert await store.read(0, 10) == []
    other.execute("ROLLBACK")
    other.close()
    assert (await store.append([record()]))[0][0] == 1
    await store.close()


async def write_until_full(folder: str) -> None:
    """Run by a child whose files may not grow beyond a limit: COMMIT itself fails, as on a disk that is full."""
    store = opened(Path(folder))
    stored = 0
    ambiguous = []
    await store.append([record()])
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    for _ in range(30):
        try:
            await store.append([big()])
            stored += 1
        except StoreUnavailable as error:
            ambiguous.append(error.ambiguous)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    ((position, _),) = await store.append([big()])
    rows = [row.position for row in await store.read(0, 100)]
    await store.close()
    assert ambiguous, "the limit was never reached"
    assert rows == list(range(1, position + 1)), rows
    assert position == stored + 2, (position, stored)


def test_a_commit_that_fails_leaves_no_gap(tmp_path: Path) -> None:
    """When the disk is full at COMMIT everyone in it is refused, and with room positions go on where they were."""
    module = "tests.integration.store.test_disk"
    command = f"import asyncio, {module}\nasyncio.run({module}.write_until_full({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
