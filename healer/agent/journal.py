"""What must an agent not forget when it is killed? What it was about, and what nobody has heard yet. Files, synced.

What ran on the machine, and with which (token, step), is in the wrapper's register. Here stands for whom.
"""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from healer.executors.agent.durable import keep
from healer.executors.agent.wire import Report, Task, read_by_agent, read_by_healer, write

log = logging.getLogger(__name__)

REPORTS = 10_000
"""Reports that are kept for healer to hear; of more, the oldest are let go: the register can still be asked."""


class Journal:
    """Tasks that were begun, and reports that were not acknowledged, of one agent."""

    def __init__(self, folder: Path) -> None:
        self._tasks = folder / "tasks"
        self._reports = folder / "reports"
        for each in (folder, self._tasks, self._reports):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)

    def begin(self, task: Task) -> None:
        """Before it may run. Raises OSError: then it must not."""
        keep(self._tasks / _name(task.id), write(task))

    def end(self, report: Report) -> None:
        """How it ended; from now on it is a report to be heard. Raises OSError."""
        keep(self._reports / _name(report.id), write(report))
        (self._tasks / _name(report.id)).unlink(missing_ok=True)

    def heard(self, id: str) -> None:
        """healer knows."""
        (self._reports / _name(id)).unlink(missing_ok=True)

    def begun(self) -> Iterator[Task]:
        """What was under way when this agent ended, or was killed."""
        for file in sorted(self._tasks.glob("*.json")):
            try:
                task = read_by_agent(file.read_bytes())
            except msgspec.MsgspecError as error:
                log.error("%s cannot be read, and is left alone: %s", file, error)
                continue
            if isinstance(task, Task) and not (self._reports / file.name).exists():
                yield task
            else:
                file.unlink(missing_ok=True)

    def unheard(self) -> list[Report]:
        """Reports, the oldest first."""
        files = sorted(self._reports.glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
        for file in files[:-REPORTS]:
            file.unlink(missing_ok=True)
        found = []
        for file in files[-REPORTS:]:
            try:
                report = read_by_healer(file.read_bytes())
            except msgspec.MsgspecError as error:
                log.error("%s cannot be read, and is left alone: %s", file, error)
                continue
            if isinstance(report, Report):
                found.append(report)
        return found


def _name(id: str) -> str:
    """Ids come from elsewhere: a file's name is made of none."""
    return f"{hashlib.sha256(id.encode()).hexdigest()[:32]}.json"
