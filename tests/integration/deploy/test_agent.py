"""The files that put an agent on a machine: systemd takes the unit, the script lays out what the agent's settings name."""

import subprocess
import sys
from pathlib import Path

from healer.agent.settings import AgentFile, load_agent_file
from tests.servers.deployed import DEPLOY, deployed
from tests.servers.process import binary

COMMAND = "/opt/healer/venv/bin/healer"
EXPOSURE = 60
"""Tenths of what `systemd-analyze security` makes of it: repairs need root and its files, little else."""


def test_the_unit(tmp_path: Path) -> None:
    """systemd knows every line of it, and its sandbox leaves no more open than was meant."""
    unit = tmp_path / "healer-agent.service"
    unit.write_text(deployed("agent/healer-agent.service", {COMMAND: str(Path(sys.executable).with_name("healer"))}))
    systemd = binary("systemd-analyze", "systemd")
    for check in (["verify", "--man=no"], ["security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager"]):
        done = subprocess.run([systemd, *check, str(unit)], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        unknown = [line for line in done.stderr.splitlines() if "Unknown" in line and "DelegateSubgroup" not in line]
        assert unknown == []


def test_the_script(tmp_path: Path) -> None:
    """Everything that the settings name by default lies where they say, and what is there already is kept."""
    invitation = tmp_path / "cn-1.json"
    invitation.write_text("{}")
    root = tmp_path / "root"
    command = ["sh", str(DEPLOY / "agent/install.sh"), str(invitation)]
    for _ in range(2):
        subprocess.run(command, check=True, env={"DESTDIR": str(root), "PATH": "/usr/bin:/bin"}, timeout=60)
        (root / "etc/healer/agent.yaml").write_text("log: warning\n")
    assert load_agent_file(root / "etc/healer/agent.yaml") == AgentFile(log="warning")
    said = AgentFile()
    for path in (said.wrapper, said.invitation, said.state, said.register):
        assert (root / path.lstrip("/")).exists(), path
    assert (root / said.invitation.lstrip("/")).stat().st_mode & 0o777 == 0o600
    assert (root / said.state.lstrip("/")).stat().st_mode & 0o777 == 0o700


def test_the_settings_that_come_with_it() -> None:
    """They load."""
    assert load_agent_file(DEPLOY / "agent/agent.yaml").limits == AgentFile().limits
