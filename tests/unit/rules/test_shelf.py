"""The folder that compiled rules are kept in: whole entries of one's own, a bounded number, and no trust in others."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rules import shelf
from rules.shelf import MAX_ENTRIES, Shelf


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """An entry comes back under its name, and under no other."""
    kept = Shelf(tmp_path / "compiled")
    kept.write("a", b"rules")
    assert (kept.read("a"), kept.read("b")) == (b"rules", None)
    (tmp_path / "compiled" / "a.rules").rename(tmp_path / "compiled" / "b.rules")
    assert kept.read("b") is None


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """The folder and its entries are for their owner alone."""
    Shelf(tmp_path / "compiled").write("a", b"rules")
    assert (tmp_path / "compiled").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "compiled" / "a.rules").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_write_is_not_used(tmp_path: Path, mode: int) -> None:
    """Where others may write, nothing is read and nothing is written."""
    kept = Shelf(tmp_path / "compiled")
    kept.write("a", b"rules")
    (tmp_path / "compiled").chmod(mode)
    kept.write("b", b"more")
    assert kept.read("a") is None
    assert [path.name for path in (tmp_path / "compiled").iterdir()] == ["a.rules"]


def test_an_entry_that_others_write_is_not_read(tmp_path: Path) -> None:
    """An entry that others may have written is none."""
    kept = Shelf(tmp_path / "compiled")
    kept.write("a", b"rules")
    (tmp_path / "compiled" / "a.rules").chmod(0o602)
    assert kept.read("a") is None


def test_a_link_or_a_pipe_is_not_followed(tmp_path: Path) -> None:
    """What is no file of its own is not read, nor waited for."""
    kept = Shelf(tmp_path / "compiled")
    kept.write("a", b"rules")
    (tmp_path / "compiled" / "a.rules").rename(tmp_path / "elsewhere")
    (tmp_path / "compiled" / "a.rules").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "compiled" / "b.rules")
    assert (kept.read("a"), kept.read("b")) == (None, None)


def test_the_oldest_go(tmp_path: Path) -> None:
    """There is a bounded number of entries: what was neither written nor read for longest goes, unfinished ones too."""
    kept = Shelf(tmp_path / "compiled")
    kept.write("used", b"rules")
    (tmp_path / "compiled" / "crashed.part").write_bytes(b"ru")
    os.utime(tmp_path / "compiled" / "crashed.part", (1, 1))
    for number in range(MAX_ENTRIES - 1):
        kept.write(f"n{number}", b"rules")
        os.utime(tmp_path / "compiled" / f"n{number}.rules", (number + 2, number + 2))
    os.utime(tmp_path / "compiled" / "used.rules", (1, 1))
    assert kept.read("used") == b"rules"
    kept.write("one-more", b"rules")
    names = {path.name for path in (tmp_path / "compiled").iterdir()}
    assert len(names) == MAX_ENTRIES
    assert {"used.rules", "one-more.rules"} <= names
    assert not {"n0.rules", "crashed.part"} & names


def test_what_is_too_large_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry has a limit, when it is written and when it is read."""
    kept = Shelf(tmp_path / "compiled")
    kept.write("a", bytes(1000))
    monkeypatch.setattr(shelf, "MAX_ENTRY_BYTES", 500)
    kept.write("b", bytes(1000))
    assert (kept.read("a"), kept.read("b")) == (None, None)


def test_a_folder_that_cannot_be_is_none(tmp_path: Path) -> None:
    """Where the folder cannot be made, nothing is kept, and nobody is troubled."""
    (tmp_path / "file").write_bytes(b"")
    for folder in (tmp_path / "file" / "compiled", tmp_path / "gone" / "compiled", tmp_path / "file"):
        kept = Shelf(folder)
        kept.write("a", b"rules")
        assert kept.read("a") is None


def test_a_disk_that_is_full_keeps_nothing(tmp_path: Path) -> None:
    """Nobody is troubled, what was kept before is kept, and no half of an entry lies about."""
    kept = Shelf(tmp_path / "compiled")
    kept.write("a", b"rules")
    code = (
        "import resource, signal, sys; from pathlib import Path; from rules.shelf import Shelf\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "Shelf(Path(sys.argv[1])).write('a', bytes(100_000))\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "compiled")], check=True)
    assert [path.name for path in (tmp_path / "compiled").iterdir()] == ["a.rules"]
    assert kept.read("a") == b"rules"


def test_writers_do_not_disturb_one_another(tmp_path: Path) -> None:
    """Many write one name at a time, and whoever reads finds what one of them wrote, whole."""
    kept = Shelf(tmp_path / "compiled")
    bodies = [bytes([number]) * 200_000 for number in range(4)]
    kept.write("a", bodies[0])

    def write(body: bytes) -> None:
        for _ in range(20):
            kept.write("a", body)

    writers = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for writer in writers:
        writer.start()
    found = {kept.read("a") for _ in range(50)}
    for writer in writers:
        writer.join()
    assert found <= set(bodies)
    assert [path.name for path in (tmp_path / "compiled").iterdir()] == ["a.rules"]
