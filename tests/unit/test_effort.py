"""The test suite's own promises: one knob, and no skipped test in CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.effort import Effort

ROOT = Path(__file__).parents[2]

SKIPPING = """
import pytest

def test_needs_a_server():
    pytest.skip("etcd is missing")
"""


def test_effort_picks_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """HEALER_EFFORT chooses the amount, and says so when the word is unknown."""
    monkeypatch.setenv("HEALER_EFFORT", "full")
    assert Effort.from_environment().pick(ci=1, full=2) == 2
    monkeypatch.delenv("HEALER_EFFORT")
    assert Effort.from_environment().pick(ci=1, full=2) == 1
    monkeypatch.setenv("HEALER_EFFORT", "lots")
    with pytest.raises(ValueError, match="say ci or full"):
        Effort.from_environment()


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("false", 0)])
def test_a_skip_fails_in_ci(tmp_path: Path, ci: str, code: int) -> None:
    """A test that cannot have its server is skipped at home and fails in CI, naming what is missing."""
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_skipping.py").write_text(SKIPPING)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == code, run.stdout
    assert "etcd is missing" in run.stdout
