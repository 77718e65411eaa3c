"""The stand-in for a Kubernetes control plane as a process of its own, which outlives a healer that is killed."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.servers.process import Server, get
from tests.servers.telegram import ROOT
from tests.standins.cluster import ADMIN


class Written(msgspec.Struct, frozen=True):
    """One write that was carried out: when (microseconds), and what the object was like after it."""

    at: int
    method: str
    path: str
    generation: int
    annotations: Mapping[str, str]


class ClusterServer(Server):
    """`with ClusterServer(tmp_path / "cluster", workloads=4) as cluster:` has the Deployments shop/cart-0 to shop/cart-3."""

    name = "cluster"

    def __init__(self, folder: Path, workloads: int) -> None:
        super().__init__(folder)
        self.workloads = workloads

    def command(self) -> list[str]:
        python = ["env", f"PYTHONPATH={ROOT}", sys.executable]
        options = {"port": self.port, "log": self._log, "workloads": self.workloads}
        return [
            *(*python, "-m", "tests.standins.cluster"),
            *(word for name, value in options.items() for word in (f"--{name}", str(value))),
        ]

    def answers(self) -> bool:
        try:
            get(f"{self.url}/apis/apps/v1/deployments", token=ADMIN)
        except OSError:
            return False
        return True

    def writes(self) -> list[Written]:
        """What was carried out so far, in order."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        return [msgspec.json.decode(line, type=Written) for line in lines]

    def kubeconfig(self, url: str) -> str:
        """The text of one for somebody who reaches it at `url`, and may do all."""
        said = {
            "clusters": [{"name": "shop", "cluster": {"server": url}}],
            "users": [{"name": "healer", "user": {"token": ADMIN}}],
            "contexts": [{"name": "shop", "context": {"cluster": "shop", "user": "healer"}}],
            "current-context": "shop",
        }
        return json.dumps(said)

    @property
    def _log(self) -> Path:
        return self.folder / "writes.jsonl"
