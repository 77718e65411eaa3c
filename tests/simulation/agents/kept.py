"""What a machine keeps when its power goes: the files of its agent, and the registers of its wrapper."""

import copy
import errno
from collections.abc import Callable, Mapping

from healer.executors.agent.wire import Task, read_by_agent
from healer.executors.register import KILLED, Attempt, Ran, Register
from healer.executors.target import Order, Result
from healer.times import Micros
from tests.simulation.agents.trouble import Trouble


class Shelf:
    """`Folder` in memory."""

    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes) -> None:
        self._files[name] = data

    def read(self, name: str) -> bytes | None:
        return self._files.get(name)

    def drop(self, name: str) -> bool:
        return self._files.pop(name, None) is not None

    def names(self) -> list[str]:
        return list(self._files)


class Disk:
    """A machine's."""

    def __init__(self, name: str, trouble: Trouble) -> None:
        self.name = name
        self.trouble = trouble
        self.full = False


class Files(Shelf):
    """On a machine's disk: what was kept is kept; what was dropped may be back when the power was away."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk
        self._dropped: dict[str, bytes] = {}

    def keep(self, name: str, data: bytes) -> None:
        if self._disk.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().keep(name, data)
        self._dropped.pop(name, None)

    def drop(self, name: str) -> bool:
        data = self.read(name)
        if data is not None:
            self._dropped[name] = data
        return super().drop(name)

    def lose_power(self) -> None:
        for name, data in self._dropped.items():
            if self._disk.trouble.happens(500, self._disk.name, "a dropped file is back"):
                super().keep(name, data)
        self._dropped.clear()


class Tasks(Files):
    """Those in which tasks are: each that was noted is to be reported."""

    def __init__(self, disk: Disk, noted: set[str]) -> None:
        super().__init__(disk)
        self._noted = noted

    def keep(self, name: str, data: bytes) -> None:
        super().keep(name, data)
        task = read_by_agent(data)
        assert isinstance(task, Task)
        self._noted.add(task.id)


class SyncedRegister(Register):
    """A register whose every word is on the disk before it is said."""

    def __init__(self, accepted: Callable[[Order], None]) -> None:
        super().__init__()
        self._accepted = accepted
        self._synced: tuple[tuple[int, int], Mapping[str, Attempt]] = ((0, 0), {})

    def admit(self, order: Order, now: Micros) -> Attempt | Result:
        answer = super().admit(order, now)
        if isinstance(answer, Attempt):
            self._accepted(order)
            self.sync()
        return answer

    def start(self, attempt: Attempt, ran: Ran, order: Order, now: Micros) -> None:
        super().start(attempt, ran, order, now)
        self.sync()

    def recorded(self, order: Order, now: Micros) -> Result:
        answer = super().recorded(order, now)
        if answer.outcome != "unknown":
            self._accepted(order)
            self.sync()
        return answer

    def sync(self) -> None:
        self._synced = (self.newest, {intent: copy.copy(attempt) for intent, attempt in self.attempts.items()})

    def lose_power(self, now: Micros) -> list[str]:
        """What runs ends here, what waits for its go never starts, and what is on the disk is what is known. Returns what ran."""
        running = [intent for intent, one in self.attempts.items() if one.ran is not None and one.ends_at > now]
        self.newest, attempts = self._synced
        attempts = {intent: copy.copy(attempt) for intent, attempt in attempts.items()}
        for attempt in (*self.attempts.values(), *attempts.values()):
            if attempt.ran is None:
                attempt.waits_until = 0
            elif attempt.ends_at > now:
                attempt.ran, attempt.ends_at = Ran(KILLED), now
        self.attempts = attempts
        self._synced = (self.newest, {intent: copy.copy(attempt) for intent, attempt in attempts.items()})
        self._holder = None
        return running
