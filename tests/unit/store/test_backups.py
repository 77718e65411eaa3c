"""A copy of a store: of one moment, whole or not there, never in anybody's place."""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from healer.notification.ports import LedgerRow
from healer.seams import SystemClock
from healer.store.backups import CannotCopy, Copied, back_up, restore
from healer.store.copying import LARGE_ROWS, ROWS
from healer.store.opening import CannotOpen, open_store
from healer.store.past import open_past
from healer.store.settings import Store as Place
from healer.store.store import Store
from healer.times import SECOND
from tests.contracts.store.given import NOON, arrival, incident, record, step, wanted
from tests.contracts.store.meanwhile import meanwhile


def place(folder: Path) -> Place:
    return Place(url=f"sqlite:///{folder / 'healer.db'}")


def opened(folder: Path) -> Store:
    return open_store(place(folder).url, SystemClock(), installation="one")


async def filled(folder: Path, records: int = 2 * LARGE_ROWS + 1) -> Store:
    """Some of everything that goes by pages, and of what is counted by the database."""
    store = opened(folder)
    await store.take_over("one")
    await store.append([arrival(f"a{number}") for number in range(records)])
    await store.commit(step(1, 1, 1, incidents=(incident("i1"),), wanted=(wanted("i1"),)))
    for number in range(3):
        await store.act("probe", {"number": number}, now=NOON)
    return store


def quietly(table: str, rows: int) -> None:
    """Nobody watches."""


async def contents(store: Store) -> tuple[object, ...]:
    told: Sequence[LedgerRow] = await store.rows()
    return (
        store.installation,
        await store.read(0, 1_000),
        await store.steps(0, 1_000),
        [msgspec.msgpack.encode(each) for each in (await store.incidents())[0]],
        [row.state for row in told],
        await store.entries(0, 1_000),
        await store.heads(),
    )


async def test_a_backup_has_all_of_one_moment(tmp_path: Path) -> None:
    """What was committed when it began, and only that, whatever is committed between its pages; for its owner alone."""
    store = await filled(tmp_path / "data")
    before = await contents(store)
    copied = await asyncio.to_thread(back_up, place(tmp_path / "data"), tmp_path / "backup", meanwhile(store))
    assert len(await store.entries(0, 1_000)) > 3
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    past = open_past(tmp_path / "backup")
    assert await contents(past) == before
    assert (copied.installation, copied.rows["journal"], copied.rows["audit"]) == ("one", 41, 3)
    await past.close()
    await store.close()


async def test_a_restored_store_goes_on_where_the_other_was(tmp_path: Path) -> None:
    """The same rows, and the next position, step and number of an entry follow the last."""
    store = await filled(tmp_path / "data")
    back_up(place(tmp_path / "data"), tmp_path / "backup", quietly)
    before = await contents(store)
    await store.close()
    restore(tmp_path / "backup", place(tmp_path / "other"), quietly)
    again = opened(tmp_path / "other")
    assert await contents(again) == before
    assert [position for position, _ in await again.append([record("next")])] == [42]
    await again.act("probe", {}, now=NOON)
    assert [entry.number for entry in await again.entries(0, 10)] == [1, 2, 3, 4]
    await again.close()


async def test_nobody_has_a_term_in_a_copy(tmp_path: Path) -> None:
    """Whoever converges in the one store does not keep replicas of the other waiting."""
    store = await filled(tmp_path / "data", 1)
    await store.renew("one", 1, lease=SECOND, now=NOON)
    assert (await store.term(now=NOON)).left == SECOND
    back_up(place(tmp_path / "data"), tmp_path / "backup", quietly)
    past = open_past(tmp_path / "backup")
    assert (await past.term(now=NOON)).left == 0
    await past.close()
    await store.close()


async def test_more_rows_than_a_page_are_copied(tmp_path: Path) -> None:
    store = opened(tmp_path)
    await store.run.write(
        "fill",
        lambda transaction: transaction.raw.cursor().executemany(
            "INSERT INTO target VALUES (?, 1)", [(f"host/{number}",) for number in range(2 * ROWS)]
        ),
    )
    assert back_up(place(tmp_path), tmp_path / "backup", quietly).rows["target"] == 2 * ROWS
    await store.close()


async def test_nothing_is_replaced(tmp_path: Path) -> None:
    """Neither a file by a backup, nor a store, one in use, or what was left of one, by a restore."""
    store = await filled(tmp_path / "data", 1)
    backup = tmp_path / "backup"
    back_up(place(tmp_path / "data"), backup, quietly)
    with pytest.raises(CannotCopy, match="give it another name"):
        back_up(place(tmp_path / "data"), backup, quietly)
    with pytest.raises(CannotOpen, match="in use by process"):
        restore(backup, place(tmp_path / "data"), quietly)
    await store.close()
    with pytest.raises(CannotCopy, match=r"healer.db is there.*move it away"):
        restore(backup, place(tmp_path / "data"), quietly)
    (tmp_path / "data" / "healer.db").rename(tmp_path / "away")
    (tmp_path / "data" / "healer.db-wal").touch()
    with pytest.raises(CannotCopy, match=r"healer.db-wal is there"):
        restore(backup, place(tmp_path / "data"), quietly)


async def test_a_copy_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """Neither half a backup nor half a store, whatever stopped it; the next try is as the first."""

    class Stopped(Exception):
        pass

    def stops(table: str, rows: int) -> None:
        raise Stopped

    store = await filled(tmp_path / "data")
    await store.close()
    with pytest.raises(Stopped):
        back_up(place(tmp_path / "data"), tmp_path / "backup", stops)
    assert [each.name for each in tmp_path.iterdir()] == ["data"]
    back_up(place(tmp_path / "data"), tmp_path / "backup", quietly)
    with pytest.raises(Stopped):
        restore(tmp_path / "backup", place(tmp_path / "other"), stops)
    assert [each.name for each in (tmp_path / "other").iterdir()] == ["healer.lock"]
    assert isinstance(restore(tmp_path / "backup", place(tmp_path / "other"), quietly), Copied)


async def test_a_damaged_backup_is_not_restored(tmp_path: Path) -> None:
    store = await filled(tmp_path / "data", 400)
    await store.close()
    back_up(place(tmp_path / "data"), tmp_path / "backup", quietly)
    whole = (tmp_path / "backup").read_bytes()
    (tmp_path / "backup").write_bytes(whole[:65536] + b"\xff" * (len(whole) - 65536))
    with pytest.raises((CannotCopy, CannotOpen), match=r"malformed|corrupt"):
        restore(tmp_path / "backup", place(tmp_path / "other"), quietly)
    assert not (tmp_path / "other" / "healer.db").exists()


async def test_what_is_no_backup_of_this_version_is_said(tmp_path: Path) -> None:
    """A file that is not there, is empty, is something else, or has another schema."""
    file = tmp_path / "backup"
    with pytest.raises(CannotOpen, match="there is no"):
        restore(file, place(tmp_path / "other"), quietly)
    file.touch()
    with pytest.raises(CannotOpen, match="no store of healer's"):
        restore(file, place(tmp_path / "other"), quietly)
    file.unlink()
    store = await filled(tmp_path / "data", 1)
    await store.close()
    back_up(place(tmp_path / "data"), file, quietly)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema'")
    connection.close()
    with pytest.raises(CannotOpen, match="has schema 1"):
        restore(file, place(tmp_path / "other"), quietly)
    assert not (tmp_path / "other" / "healer.db").exists()
