"""How is a task kept within its limits? In a control group of its own where this agent may make some, by rlimits in any case."""

import logging
from collections.abc import Sequence
from pathlib import Path

from healer.agent.settings import Limits
from healer.times import SECOND

log = logging.getLogger(__name__)

PERIOD_US = 100_000
"""Over which the kernel shares out processor time."""
_ENTER = 'echo "$$" >"$0/cgroup.procs" && exec "$@"'


def by_rlimits(limits: Limits, command: Sequence[str]) -> list[str]:
    """The command, within the limits of each of its processes."""
    said = ["--core=0"]
    if limits.cpu:
        said.append(f"--cpu={limits.cpu // SECOND}")
    if limits.memory:
        said.append(f"--as={limits.memory}")
    return ["prlimit", *said, "--", *command]


class Groups:
    """Control groups (v2) below the agent's own. `root` is None where it may make none."""

    def __init__(self, limits: Limits, root: Path | None) -> None:
        self._limits = limits
        self._root = root

    def enter(self, name: str, command: Sequence[str]) -> list[str]:
        """The command, in a group of its own; as it is where that fails."""
        if self._root is None:
            return by_rlimits(self._limits, command)
        self.sweep()
        group = self._root / f"task-{name}"
        try:
            group.mkdir(exist_ok=True)
            for file, value in _values(self._limits):
                (group / file).write_text(value)
        except OSError as error:
            log.warning("no control group for %s: %s", name, error.strerror)
            return by_rlimits(self._limits, command)
        # Address space is not memory: where the group counts what is really used, no process is limited by the other.
        alone = by_rlimits(Limits(memory=0, cpu=self._limits.cpu), command)
        return ["/bin/sh", "-c", _ENTER, str(group), *alone]

    def sweep(self) -> None:
        """Remove the groups in which nothing is left."""
        if self._root is not None:
            for group in self._root.glob("task-*"):
                try:
                    group.rmdir()
                except OSError:
                    log.debug("something is left in %s", group)


def own_groups(limits: Limits, proc: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")) -> Groups:
    """Where systemd delegated a group to this agent (`Delegate=yes`), groups below it; it moves into one of its own itself."""
    try:
        lines = proc.read_text().splitlines()
        root = mount / next(line for line in lines if line.startswith("0::/")).removeprefix("0::/")
        if not (mount / "cgroup.controllers").exists() or root == mount:
            return Groups(limits, None)
        if root.name == "agent":
            root = root.parent
        mine = root / "agent"
        mine.mkdir(exist_ok=True)
        (mine / "cgroup.procs").write_text("0")
        (root / "cgroup.subtree_control").write_text("+cpu +memory +pids")
    except (OSError, StopIteration) as error:
        log.info("no control groups here (%s): tasks are limited process by process", error)
        return Groups(limits, None)
    return Groups(limits, root)


def _values(limits: Limits) -> list[tuple[str, str]]:
    found = []
    if limits.memory:
        found += [("memory.max", str(limits.memory)), ("memory.oom.group", "1")]
    if limits.processes:
        found.append(("pids.max", str(limits.processes)))
    if limits.cores:
        found.append(("cpu.max", f"{int(limits.cores * PERIOD_US)} {PERIOD_US}"))
    return found
