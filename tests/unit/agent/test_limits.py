"""The limits of a task: control groups where there are any, rlimits in any case."""

from pathlib import Path

from healer.agent.limits import Groups, by_rlimits, own_groups
from healer.agent.settings import Limits
from healer.times import SECOND


def delegated(folder: Path) -> tuple[Path, Path]:
    """What a process sees of a control group that systemd delegated to it."""
    root = folder / "system.slice/agent.service"
    (root / "agent").mkdir(parents=True)
    (folder / "cgroup.controllers").write_text("cpu memory pids\n")
    proc = folder / "self"
    proc.write_text("1:name=systemd:/\n0::/system.slice/agent.service\n")
    return proc, root


def test_rlimits() -> None:
    """prlimit sets them for the wrapper, and all that it starts inherits them."""
    assert by_rlimits(Limits(memory=1 << 30, cpu=60 * SECOND), ["run"]) == [
        *("prlimit", "--core=0", "--cpu=60", f"--as={1 << 30}", "--", "run")
    ]
    assert by_rlimits(Limits(memory=0, cpu=0), ["run"]) == ["prlimit", "--core=0", "--", "run"]


def test_a_group_for_each_task(tmp_path: Path) -> None:
    """The task enters it before it becomes the wrapper; the agent itself sits beside it, as the kernel wants."""
    proc, root = delegated(tmp_path)
    groups = own_groups(Limits(memory=1 << 30, processes=64, cores=0.5), proc, tmp_path)
    command = groups.enter("a1", ["run"])
    group = root / "task-a1"
    assert command[:2] == ["/bin/sh", "-c"]
    assert command[3:] == [str(group), "prlimit", "--core=0", "--cpu=3600", "--", "run"]
    assert {file.name: file.read_text() for file in group.iterdir()} == {
        "memory.max": str(1 << 30),
        "memory.oom.group": "1",
        "pids.max": "64",
        "cpu.max": "50000 100000",
    }
    assert (root / "agent/cgroup.procs").read_text() == "0"
    assert (root / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_no_groups_without_cgroup_v2(tmp_path: Path) -> None:
    """Where the hierarchy is another, or the root's, each process is limited for itself."""
    proc = tmp_path / "self"
    for lines in ("1:memory:/x\n", "0::/\n", "0::/x\n"):
        proc.write_text(lines)
        assert own_groups(Limits(), proc, tmp_path).enter("a1", ["run"])[0] == "prlimit"
    assert own_groups(Limits(), tmp_path / "missing", tmp_path).enter("a1", ["run"])[0] == "prlimit"


def test_a_group_that_cannot_be_made(tmp_path: Path) -> None:
    """The task is limited all the same."""
    (tmp_path / "task-a1").write_text("in the way")
    assert Groups(Limits(), tmp_path).enter("a1", ["run"])[0] == "prlimit"
