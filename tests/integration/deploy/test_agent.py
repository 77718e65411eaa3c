"""The files that put an agent on a machine: systemd takes the unit, the script lays out what the agent's settings name."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from healer.agent.settings import AgentFile, load_agent_file
from healer.executors.target import Order
from tests.servers.agents import stand
from tests.servers.deployed import DEPLOY, deployed
from tests.servers.process import binary

COMMAND = "/opt/healer/venv/bin/healer"
EXPOSURE = 60
"""Tenths of what `systemd-analyze security` makes of it: repairs need root and its files, little else."""
ON_A_MACHINE = """
cd "$1"
cat /etc/resolv.conf >resolv.conf
for folder in opt etc usr/local var/lib; do
  mkdir -p "upper/$folder" "work/$folder"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$1/upper/$folder,workdir=$1/work/$folder" "/$folder"
done
mount -t tmpfs none /run
rm -f /etc/resolv.conf
cp resolv.conf /etc/resolv.conf
sh "$2" --package "$3" "$4"
echo "/usr/bin/id -u" >/etc/healer/allow
echo "log: debug" >/etc/healer/agent.yaml
sh "$2" --package "$3"
cat /etc/healer/agent.yaml
exec /opt/healer/venv/bin/healer agent --config /etc/healer/agent.yaml
"""
"""This one, without systemd, behind overlays that go with its mount namespace."""
SAYS = [
    "Nothing may run here yet: write /etc/healer/allow (healer sudoers --only allow).",
    *("There is no systemd here. Let whatever starts services keep this running, as root:", f"  {COMMAND} agent"),
    *("There is no systemd here. Let whatever starts services keep this running, as root:", f"  {COMMAND} agent"),
    "log: debug",
]


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


def test_a_machine_without_what_it_needs(tmp_path: Path) -> None:
    """The script says what is missing before it changes anything."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "id", "dirname", "flock", "setsid", "prlimit", "timeout"):
        (tools / name).symlink_to(shutil.which(name) or "")
    for missing, hint in (("python3", "Python 3.11, 3.12 or 3.13"), ("prlimit", "install util-linux")):
        (tools / missing).unlink(missing_ok=True)
        command = [tools / "sh", DEPLOY / "agent/install.sh"]
        done = subprocess.run(
            command, env={"PATH": str(tools)}, capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert hint in done.stderr


@pytest.mark.full
async def test_the_script_on_a_machine(tmp_path: Path) -> None:
    """What it installs, from a wheel and with a fresh environment, enrols, and carries out what is allowed there; it says what
    is missing, and run again it keeps what is there."""
    async with stand(tmp_path / "healer") as healer:
        given = (tmp_path, DEPLOY / "agent/install.sh", wheel(tmp_path / "wheel"), await healer.invitation("host/cn-1"))
        machine = await asyncio.create_subprocess_exec(
            *("unshare", "--mount", "--fork", "--kill-child"),
            *("sh", "-euc", ON_A_MACHINE, "sh", *map(str, given)),
            stdout=subprocess.PIPE,
        )
        assert machine.stdout is not None
        try:
            async with asyncio.timeout(600):
                for line in SAYS:
                    assert (await machine.stdout.readline()).decode().startswith(line)
            await healer.active("host/cn-1")
            order = Order("i1", 0, 1, "host/cn-1", "", ("/usr/bin/id", "-u"), 20)
            result = await healer.target.run(order, go)
            assert (result.outcome, result.output) == ("succeeded", "0\n"), result
        finally:
            machine.kill()
            await machine.wait()


def test_the_settings_that_come_with_it() -> None:
    """They load."""
    assert load_agent_file(DEPLOY / "agent/agent.yaml").limits == AgentFile().limits


def wheel(folder: Path) -> Path:
    """The package as it is now."""
    for name in ("healer", "rules", "notifiers"):
        shutil.copytree(DEPLOY.parent / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(DEPLOY.parent / name, folder)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", ".", "."]
    subprocess.run(command, check=True, cwd=folder, timeout=300, env=os.environ)
    (built,) = folder.glob("*.whl")
    return built


async def go() -> bool:
    return True
