"""A store that is opened to be read: while somebody writes it, as a copy, and never changed by it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from healer.journey.ports import Arrival, StoreUnavailable
from healer.journey.records import Troubled
from healer.seams import SystemClock
from healer.store.opening import CannotOpen, open_store
from healer.store.past import open_past
from healer.store.store import Store


async def written(folder: Path, records: int = 3) -> Store:
    store = open_store(f"sqlite:///{folder / 'healer.db'}", SystemClock(), installation="one")
    await store.append([Arrival(Troubled("disk", True, str(number))) for number in range(records)])
    return store


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith("-shm")}


def test_what_is_committed_is_read_while_somebody_writes(tmp_path: Path) -> None:
    """The writer goes on; a later read sees what was committed meanwhile."""

    async def play() -> None:
        store = await written(tmp_path)
        past = open_past(tmp_path)
        assert past.installation == "one"
        assert len(await past.read(0, 100)) == 3
        await store.append([Arrival(Troubled("disk", False))])
        assert len(await past.read(0, 100)) == 4
        await past.close()
        await store.close()

    asyncio.run(play())


@pytest.mark.parametrize("of_its_own", [True, False])
def test_a_copy_is_read_where_nothing_may_be_written(tmp_path: Path, of_its_own: bool) -> None:
    """A backup in a folder without rights, named by itself or by its folder; nothing appears beside it."""

    async def play() -> None:
        await (await written(tmp_path / "data")).close()
        copy = tmp_path / "copy"
        copy.mkdir()
        shutil.copy(tmp_path / "data" / "healer.db", copy / "healer.db")
        before = files(copy)
        copy.chmod(0o500)
        past = open_past(copy / "healer.db" if of_its_own else copy)
        assert len(await past.read(0, 100)) == 3
        await past.close()
        copy.chmod(0o700)
        assert {name: data for name, data in files(copy).items() if data} == before

    asyncio.run(play())


def test_nothing_can_be_written(tmp_path: Path) -> None:
    async def play() -> None:
        await (await written(tmp_path)).close()
        past = open_past(tmp_path)
        with pytest.raises(StoreUnavailable, match="opened to be read"):
            await past.append([Arrival(Troubled("disk", True))])
        await past.close()

    asyncio.run(play())


def test_what_cannot_be_opened_says_what_to_name(tmp_path: Path) -> None:
    """Nothing there, something else, or another version's schema."""
    with pytest.raises(CannotOpen, match="name a data folder"):
        open_past(tmp_path)
    (tmp_path / "healer.db").write_text("this is no database, whatever its name says\n" * 50)
    with pytest.raises(CannotOpen, match="not a database"):
        open_past(tmp_path)
    (tmp_path / "healer.db").write_bytes(b"")
    with pytest.raises(CannotOpen, match="no store of healer's"):
        open_past(tmp_path)


def test_another_schema_is_refused_and_not_migrated(tmp_path: Path) -> None:
    """Reading an older store must not make it a newer one."""

    async def play() -> None:
        store = await written(tmp_path)
        await store.run.write(
            "age", lambda transaction: transaction.raw.execute("UPDATE meta SET value = '0' WHERE key = 'schema'")
        )
        await store.close()

    asyncio.run(play())
    with pytest.raises(CannotOpen, match="schema 0"):
        open_past(tmp_path)
