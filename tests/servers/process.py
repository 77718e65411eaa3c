"""A real server as a child process: started in a folder of its own, waited for, killed, frozen, started again."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

_ports = random.Random(os.getpid())


def binary(name: str, package: str) -> str:
    """The path of an installed server, else the test is skipped, which fails in CI (tests/conftest.py)."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is missing: as root, on Debian: apt-get install --no-install-recommends {package}")
    return found


def free_port() -> int:
    """A loopback port that nobody listens on, below those that the kernel gives to outgoing connections."""
    while True:
        port = _ports.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def get(url: str, *, within: float = 2, token: str = "") -> bytes:
    """The body of a 2xx answer; `token` is a bearer token. Raises OSError otherwise."""
    request = urllib.request.Request(url, headers=_showing(token))
    with urllib.request.urlopen(request, timeout=within) as answer:
        body: bytes = answer.read()
        return body


def post(url: str, body: bytes = b"", *, within: float = 5, token: str = "") -> bytes:
    """The body of a 2xx answer to a POST of JSON; `token` is a bearer token. Raises OSError otherwise."""
    headers = {"Content-Type": "application/json", **_showing(token)}
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=within) as answer:
        said: bytes = answer.read()
        return said


def delete(url: str, *, within: float = 5) -> None:
    """Raises OSError unless the answer is 2xx."""
    with urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=within):
        pass


def _showing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token else {}


class Server:
    """A child process that answers HTTP on a loopback port. Entering starts it and waits; leaving kills it.

    The subclass says how it is called (`command`) and where it says that it is ready (`ready`).
    """

    name = "server"
    ready = "/-/ready"
    starts_within = 30.0

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was not started"
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote to standard output and standard error, over all its starts."""
        path = self.folder / f"{self.name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start it and return when it is ready. Raises RuntimeError, with the end of its log, when it is not."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.starts += 1
        until = time.monotonic() + self.starts_within
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"{self.name} did not get ready: {' '.join(self.command())}\n{self.log[-4_000:]}")
            time.sleep(0.02)

    def answers(self) -> bool:
        """Whether it says that it is ready."""
        try:
            get(self.url + self.ready, within=1)
        except (OSError, urllib.error.HTTPError):
            return False
        return True

    def stop(self, within: float = 10) -> None:
        """End it in peace, or kill it when it takes longer."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def restart(self) -> None:
        """Stop it in peace and start it on the same port and folder."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing. Returns once every thread of it has stopped."""
        os.kill(self.pid, signal.SIGSTOP)
        while not self.stands_still():
            time.sleep(0.001)

    def stands_still(self) -> bool:
        """Whether every thread of it has stopped."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/stat")
        try:
            return all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in threads)
        except FileNotFoundError:
            return False  # one has just ended

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
