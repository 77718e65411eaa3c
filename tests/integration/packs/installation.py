"""healer beside a cluster, on virtual time: the whole service, the real kubernetes executor, and the stand-in for an API server.

One of the shipped rules is trusted in the way that docs/packs.md says: copied under its own name, in mode `auto`. Prometheus is
a handful of series over what the cluster is like, and alerts fire for as long as what they say is so.
"""

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

import rules
from healer.alerts.identity import canonical
from healer.alerts.model import Alert
from healer.assembly import Healer
from healer.assembly.ports import Ports
from healer.bootstrap import read_plan
from healer.executors.kubernetes.api import Api
from healer.executors.kubernetes.events import Events
from healer.executors.kubernetes.settings import Requests
from healer.executors.kubernetes.target import KubernetesTarget
from healer.executors.memory import MemoryTarget
from healer.journey.ports import Arrival
from healer.journey.records import Answer, Delivered
from healer.kubernetes.access import Access
from healer.locks.local import LocalLocks
from healer.rehearsal.virtual_time import VirtualClock, VirtualLoop
from healer.remediation.model import Remediation
from healer.requests.cluster import ClusterRequests
from healer.seams import Supervisor, SystemRandom
from healer.settings import parse_settings
from healer.store.inline import InlineRun, Memory
from healer.store.store import Store
from healer.telemetry.metrics import Registry
from healer.times import MINUTE, SECOND, Micros
from rules import Query
from tests.contracts.store.given import NOON
from tests.standins.cluster import ADMIN, Cluster
from tests.standins.cluster.objects import Json, Refusal

LOOK_S = 10.0
"""Seconds between what the cluster's controllers do, and between looks whether alerts hold."""
RESEND: Micros = MINUTE
"""Prometheus says again what goes on."""
CONFIG = """
place: only
topology:
  sources: [{file: topology.json}]
  nodes: [{use: kube-prometheus}, {match: ['service!=""'], node: "service/{namespace}/{service}"}]
changes: {nodes: [{node: "service/{group}/{name}"}]}
rules: {packs: [kubernetes, node, requests], paths: [own.heal], dry_run: false, autonomy: {successes: 0, without_mistake: 0}}
guards: {confidence: 0}
executors: {kubernetes: {remediations: {of_the_cluster: [ops]}}}
health:
  host: "min(up{instance='{{ node.instance }}'})"
  service: "min(probe_success{service='{{ node.name }}'})"
"""
BOUNDS = Requests(of_the_cluster=("ops",))
PACKS = Path(rules.__file__).parent / "packs"
NODES = ("worker-1", "worker-2", "worker-3")
CART, SERVICE = "workload/shop/cart", "service/shop/cart"


def trusted(rule: str) -> str:
    """The text of a rule of a pack, which may act."""
    for pack in PACKS.glob("*.heal"):
        if found := re.search(rf'(?ms)^rule "{re.escape(rule)}"$.*?^\n', pack.read_text("utf-8")):
            return found[0].replace("mode: suggest", "mode: auto")
    raise LookupError(rule)


class Firing(NamedTuple):
    """An alert, and when what it says is so."""

    labels: Mapping[str, str]
    holds: Callable[[], bool]


class InProcess:
    """As much of aiohttp's session as the executor uses: the stand-in's own answers, a moment later."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def request(
        self, method: str, url: str, *, params: dict[str, str], data: bytes | None, headers: dict[str, str], **_: object
    ) -> "_Answering":
        kind = headers.get("Content-Type", "")
        body = json.loads(data) if data is not None else None
        try:
            found = self._cluster.answer(method, url, params, body, headers["Authorization"], kind)
        except Refusal as refusal:
            found = refusal.code, refusal.body
        return _Answering(*found)

    def get(self, url: str, *, params: dict[str, str], headers: dict[str, str], **_: object) -> "_Answering":
        if params.get("watch") == "true":
            return _Watching(self._cluster, int(params["resourceVersion"]))
        return self.request("GET", url, params=params, data=None, headers=headers)


class _Answering:
    def __init__(self, status: int, said: Json) -> None:
        self.status = status
        self.content = self
        self.headers: dict[str, str] = {}
        self._said = said

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield json.dumps(self._said).encode()

    def close(self) -> None:
        """Nothing is open."""

    async def __aenter__(self) -> "_Answering":
        await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def read(self, _limit: int) -> bytes:
        return json.dumps(self._said).encode()


class _Watching(_Answering):
    """What happens to what people ask for."""

    def __init__(self, cluster: Cluster, version: int) -> None:
        super().__init__(200, {})
        self._objects = cluster.objects
        self._version = version

    async def iter_any(self) -> AsyncIterator[bytes]:
        while True:
            for version, resource, what, found in list(self._objects.history):
                if version > self._version and resource == "remediations":
                    yield json.dumps({"type": what, "object": found}).encode() + b"\n"
            self._version = self._objects.version
            await asyncio.sleep(LOOK_S / 2)


class Installation:
    """A cluster of three nodes with a Deployment of three pods that are well, and healer. `series` are those that Prometheus
    has, by how a query for one begins; `firing` is what may fire."""

    def __init__(self, folder: Path, loop: VirtualLoop, own: str, *, asks: bool) -> None:
        self.clock = VirtualClock(loop, NOON)
        self.cluster = Cluster(lambda: self.clock.now() / SECOND)
        self.machines = MemoryTarget(self.clock)
        self.series: dict[str, Callable[[], float]] = {"min(up{": lambda: 1.0}
        self.firing = [Firing({"alertname": "Watchdog", "severity": "none"}, lambda: True)]
        self.unknown: list[str] = []
        """Queries that no series answers."""
        self._folder = folder
        self._own = own
        self._asks = asks
        self._memory = Memory("packs")
        self._spawn = Supervisor()
        self._build()

    async def start(self) -> None:
        self._spawn.keep("cluster", self._live)
        while len(self.ready()) < 3:
            await asyncio.sleep(LOOK_S)
        self._healer = Healer(read_plan(self._settings()), self._ports(), Registry())
        await self._healer.start()
        self._spawn.keep("alerts", self._fire)

    async def start_anew(self, meanwhile: Callable[[], None]) -> None:
        """healer stops, something happens, and another one goes on from what is stored."""
        await self._healer.stop(1.0)
        meanwhile()
        self._spawn.keep("cluster", self._live)
        self._healer = Healer(read_plan(self._settings()), self._ports(), Registry())
        await self._healer.start()
        self._spawn.keep("alerts", self._fire)

    async def stop(self) -> None:
        await self._spawn.stop(1.0)
        self._memory.close()
        assert not self._spawn.failures, self._spawn.failures
        assert not self.unknown, self.unknown

    @property
    def store(self) -> Store:
        return self._healer.ports.store

    async def ended(self, within: Micros) -> Remediation:
        """The one remediation there is, at its end."""
        until = self.clock.now() + within
        while self.clock.now() < until:
            found = await self.store.remediations()
            if found and not await self.store.under_way():
                (one,) = found
                return one
            await asyncio.sleep(LOOK_S)
        raise AssertionError(f"nothing ended: {await self.store.remediations()}")

    async def open(self) -> list[str]:
        """The incidents that are not over, a while later."""
        await self.passed(10 * MINUTE)
        found, _ = await self.store.incidents()
        return [one.title for one in found if one.status != "resolved"]

    async def passed(self, time: Micros) -> None:
        """So much time."""
        await asyncio.sleep(time / SECOND)

    # --- the cluster

    def pods(self) -> list[Json]:
        return [pod for pod in self.cluster.objects.every("pods") if not pod["metadata"].get("deletionTimestamp")]

    def ready(self) -> list[Json]:
        return [pod for pod in self.pods() if pod["status"].get("conditions", [{}])[0].get("status") == "True"]

    def images(self) -> set[str]:
        return {pod["spec"]["containers"][0]["image"] for pod in self.pods()}

    def on(self, node: str) -> list[Json]:
        return [pod for pod in self.pods() if pod["spec"].get("nodeName") == node]

    def deliver(self, image: str) -> None:
        """Somebody brings out another version."""
        was = self.cluster.objects.get("deployments", "shop", "cart")
        now = msgspec.json.decode(msgspec.json.encode(was))
        now["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self.cluster.objects.replace("deployments", was, now)

    def available(self) -> bool:
        """Whether the Deployment has all its pods, and all of the newest revision."""
        found = self.cluster.objects.get("deployments", "shop", "cart")
        status, wanted = found["status"], found["spec"]["replicas"]
        return {status.get(key) for key in ("updatedReplicas", "readyReplicas", "replicas")} == {wanted}

    def hear_of(self, node: str, *, ready: bool) -> None:
        """What the control plane makes of a kubelet that reports, or does not."""
        condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
        found = self.cluster.objects.get("nodes", "", node)
        self.cluster.objects.write("nodes", {**found, "status": {"conditions": [condition]}})

    def is_heard_of(self, node: str) -> bool:
        said = self.cluster.objects.get("nodes", "", node)["status"].get("conditions", [{"status": "True"}])
        return [one["status"] for one in said] == ["True"]

    def _build(self) -> None:
        objects = self.cluster.objects
        for name in NODES:
            objects.create("nodes", "", {"metadata": {"name": name}, "spec": {}})
        template = {
            "metadata": {"labels": {"app": "cart"}},
            "spec": {"containers": [{"name": "cart", "image": "cart:1"}]},
        }
        spec = {"replicas": 3, "selector": {"matchLabels": {"app": "cart"}}, "template": template}
        objects.create("deployments", "shop", {"metadata": {"name": "cart", "labels": {"app": "cart"}}, "spec": spec})

    async def _live(self) -> None:
        seen = 0
        for number in itertools.count():
            # What was written has its consequences at the next look; how containers are is looked at now and then.
            if number % 4 == 0 or self.cluster.objects.version != seen:
                seen = self.cluster.objects.version
                self.cluster.controllers.round()
            await asyncio.sleep(LOOK_S)

    # --- what Prometheus says

    async def ask(self, queries: Sequence[Query], labels: bytes) -> list[Answer]:
        """`Asker`."""
        del labels
        await asyncio.sleep(0.01)
        return [self._answer(query) for query in queries]

    def _answer(self, query: Query) -> Answer:
        for begins, value in self.series.items():
            if query.text.startswith(begins):
                return Answer(query.key, float(value()), self.clock.now())
        self.unknown.append(query.text)
        return Answer(query.key, None, 0, "no such series")

    async def _fire(self) -> None:
        since: dict[int, Micros] = {}
        sent: dict[int, Micros] = {}
        while True:
            for number, (labels, holds) in enumerate(self.firing):
                now = self.clock.now()
                if holds():
                    began = since.setdefault(number, now)
                    if now - sent.get(number, 0) >= RESEND:
                        sent[number] = now
                        await self._send(Alert(canonical(dict(labels)), True, began, 0))
                elif number in since:
                    sent.pop(number)
                    await self._send(Alert(canonical(dict(labels)), False, since.pop(number), now))
            await asyncio.sleep(LOOK_S)

    async def _send(self, alert: Alert) -> None:
        await self.store.append([Arrival(Delivered("prometheus", (alert,)))])

    # --- healer

    def _settings(self) -> Any:
        """Configuration, topology and rules, as files."""
        pods = {f"pod/shop/{pod['metadata']['name']}": pod["spec"]["nodeName"] for pod in self.pods()}
        hosts = [{"id": f"host/{name}", "instance": name} for name in NODES]
        graph = {
            "nodes": [*hosts, {"id": CART}, {"id": SERVICE, "owner": CART}, *({"id": pod} for pod in pods)],
            "edges": [
                {"source": CART, "target": SERVICE},
                *(
                    edge
                    for pod, node in pods.items()
                    for edge in ({"source": f"host/{node}", "target": pod}, {"source": CART, "target": pod})
                ),
            ],
        }
        (self._folder / "topology.json").write_text(json.dumps(graph))
        (self._folder / "own.heal").write_text(self._own)
        return parse_settings(CONFIG, {}, str(self._folder / "healer.yaml"))

    def _ports(self) -> Ports:
        session: Any = InProcess(self.cluster)
        access = Access("", None, token=ADMIN)
        api = Api(access, session, 10 * SECOND)
        heard = ClusterRequests("", BOUNDS, access, api, session, 10 * SECOND, self.clock)
        return Ports(
            clock=self.clock,
            random=SystemRandom(),
            spawn=self._spawn,
            store=Store(InlineRun(self._memory, self.clock), self._memory.installation),
            locks=LocalLocks(),
            targets={
                "kubernetes": KubernetesTarget({"": api}, self.clock, {}, Events(self._spawn)),
                "ssh": self.machines,
            },
            senders={},
            asker=self,
            requests=[heard] if self._asks else [],
        )


def staged(
    folder: Path, own: str, play: Callable[[Installation], Coroutine[Any, Any, None]], *, asks: bool = False
) -> None:
    """Let a story happen where this text is among one's own rules; `asks`: where people may ask for remediations."""
    loop = VirtualLoop()

    async def whole() -> None:
        here = Installation(folder, loop, own, asks=asks)
        try:
            await here.start()
            await play(here)
        finally:
            await here.stop()

    try:
        loop.run_until_complete(whole())
    finally:
        loop.close()
