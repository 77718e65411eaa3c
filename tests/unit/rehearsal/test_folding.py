"""Purity, over whole storms: who folds, and in which batches, changes nothing that is decided."""

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.rehearsal.folding import KINDS

ROOT = Path(__file__).parents[3]


def folded(hash_seed: str, records: int) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tests.unit.rehearsal.folding", str(records)],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def test_two_processes_decide_the_same_however_records_were_batched() -> None:
    """Storms with two faults, a flapping link, a late root and noise: the same incidents, timelines, plans and messages."""
    one = folded("0", 1)
    assert [line.split()[0] for line in one.splitlines()] == list(KINDS)
    assert folded("4711", 7) == one
    assert folded("1", 1_000_000) == one
