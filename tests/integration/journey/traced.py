"""healer under strace: what the kernel was asked for, in its order. Used by test_sync.

Python sees that SQLite was told to sync; only the kernel sees whether it did, and before which byte of an answer.
"""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.servers.healer import Healer
from tests.servers.process import binary

CALLS = "fdatasync,fsync,pwrite64,read,recvfrom,recvmsg,write,writev,sendto,sendmsg"
_LINE = re.compile(r"^(\d+) +(.*)$")
_MARKER = re.compile(r"marker-\d+-x")
_SOCKET = re.compile(r"^\w+\(\d+<(socket:\[\d+\])>")


class Answer(msgspec.Struct, frozen=True):
    """A 200 that left for its sender, and whether the record of its request had been written, and synced, by then."""

    marker: str
    written: bool
    synced: bool


class TracedHealer(Healer):
    """`weaker` is a value of PRAGMA synchronous to run with instead of FULL, as no healer should."""

    starts_within = 120.0

    def __init__(self, folder: Path, config: str, *, weaker: str = "") -> None:
        super().__init__(folder, config)
        self.calls = folder / "calls.log"
        self._weaker = weaker
        self._strace = binary("strace", "strace")
        trial = subprocess.run([self._strace, "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
        if trial.returncode:
            pytest.skip(f"strace may trace nothing here (a container needs SYS_PTRACE): {trial.stderr.strip()}")

    def command(self) -> list[str]:
        healer = super().command()
        if self._weaker:
            healer = [sys.executable, "-P", str(Path(__file__).with_name("weaker.py")), self._weaker, *healer[1:]]
        # The tracer is the grandchild (-D): the child is healer itself, and signals reach it.
        return [self._strace, "-D", "-f", "-y", "-s", "20000", "-o", str(self.calls), "-e", f"trace={CALLS}", *healer]

    def answered(self) -> list[Answer]:
        """Every 200 to a request for `?marker-N-x` whose alert names the marker, in order. Call it after `stop`."""
        asked: dict[str, str] = {}
        written: set[str] = set()
        synced: set[str] = set()
        found = []
        for call in self._calls():
            socket = _SOCKET.match(call)
            if socket and '"POST /api/v2/alerts?' in call:
                asked[socket[1]] = _MARKER.findall(call)[0]
            elif socket and '"HTTP/1.1 200' in call and socket[1] in asked:
                marker = asked.pop(socket[1])
                found.append(Answer(marker, marker in written, marker in synced))
            elif call.startswith("pwrite64(") and "healer.db-wal>" in call:
                written.update(_MARKER.findall(call))
            elif call.startswith("fdatasync done") and "healer.db-wal>" in call:
                synced |= written
        return found

    def synced_folders(self) -> set[str]:
        """Folders whose names were synced before the first answer to a POST."""
        found = set()
        for call in self._calls():
            if '"HTTP/1.1 200' in call and "Content-Length: 0" in call:
                break
            if call.startswith(("fsync(", "fdatasync(")):
                found.add(call.partition("<")[2].partition(">")[0])
        return found

    def _calls(self) -> Iterator[str]:
        """Calls as they began; a sync once more, as `fdatasync done`, when it had succeeded."""
        under_way: dict[str, str] = {}
        for line in self._lines():
            read = _LINE.match(line)
            if read is None:
                continue
            thread, call = read.groups()
            if call.startswith("<... "):
                began = under_way.pop(thread, "")
                if not call.startswith("<... fdatasync"):
                    # What was read is known only when the call ends.
                    yield began + call.partition("resumed>")[2]
                elif call.endswith("= 0"):
                    yield f"fdatasync done {began}"
                continue
            if call.endswith("<unfinished ...>"):
                under_way[thread] = call.removesuffix("<unfinished ...>")
            if not (call.startswith(("read(", "recv")) and call.endswith("<unfinished ...>")):
                yield call
            if call.startswith("fdatasync(") and call.endswith("= 0"):
                yield f"fdatasync done {call}"

    def _lines(self) -> list[str]:
        until = time.monotonic() + 10
        while True:
            lines = self.calls.read_text(errors="replace").splitlines()
            if lines and "+++ exited with" in lines[-1]:
                return lines
            assert time.monotonic() < until, "strace has not written its last line"
            time.sleep(0.05)
