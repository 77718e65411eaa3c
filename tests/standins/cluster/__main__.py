"""The stand-in for a control plane as a process of its own, beside healers that are killed: used by `tests.servers.cluster`.

    python -m tests.standins.cluster --port 8001 --log writes.jsonl --workloads 4

Each write that was carried out is a line of the log before its answer leaves: what was changed, and what its annotations say.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import Any

from healer.times import SECOND
from tests.standins.cluster.objects import Json
from tests.standins.cluster.server import Cluster

NODES = 2
ROUND_S = 0.25
"""Between two rounds of the controllers: seldom enough to leave the machine to those who are looked at."""


class Logged(Cluster):
    """Writes down what it carried out."""

    def __init__(self, port: int, log: Path) -> None:
        super().__init__(port=port, round_s=ROUND_S)
        self._log = log

    def answer(
        self, method: str, path: str, query: dict[str, str], body: Any, authorization: str, kind: str
    ) -> tuple[int, Json]:
        before = len(self.writes)
        status, said = super().answer(method, path, query, body, authorization, kind)
        # An event is said about an object, and changes nothing.
        if len(self.writes) > before and not path.endswith("/events"):
            meta = said.get("metadata", {})
            now = {"generation": meta.get("generation", 0), "annotations": meta.get("annotations") or {}}
            line = {"at": round(time.time() * SECOND), "method": method, "path": path, **now}
            with self._log.open("a") as log:
                log.write(json.dumps(line) + "\n")
        return status, said

    def furnish(self, workloads: int) -> None:
        """Nodes, and Deployments shop/cart-0, shop/cart-1 and so on."""
        for number in range(NODES):
            self.objects.create("nodes", "", {"metadata": {"name": f"worker-{number}"}, "spec": {}})
        for number in range(workloads):
            name = f"cart-{number}"
            labels = {"app": name}
            template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "cart", "image": "cart:1"}]}}
            spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
            self.objects.create("deployments", "shop", {"metadata": {"name": name, "labels": labels}, "spec": spec})


async def _serve(port: int, log: Path, workloads: int) -> None:
    cluster = Logged(port, log)
    cluster.furnish(workloads)
    async with cluster:
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standins.cluster")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--log", type=Path, required=True, help="gets each write that was carried out, a JSON object a line"
    )
    parser.add_argument("--workloads", type=int, default=1, help="how many Deployments there are")
    given = parser.parse_args()
    try:
        asyncio.run(_serve(given.port, given.log, given.workloads))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
