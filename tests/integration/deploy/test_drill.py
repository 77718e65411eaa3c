"""`make drill`: the whole loop from a clean clone, in one command."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.servers.deployed import DEPLOY
from tests.servers.process import free_port


def test_a_drill_from_a_clean_clone(tmp_path: Path) -> None:
    """Its alert is taken, a rule calls the canary's webhook, a look elsewhere proves it, people are told, and each stage has its
    time; what is printed is JSON and nothing else."""
    here = tmp_path / "deploy" / "drill"
    shutil.copytree(DEPLOY / "drill", here)
    ports = {"9098": str(free_port()), "9097": str(free_port())}
    for file in here.iterdir():
        text = file.read_text("utf-8")
        for was, now in ports.items():
            text = text.replace(was, now)
        file.write_text(text, "utf-8")
    incidents = set()
    for _ in range(2):  # whoever rehearses may do so again at once
        ran = subprocess.run(
            [sys.executable, str(here / "drill.py"), "--json"], capture_output=True, text=True, timeout=120, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        found = json.loads(ran.stdout)
        assert (found["state"], found["rule"]) == ("passed", "mend the canary")
        assert None not in found["times_ms"].values()
        assert "HealerDrill" in ran.stderr
        incidents.add(found["incident"])
    assert len(incidents) == 2
