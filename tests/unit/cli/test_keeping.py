"""Where the command keeps compiled rules, and that it may."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from healer.bootstrap.starting import compiled_folder
from healer.cli.main import main
from healer.settings.cache import cache_folder
from rules import keep_in

RULE = 'rule "r"\n  on event: "Down"\n  then: notify("oncall")\n'


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of rules, the command line that checks it, and a cache folder."""
    (tmp_path / "x.heal").write_text(RULE)
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "argv", ["healer", "check", str(tmp_path / "x.heal")])
    yield tmp_path
    keep_in(None)


def test_a_command_keeps_what_it_compiled(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`healer check` leaves an entry in the user's cache folder."""
    assert main() == 0
    assert "all good" in capsys.readouterr().out
    assert [path.suffix for path in (called / "cache" / "healer").iterdir()] == [".rules"]


def test_a_cache_folder_that_cannot_be_is_no_trouble(called: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a folder to keep anything in, the command does the same."""
    (called / "cache").rmdir()
    assert main() == 0
    assert "all good" in capsys.readouterr().out
    assert not (called / "cache").exists()


def test_whoever_calls_it_from_within_keeps_nothing(called: Path) -> None:
    """Only a process of its own is told where to keep things."""
    assert main(["check", str(called / "x.heal")]) == 0
    assert not (called / "cache" / "healer").exists()


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CACHE_HOME": "/x", "HOME": "/users/a"}, Path("/x/healer")),
        ({"XDG_CACHE_HOME": "x", "HOME": "/users/a"}, Path("/users/a/.cache/healer")),
        ({"HOME": "/users/a"}, Path("/users/a/.cache/healer")),
        ({"HOME": ""}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_cache_folder_is_where_xdg_has_it(environ: dict[str, str], folder: Path | None) -> None:
    """$XDG_CACHE_HOME where it is absolute, else ~/.cache, else nowhere."""
    assert cache_folder(environ) == folder


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("sqlite:////var/lib/healer/healer.db", Path("/var/lib/healer/compiled")),
        ("sqlite:///data/healer.db", Path("data/compiled")),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql://healer@db/healer", None),
    ],
)
def test_the_service_keeps_them_in_its_data_folder(url: str, folder: Path | None) -> None:
    """Beside the store, where the store is a file."""
    assert compiled_folder(url) == folder
