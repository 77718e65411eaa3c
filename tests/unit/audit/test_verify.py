"""Whatever is done to a log in a SQLite file, `verify` finds it up to the last anchor, and says what it cannot know."""

import asyncio
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from healer.audit.anchor import Anchor, anchored
from healer.audit.chain import START, Head, seal
from healer.audit.verify import Kept, Verdict, verify
from healer.cli.main import main
from healer.remediation.ports import Switch
from healer.seams import SystemClock
from healer.store.opening import open_store
from healer.store.past import open_past

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ENTRIES, ANCHORED = 12, 8
"""Entries of the log, and the one that the last anchor vouches for; the first one vouches for half of that."""

Tampering = Callable[[sqlite3.Connection], object]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Anchor]]:
    """A file as healer leaves it, and the anchors that went outside."""
    return asyncio.run(write(tmp_path_factory.mktemp("written") / "healer.db"))


@pytest.fixture
def log(written: tuple[Path, list[Anchor]], tmp_path: Path) -> tuple[Path, list[Anchor]]:
    """A copy to tamper with."""
    file, outside = written
    shutil.copy(file, tmp_path / "healer.db")
    return tmp_path / "healer.db", outside


async def write(file: Path) -> tuple[Path, list[Anchor]]:
    outside = list[Anchor]()
    store = open_store(f"sqlite:///{file}", SystemClock(), installation="here")
    for number in range(1, ENTRIES + 1):
        await store.throw(Switch(f"rule:{number}", thrown=True, by="ann", why="because", at=number))
        if number in (ANCHORED // 2, ANCHORED):
            (head,) = await store.heads()
            outside.append(anchored(head, "here", outside[-1] if outside else None, number, KEY))
            await store.keep_anchor(outside[-1])
    await store.close()
    return file, outside


async def verdict(file: Path, outside: list[Anchor], key: str = "") -> Verdict:
    """What is to be said of a file and of what went outside."""
    store = open_past(file)
    kept = Kept(store.installation, await store.heads(), await store.anchors(), outside, key)
    found = verify(await store.entries(0, 1_000), kept)
    await store.close()
    return found


def tamper(file: Path, work: Tampering) -> None:
    connection = sqlite3.connect(file)
    with connection:
        work(connection)
    connection.close()


def rewrite(first: int, *, head: bool = True) -> Tampering:
    """A forger who knows how: entry `first` says something else, and all that follows is sealed anew."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE audit SET detail = replace(detail, 'ann', 'bob') WHERE number = ?", (first,))
        link = Head("here", 0, START)
        for number, at, kind, detail in connection.execute(
            "SELECT number, at, kind, detail FROM audit ORDER BY number"
        ):
            link = seal(link, at, kind, detail)
            connection.execute("UPDATE audit SET digest = ? WHERE number = ?", (link.digest, number))
        if head:
            connection.execute("UPDATE audit_head SET digest = ?", (link.digest,))

    return work


def cut(last: int, *, head: bool) -> Tampering:
    """The end is gone, and the store made to believe that there never was one."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM audit WHERE number > ?", (last,))
        if head:
            connection.execute(
                "UPDATE audit_head SET (place, digest) = (SELECT place, digest FROM audit WHERE number = ?)", (last,)
            )

    return work


def swap(one: int, other: int, columns: str) -> Tampering:
    """Two entries change places."""

    def work(connection: sqlite3.Connection) -> None:
        query = f"SELECT {columns} FROM audit WHERE number = ?"
        rows = {number: connection.execute(query, (number,)).fetchone() for number in (one, other)}
        marks = ", ".join("?" for _ in columns.split(","))
        connection.execute("DROP INDEX audit_place")
        for number, values in ((one, rows[other]), (other, rows[one])):
            connection.execute(f"UPDATE audit SET ({columns}) = ({marks}) WHERE number = ?", (*values, number))

    return work


def sql(*statements: str) -> Tampering:
    return lambda connection: [connection.execute(statement) for statement in statements]


async def test_what_was_not_touched_is_good(log: tuple[Path, list[Anchor]]) -> None:
    """And it says up to where that is certain, and what is not."""
    found = await verdict(*log)
    assert (found.good, found.entries, found.inside, found.outside) == (True, ENTRIES, 2, 2)
    (chain,) = found.chains
    assert (chain.last, chain.anchored, chain.anchored_at) == (ENTRIES, ANCHORED, ANCHORED)
    assert [sentence.partition(" of chain")[0] for sentence in found.unknown] == [
        "places 9 to 12",
        "whether anything after place 12",
    ]


@pytest.mark.parametrize(
    ("work", "place", "what"),
    [
        pytest.param(sql("UPDATE audit SET detail = '{}' WHERE number = 3"), 3, "not what was written", id="detail"),
        pytest.param(sql("UPDATE audit SET kind = 'probe' WHERE number = 3"), 3, "not what was written", id="kind"),
        pytest.param(sql("UPDATE audit SET at = at + 1 WHERE number = 3"), 3, "not what was written", id="instant"),
        pytest.param(sql("UPDATE audit SET at = 'noon' WHERE number = 3"), 3, "not what was written", id="no instant"),
        pytest.param(sql("UPDATE audit SET place = 'x' WHERE number = 3"), -1, "reordered, or inserted", id="no place"),
        pytest.param(sql("UPDATE audit SET detail = x'00ff' WHERE number = 3"), 3, "not what was", id="bytes"),
        pytest.param(sql("UPDATE audit SET digest = '' WHERE number = 3"), 3, "not what was written", id="digest"),
        pytest.param(sql("UPDATE audit SET incident = 'i' WHERE number = 3"), 3, "incident i, and says", id="incident"),
        pytest.param(sql("UPDATE audit SET writer = 'x' WHERE number = 3"), 3, "missing: deleted", id="writer"),
        pytest.param(sql("DELETE FROM audit WHERE number = 3"), 4, "place 3 is missing: deleted", id="one deleted"),
        pytest.param(sql("DELETE FROM audit WHERE number < 4"), 4, "places 1 to 3 are missing", id="start deleted"),
        pytest.param(sql("DELETE FROM audit"), 12, "places 1 to 12 are missing at the end", id="emptied"),
        pytest.param(swap(3, 5, "at, kind, detail"), 3, "not what was written", id="contents swapped"),
        pytest.param(swap(3, 5, "at, kind, detail, digest"), 3, "not what was written", id="sealed contents swapped"),
        pytest.param(swap(3, 5, "at, kind, detail, place, digest"), 5, "missing", id="reordered"),
        pytest.param(
            sql(
                "DROP INDEX audit_place",
                "INSERT INTO audit SELECT 100, at, kind, detail, writer, place, incident, digest FROM audit WHERE number = 12",
            ),
            12,
            "reordered, or inserted",
            id="repeated",
        ),
        pytest.param(
            sql(
                "INSERT INTO audit SELECT 13, at, kind, detail, writer, 13, incident, digest FROM audit WHERE number = 12"
            ),
            13,
            "not what was written",
            id="added without its seal",
        ),
        pytest.param(
            sql("INSERT INTO audit SELECT 13, at, kind, detail, 'x', 1, incident, digest FROM audit WHERE number = 1"),
            1,
            "does not remember",
            id="another chain",
        ),
        pytest.param(cut(10, head=False), 12, "places 11 to 12 are missing at the end", id="tail cut off"),
        pytest.param(cut(6, head=True), 8, "the log ends before it: cut off", id="tail cut off, below the anchor"),
        pytest.param(rewrite(3, head=False), 12, "remembers another entry", id="rewritten, but for the head"),
        pytest.param(rewrite(3), 8, "another entry stood here: rewritten", id="all rewritten after an anchor"),
        pytest.param(sql("DELETE FROM audit_head"), 12, "does not remember to have written", id="head deleted"),
        pytest.param(sql("UPDATE audit_head SET place = 3"), 12, "place 3 as the newest: added", id="head put back"),
        pytest.param(sql("DELETE FROM anchor WHERE number = 1"), 8, "missing among the store", id="anchor deleted"),
        pytest.param(
            sql("UPDATE anchor SET statement = 'x' WHERE number = 1"), 0, "not signed", id="anchor unreadable"
        ),
        pytest.param(
            sql("""UPDATE anchor SET statement = replace(statement, '"place":8', '"place":9') WHERE number = 2"""),
            9,
            "not signed as it says",
            id="anchor changed",
        ),
    ],
)
async def test_what_was_done_to_it_is_found(
    log: tuple[Path, list[Anchor]], work: Tampering, place: int, what: str
) -> None:
    """Each way to change, delete, reorder, cut off, insert or write anew what an anchor vouches for."""
    file, outside = log
    tamper(file, work)
    found = await verdict(file, outside)
    assert not found.good
    assert any(one.place == place and what in one.what for one in found.findings), found.findings


async def test_anchors_outside_show_what_was_hidden_from_those_inside(log: tuple[Path, list[Anchor]]) -> None:
    """A forger with the store, its key and its anchors writes a history without a flaw: only what went outside tells."""
    file, outside = log
    tamper(file, rewrite(3))
    store = open_past(file)
    entries = await store.entries(0, 1_000)
    await store.close()
    forged: list[Anchor] = []
    for entry in (entries[ANCHORED // 2 - 1], entries[ANCHORED - 1]):
        head = Head(entry.writer, entry.place, entry.digest)
        forged.append(anchored(head, "here", forged[-1] if forged else None, entry.at, KEY))
    lines = [(anchor.line(), number) for number, anchor in enumerate(forged, 1)]
    tamper(file, lambda connection: connection.executemany("UPDATE anchor SET statement = ? WHERE number = ?", lines))
    alone = await verdict(file, [])
    assert alone.good
    assert "compare with what went outside" in alone.unknown[-1]
    assert not (await verdict(file, outside)).good


async def test_another_key_is_found(log: tuple[Path, list[Anchor]]) -> None:
    """Anchors that somebody else signed vouch for nothing, whoever says that they are healer's."""
    file, outside = log
    other = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))
    head = Head("here", outside[0].place, outside[0].digest)
    forged = anchored(head, "here", None, 4, other)
    assert any("another key" in one.what for one in (await verdict(file, [forged], outside[0].key)).findings)
    assert any(
        "not signed" in one.what for one in (await verdict(file, [msgspec.structs.replace(forged, at=5)])).findings
    )


async def test_an_anchor_of_another_installation_is_found(log: tuple[Path, list[Anchor]]) -> None:
    """A log cannot be passed off as another healer's."""
    file, _ = log
    strange = anchored(Head("here", 1, "0" * 64), "elsewhere", None, 4, KEY)
    assert any("about installation elsewhere" in one.what for one in (await verdict(file, [strange])).findings)


async def test_what_comes_after_the_last_anchor_is_not_vouched_for(log: tuple[Path, list[Anchor]]) -> None:
    """A cut beyond the last anchor, with the head, cannot be found; that is said, and up to where it is known."""
    file, outside = log
    tamper(file, cut(10, head=True))
    found = await verdict(file, outside)
    assert found.good
    assert "places 9 to 10 of chain here came after its last anchor" in found.unknown[0]


async def test_any_byte_of_what_is_sealed_counts(log: tuple[Path, list[Anchor]]) -> None:
    """Random changes of random columns of random entries: none passes."""
    file, outside = log
    draw = random.Random(7)
    for _ in range(20):
        copy = file.with_name("copy.db")
        shutil.copy(file, copy)
        column, number = draw.choice(("at", "kind", "detail", "place", "digest", "writer")), draw.randint(1, ENTRIES)
        wrong = draw.choice(("1", "''", "'{\"a\":1}'", "99", "x'00'", "number || digest"))
        tamper(copy, sql("DROP INDEX audit_place", f"UPDATE audit SET {column} = {wrong} WHERE number = {number}"))
        before, after = (rows(path) for path in (file, copy))
        assert (await verdict(copy, outside)).good is (before == after), (column, number, wrong)
        copy.unlink()


def rows(file: Path) -> list[object]:
    connection = sqlite3.connect(file)
    found = connection.execute("SELECT * FROM audit ORDER BY number").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize(("work", "code"), [(sql("SELECT 1"), 0), (cut(6, head=True), 1)])
def test_the_command_reads_a_store_without_its_healer(
    log: tuple[Path, list[Anchor]], work: Tampering, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """`healer audit verify --data` asks no service, and compares with a file of anchors, whatever came twice."""
    file, outside = log
    lines = "".join(anchor.line() + "\n" for anchor in (*outside, outside[-1]))
    (file.parent / "anchors").write_text(lines)
    tamper(file, work)
    assert main(["audit", "verify", "--data", str(file), "--anchors", str(file.parent / "anchors")]) == code
    said = capsys.readouterr().out
    assert ("Nothing was found" in said) is (code == 0)
    assert ("cut off" in said.partition("What this cannot tell")[0]) is (code == 1)
