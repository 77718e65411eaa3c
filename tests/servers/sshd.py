"""A machine for tests: Debian's sshd on a loopback port, with the wrapper installed, and on request a service to repair.

The machine has a mount namespace of its own: /run and /var/log are empty there and belong to it, and /usr/bin/systemctl is a
stand-in that needs no systemd as process 1 (PyPI `docker-systemctl-replacement`; unit files, start, stop, restart, exit
codes as systemd's). Its service tells its own log of each start: that is where tests count effects.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import msgspec
import pytest

from healer.executors.ssh_settings import SshSettings
from healer.times import SECOND

SSHD = "/usr/sbin/sshd"
WRAPPER = Path(__file__).parents[2] / "deploy/target/healer-run"
SERVICE = "shop.service"
START_S = 15.0

_SERVER = """
import http.server, os, sys
class Metrics(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"shop_open 1\\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Metrics)
open(sys.argv[2], "w").write(str(os.getpid()))
server.serve_forever()
"""


@dataclass(frozen=True)
class SshHost:
    """One machine. Its folder survives `stop` and `start`, as a disk survives a reboot."""

    folder: Path
    port: int
    version: str
    service_port: int
    forced: bool
    address: str = "127.0.0.1"
    user: str = "root"

    @property
    def key(self) -> Path:
        """The private key that may log in."""
        return self.folder / "client_key"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def state(self) -> Path:
        """Where the wrapper keeps its register."""
        return self.folder / "state"

    @property
    def allow(self) -> Path:
        """The wrapper's allow-list; absent until a test writes it."""
        return self.folder / "allow"

    @property
    def log(self) -> Path:
        """The machine's own log of effects: one line for each."""
        return self.folder / "effects.log"

    def settings(self, **changes: Any) -> SshSettings:
        """What healer has to know to act here."""
        here = SshSettings(
            user=self.user,
            port=self.port,
            keys=(str(self.key),),
            known_hosts=str(self.known_hosts),
            wrapper=str(self.folder / "lib/healer-run"),
            margin=5 * SECOND,
            go_wait_s=5,
            keep=0,
        )
        return msgspec.structs.replace(here, **changes)

    def effects(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def cut(self) -> None:
        """End every SSH connection, as a network that fails does; what runs on the machine goes on."""
        for child in _children(int((self.folder / "sshd.pid").read_text())):
            for pid in (*_children(child, name="sshd"), child):
                _kill(pid)

    def reload(self) -> None:
        """Read sshd_config and the host keys again."""
        os.kill(int((self.folder / "sshd.pid").read_text()), signal.SIGHUP)
        time.sleep(0.3)

    @property
    def disk(self) -> Path:
        """Where the machine sees its small disk."""
        return self.folder / "disk"

    @property
    def disk_from_outside(self) -> Path:
        """The same, as this process sees it: the machine's mounts are its own."""
        return Path(f"/proc/{(self.folder / 'sshd.pid').read_text()}/root{self.disk}")

    def mount(self, source: str, place: str) -> None:
        """Put a file of the machine's over another, in the machine's own mounts."""
        sshd = (self.folder / "sshd.pid").read_text()
        command = ["nsenter", "--mount", "--target", sshd, "mount", "--bind", source, place]
        subprocess.run(command, check=True, capture_output=True)

    def fill_disk(self, days_old: int) -> None:
        """The fault: files that were written so many days ago take the disk up to the last block."""
        spool = self.disk_from_outside / "spool"
        with suppress(OSError), (spool / "left-behind").open("wb") as file:
            while True:
                file.write(b"x" * 65_536)
        then = time.time() - days_old * 86_400
        os.utime(spool / "left-behind", (then, then))

    def disk_used(self) -> float:
        """The ratio of the small disk that is taken."""
        found = os.statvfs(self.disk_from_outside)
        return 1 - found.f_bavail / found.f_blocks

    def runs(self) -> int:
        """How many runs the wrapper's register has recorded, over all targets."""
        return sum(int(slot.read_text().split()[3]) for slot in self.state.glob("slot.*") if slot.read_text()[0] != "-")

    def service_running(self) -> bool:
        """Does the service answer on its port?"""
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.address, self.service_port)) == 0

    def kill_service(self) -> None:
        """The fault: the service dies, and nothing starts it again."""
        _kill(int((self.folder / "service.pid").read_text()))
        _until(lambda: not self.service_running(), "the service to be gone")

    def service_starts(self) -> int:
        """How often the service was started, the first time included, by the machine's own log."""
        return sum(line.endswith(f"starts {SERVICE}") for line in self.effects())


@contextmanager
def ssh_host(folder: Path, *, forced: bool = True, service: bool = False, disk_mib: int = 0) -> Iterator[SshHost]:
    """Install and start a machine. `forced`: the key may run nothing but the wrapper. `service`: it runs SERVICE.

    `disk_mib`: it has a small disk of its own at `host.disk`, below which tmpfiles.d calls files of `spool` old after a day.
    """
    _require(Path(SSHD).exists(), "sshd is missing: apt-get install openssh-server")
    _require(os.geteuid() == 0, "only root can start a machine with a mount namespace of its own")
    version = subprocess.run([SSHD, "-V"], capture_output=True, text=True, check=False).stderr.splitlines()[-1]
    host = SshHost(folder, _free_port(), version, _free_port(), forced)
    _install(host)
    script = (
        "set -e; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/log; mkdir -p /run/sshd /run/systemd/system; "
    )
    if service:
        script += _install_service(host)
    if disk_mib:
        script += _install_disk(host, disk_mib)
    script += shlex.join(["exec", SSHD, "-D", "-E", str(folder / "sshd.log"), "-f", str(folder / "sshd_config")])
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stdin=subprocess.DEVNULL)
    (folder / "sshd.pid").write_text(str(process.pid))
    try:
        _until(lambda: _listens(host.port, process), f"sshd to listen (see {folder}/sshd.log)")
        if service:
            _until(host.service_running, f"{SERVICE} to answer")
        yield host
    finally:
        host.cut()
        process.kill()
        process.wait(10)
        if (folder / "service.pid").exists():
            _kill(int((folder / "service.pid").read_text()))


def _install(host: SshHost) -> None:
    folder = host.folder
    (folder / "lib").mkdir(parents=True, exist_ok=True)
    host.state.mkdir(mode=0o700, exist_ok=True)
    wrapper = folder / "lib/healer-run.real"
    shutil.copy(WRAPPER, wrapper)
    command = f"{wrapper} --state {host.state} --allow {host.allow}"
    (folder / "lib/healer-run").write_text(f"#!/bin/sh\nexec {command}\n")
    (folder / "lib/healer-run").chmod(0o755)
    client, machine = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    client.write_private_key(host.key)
    machine.write_private_key(folder / "host_key")
    for private in (host.key, folder / "host_key"):
        private.chmod(0o600)
    public = machine.export_public_key().decode()
    host.known_hosts.write_text(f"[{host.address}]:{host.port} {public}")
    options = f'command="{command}",restrict ' if host.forced else "restrict "
    (folder / "authorized_keys").write_text(options + client.export_public_key().decode())
    (folder / "sshd_config").write_text(
        f"Port {host.port}\nListenAddress {host.address}\nHostKey {folder}/host_key\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nPidFile none\nUsePAM no\nStrictModes no\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        "MaxStartups 100:30:200\nLogLevel VERBOSE\n"
    )


def _install_service(host: SshHost) -> str:
    """Write the unit and the stand-in for systemctl; return the commands that mount and start them."""
    folder = host.folder
    _require(Path("/usr/bin/systemctl").exists(), "/usr/bin/systemctl is missing: apt-get install systemd")
    found = subprocess.run([sys.executable, "-c", "import systemctl2.systemctl3"], capture_output=True, check=False)
    _require(found.returncode == 0, "the stand-in is missing: pip install docker-systemctl-replacement")
    (folder / "server.py").write_text(_SERVER)
    (folder / "starts").write_text(f'#!/bin/sh\necho "$(date +%s%3N) starts {SERVICE}" >>{host.log}\n')
    (folder / "starts").chmod(0o755)
    (folder / SERVICE).write_text(
        f"[Unit]\nDescription=A shop that can die\n[Service]\nType=simple\nRestart=no\nExecStartPre={folder}/starts\n"
        f"ExecStart={sys.executable} {folder}/server.py {host.service_port} {folder}/service.pid\n"
        "[Install]\nWantedBy=multi-user.target\n"
    )
    (folder / "systemctl").write_text(
        f"#!{sys.executable}\nimport sys\nfrom systemctl2.systemctl3 import main\nsys.exit(main())\n"
    )
    (folder / "systemctl").chmod(0o755)
    return (
        f"cp {folder}/{SERVICE} /run/systemd/system/; mount --bind {folder}/systemctl /usr/bin/systemctl; "
        f"/usr/bin/systemctl start {SERVICE}; "
    )


def _install_disk(host: SshHost, mib: int) -> str:
    """The commands that mount the disk and say what is old there."""
    _require(
        Path("/usr/bin/systemd-tmpfiles").exists(), "/usr/bin/systemd-tmpfiles is missing: apt-get install systemd"
    )
    host.disk.mkdir()
    (host.folder / "spool.conf").write_text(f"e {host.disk}/spool - - - m:1d\n")
    return (
        f"mount -t tmpfs -o size={mib}m,mode=0755 tmpfs {host.disk}; mkdir -p {host.disk}/spool /run/tmpfiles.d; "
        f"cp {host.folder}/spool.conf /run/tmpfiles.d/; "
    )


def _require(holds: bool, why: str) -> None:
    if not holds:
        pytest.skip(why)


def _children(parent: int, name: str = "") -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = stat.read_text().rpartition(")")
        except OSError:
            continue
        if int(after.split()[1]) == parent and before.partition("(")[2].startswith(name):
            found.append(int(stat.parent.name))
    return found


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _listens(port: int, process: "subprocess.Popen[bytes]") -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"sshd ended with exit code {process.returncode}")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(holds: Any, what: str) -> None:
    end = time.monotonic() + START_S
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {START_S:g} s for {what}")
        time.sleep(0.02)
