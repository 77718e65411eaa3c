import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from healer.audit.verify import Kept, verify
from healer.journey import records
from healer.journey.ports import Wanted
from healer.seams import SystemClock
from healer.store.connections import raw_of
from healer.store.migrations import OLDEST, STEPS, _tell_elsewhere
from healer.store.opening import CannotOpen, open_store
from healer.store.store import Store
from healer.topology.answers import Answer
from tests.contracts.store.given import delivered, record


def opened(folder: Path, installation: str = "first") -> Store:
    return open_store(f"sqlite:///{folder}/data/healer.db", SystemClock(), installation=installation)


async def test_every_commit_is_synced(tmp_path: Path) -> None:
    """A1: the connection that writes is in WAL mode with synchronous=FULL, as SQLite itself says."""
    store = opened(tmp_path)
    mode = await store.run.write("ask", lambda transaction: transaction.raw.execute("PRAGMA journal_mode").fetchone())
    level = await store.run.write("ask", lambda transaction: transaction.raw.execute("PRAGMA synchronous").fetchone())
    await store.close()
    assert (mode, level) == (("wal",), (2,))


async def test_readers_cannot_write(tmp_path: Path) -> None:
    """A read that writes is refused by SQLite."""
    store = opened(tmp_path)
    with pytest.raises(Exception, match="readonly"):
        await store.run.read("sly", lambda connection: raw_of(connection).execute("DELETE FROM journal"))
    await store.close()


async def test_data_are_their_owners_alone(tmp_path: Path) -> None:
    """A fresh data folder and what is in it can be read by nobody else."""
    store = opened(tmp_path)
    await store.append([record()])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data").iterdir()}
    await store.close()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert set(modes) == {"healer.db", "healer.db-wal", "healer.db-shm", "healer.lock"}
    assert set(modes.values()) == {0o600}


async def test_a_second_process_is_refused_by_name(tmp_path: Path) -> None:
    """Whoever comes second is told which process holds the folder; when that has closed, it may open."""
    store = opened(tmp_path)
    with pytest.raises(CannotOpen, match=rf"in use by process {os.getpid()}: stop that healer"):
        opened(tmp_path)
    asking = (
        "from healer.seams import SystemClock\nfrom healer.store.opening import open_store\n"
        f"open_store('sqlite:///{tmp_path}/data/healer.db', SystemClock(), installation='x')"
    )
    other = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert f"in use by process {os.getpid()}" in other.stderr
    await store.close()
    await opened(tmp_path).close()


async def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    """Closing and opening loses nothing; positions go on, and the installation keeps its first id."""
    store = opened(tmp_path, "first")
    await store.append([record("a")])
    await store.close()
    store = opened(tmp_path, "second")
    ((position, _),) = await store.append([record("b")])
    rows = await store.read(0, 10)
    await store.close()
    assert (store.installation, position) == ("first", 2)
    assert [records.decode(row.data) for row in rows] == [delivered("a"), delivered("b")]


async def test_closing_leaves_one_tidy_file(tmp_path: Path) -> None:
    """After a close the log has been moved into the database: copying the one file copies it all."""
    store = opened(tmp_path)
    await store.append([record()])
    await store.close()
    assert not (tmp_path / "data" / "healer.db-wal").exists()


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older healer leaves a newer one's database alone, and says what to do."""
    await opened(tmp_path).close()
    path = tmp_path / "data" / "healer.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(CannotOpen, match=r"has schema 99, this healer knows 1 to [0-9]+: start the version"):
        opened(tmp_path)
    assert path.read_bytes() == before


def back_to_version_1(connection: sqlite3.Connection) -> None:
    """The tables as they were: no answers of sources, no rates, an audit log without chains, one message an incident and
    channel."""
    for table in ("source_answer", "rate", "audit", "audit_head", "anchor", "told"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute(
        "CREATE TABLE told (incident VARCHAR NOT NULL, channel VARCHAR NOT NULL, state VARCHAR NOT NULL, urgent INTEGER "
        "NOT NULL, since BIGINT NOT NULL, not_before BIGINT NOT NULL, claimed_until BIGINT NOT NULL, wanted_revision BIGINT "
        "NOT NULL, told_revision BIGINT NOT NULL, message_id TEXT NOT NULL, said TEXT NOT NULL, tried INTEGER NOT NULL, "
        "attempts INTEGER NOT NULL, why TEXT NOT NULL, story BLOB NOT NULL, PRIMARY KEY (incident, channel))"
    )
    connection.execute("CREATE INDEX told_due ON told (channel, state)")
    connection.execute(
        "CREATE TABLE audit (number INTEGER NOT NULL, at BIGINT NOT NULL, kind VARCHAR NOT NULL, detail TEXT NOT NULL, "
        "PRIMARY KEY (number))"
    )
    for index in ("reserved_at", "reserved_remediation"):
        connection.execute(f"DROP INDEX {index}")
    connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")


async def test_an_older_schema_is_brought_up(tmp_path: Path) -> None:
    """A database of version 1, which knew nothing of sources' answers, keeps what it has and gets what it lacks."""
    store = opened(tmp_path)
    await store.append([record("a")])
    await store.close()
    with sqlite3.connect(tmp_path / "data" / "healer.db") as connection:
        back_to_version_1(connection)
        told = "'i1', 'chat', 'told', 0, 1, 0, 0, 2, 2, '77', 'broken', 1, 0, '', x''"
        connection.execute(f"INSERT INTO told VALUES ({told})")
    connection.close()
    store = opened(tmp_path)
    assert [(row.message_id, row.matter) for row in await store.rows()] == [("77", "")]
    await store.keep_answer(Answer("cmdb", 1, b"graph"))
    assert await store.answers() == [Answer("cmdb", 1, b"graph")]
    assert len(await store.read(0, 10)) == 1
    await store.close()


async def test_a_ledger_that_knew_no_fallbacks_gets_them(tmp_path: Path) -> None:
    """Its rows stay, and stand in for nobody."""
    store = opened(tmp_path)
    await store.announce(Wanted("i1", "chat", 1, b"story", urgent=False), now=1)
    await store.close()
    with sqlite3.connect(tmp_path / "data" / "healer.db") as connection:
        connection.execute("DROP TABLE rate")
        connection.execute("DROP INDEX reserved_remediation")
        connection.execute("ALTER TABLE told DROP COLUMN meant_for")
        connection.execute(f"UPDATE meta SET value = '{STEPS.index(_tell_elsewhere) + OLDEST}' WHERE key = 'schema'")
    connection.close()
    store = opened(tmp_path)
    assert [(row.incident, row.channel, row.meant_for) for row in await store.rows()] == [("i1", "chat", "")]
    await store.close()


async def test_an_older_audit_log_becomes_a_chain(tmp_path: Path) -> None:
    """What was noted before there were chains is sealed as it stands, and the tables are those of a fresh database."""
    await opened(tmp_path).close()
    path = tmp_path / "data" / "healer.db"
    with sqlite3.connect(path) as connection:
        fresh = tables(connection)
        back_to_version_1(connection)
        connection.execute("INSERT INTO audit VALUES (7, 1, 'probe', '{\"incident\": \"i1\"}'), (9, 2, 'probe', '{}')")
    connection.close()
    store = opened(tmp_path)
    found = await store.entries(0, 10)
    assert [(one.number, one.place, one.incident) for one in found] == [(7, 1, "i1"), (9, 2, "")]
    assert verify(found, Kept("installation", heads=await store.heads())).good
    await store.close()
    with sqlite3.connect(path) as connection:
        assert tables(connection) == fresh
    connection.close()


def tables(connection: sqlite3.Connection) -> dict[str, object]:
    """Columns and indexes by table, without the order in which they were made."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type IN ('table', 'index')")]
    return {
        name: sorted(connection.execute(f"SELECT name, \"notnull\", pk FROM pragma_table_info('{name}')"))
        for name in names
    }


async def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    """A database with other tables is not touched."""
    (tmp_path / "data").mkdir()
    connection = sqlite3.connect(tmp_path / "data" / "healer.db")
    connection.execute("CREATE TABLE songs (title)")
    connection.close()
    with pytest.raises(CannotOpen, match="tables that are not healer's"):
        opened(tmp_path)


@pytest.mark.parametrize("damage", [b"not a database at all, but long enough to be one" * 100, None])
async def test_a_damaged_database_is_refused(tmp_path: Path, damage: bytes | None) -> None:
    """A file that is no database, or has a broken page, is refused when it is opened; the folder is free again."""
    store = opened(tmp_path)
    await store.append([record(f"a{number}") for number in range(500)])
    await store.close()
    path = tmp_path / "data" / "healer.db"
    whole = path.read_bytes()
    path.write_bytes(damage or whole[:8192] + b"\xff" * 4096 * 20 + whole[8192 + 4096 * 20 :])
    with pytest.raises(CannotOpen, match=r"malformed|not a database|damaged"):
        opened(tmp_path)
    path.write_bytes(whole)
    await opened(tmp_path).close()


@pytest.mark.parametrize("url", ["mysql://db/healer", "healer.db", "sqlite:///", ""])
def test_other_urls_are_refused(url: str) -> None:
    """A URL that names no SQLite file is refused with one that would."""
    with pytest.raises(CannotOpen, match=r"write sqlite:///data/healer\.db"):
        open_store(url, SystemClock(), installation="x")


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    """When a file lies where the folder should be the error names it."""
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(CannotOpen, match="data"):
        opened(tmp_path)


async def test_a_store_in_memory_needs_no_folder() -> None:
    """`sqlite://` is a store for trying things out."""
    store = open_store("sqlite://", SystemClock(), installation="x")
    assert len(await store.append([record()])) == 1
    await store.close()
