"""`healer actions`: the catalogue as it is, on the terminal, as JSON, and in docs/actions.md."""

import json
from pathlib import Path

import pytest

from healer.cli.catalogue import rewritten, shipped
from healer.cli.main import main
from rules.actions import SHOWN

PAGE = Path(__file__).parents[3] / "docs" / "actions.md"


def test_the_page_is_the_catalogue() -> None:
    """docs/actions.md says what the catalogue says."""
    page = PAGE.read_text("utf-8")
    assert rewritten(page) == page, "run `python -m healer.cli.catalogue docs/actions.md`"


def test_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Every action that ships stands in the list, those that can run here first."""
    assert main(["actions", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["total"] == len(found["items"]) == len(shipped())
    assert {each["shows"] for each in found["items"]} - {""} == set(SHOWN)


def test_one_in_detail(capsys: pytest.CaptureFixture[str]) -> None:
    """One action says what runs, how it looks at the state, what it takes, and where it is declared."""
    assert main(["actions", "clean_disk"]) == 0
    said = capsys.readouterr().out
    for words in ("/usr/bin/systemd-tmpfiles --clean --prefix={path}", "/usr/bin/df", "below", "80%", "destructive"):
        assert words in said


def test_one_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is none is called wrong, with the nearest one that is."""
    assert main(["actions", "clean_disc"]) == 2
    assert "did you mean clean_disk?" in capsys.readouterr().err


def test_those_of_an_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What an installation's own rule files declare is listed beside what ships, and wins by name."""
    (tmp_path / "own.heal").write_text(
        'action "flush_dns"\n  run: ssh ["/usr/bin/resolvectl", "flush-caches"]\n'
        "  accepts: host\n  idempotent: yes   destructive: no\n"
    )
    (tmp_path / "healer.yaml").write_text("rules: {paths: [own.heal]}\n")
    assert main(["actions", "flush_dns", "--config", str(tmp_path / "healer.yaml"), "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["items"]
    assert (found["runs"], found["destructive"]) == ("/usr/bin/resolvectl flush-caches", False)
