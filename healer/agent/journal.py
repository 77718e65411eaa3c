"""What must an agent not forget when it is killed? What it was about, and what nobody has heard yet. Files, synced.

What ran on the machine, and with which (token, step), is in the wrapper's register. Here stands for whom.
"""

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from healer.executors.agent.durable import DiskFolder, Folder
from healer.executors.agent.wire import Report, Task, read_by_agent, read_by_healer, write

log = logging.getLogger(__name__)

REPORTS = 10_000
"""Reports that are kept for healer to hear; of more, the oldest are let go: the register can still be asked."""


class Journal:
    """Tasks that were begun, and reports that were not acknowledged, of one agent."""

    def __init__(self, tasks: Folder, reports: Folder) -> None:
        self._tasks = tasks
        self._reports = reports

    def begin(self, task: Task) -> None:
        """Before it may run. Raises OSError: then it must not."""
        self._tasks.keep(_name(task.id), write(task))

    def end(self, report: Report) -> None:
        """How it ended; from now on it is a report to be heard. Raises OSError."""
        self._reports.keep(_name(report.id), write(report))
        self._tasks.drop(_name(report.id))

    def heard(self, id: str) -> None:
        """healer knows."""
        self._reports.drop(_name(id))
        # Still there where the disk did not take the report.
        self._tasks.drop(_name(id))

    def begun(self) -> Iterator[Task]:
        """What was under way when this agent ended, or was killed."""
        for name in self._tasks.names():
            try:
                task = read_by_agent(self._tasks.read(name) or b"")
            except msgspec.MsgspecError as error:
                log.error("%s cannot be read, and is left alone: %s", name, error)
                continue
            if isinstance(task, Task) and self._reports.read(name) is None:
                yield task
            else:
                self._tasks.drop(name)

    def unheard(self) -> list[Report]:
        """Reports, the oldest first."""
        names = self._reports.names()
        for name in names[:-REPORTS]:
            self._reports.drop(name)
        found = []
        for name in names[-REPORTS:]:
            try:
                report = read_by_healer(self._reports.read(name) or b"")
            except msgspec.MsgspecError as error:
                log.error("%s cannot be read, and is left alone: %s", name, error)
                continue
            if isinstance(report, Report):
                found.append(report)
        return found


def journal_in(state: Path) -> Journal:
    """The one in an agent's state folder; a new one is made. Raises OSError."""
    return Journal(DiskFolder(state / "tasks"), DiskFolder(state / "reports"))


def _name(id: str) -> str:
    """Ids come from elsewhere: a file's name is made of none."""
    return f"{hashlib.sha256(id.encode()).hexdigest()[:32]}.json"
