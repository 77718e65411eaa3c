"""Two healers on one PostgreSQL and five Valkey nodes, with a machine, a cluster and a chat, and a network of their own to each.

`storm` lets the faults happen while alerts are sent; `settle` ends them, and waits until nothing is under way any more.
"""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from healer.convergence.outcome import Incident
from healer.times import SECOND, Micros
from tests.integration.chaos.deeds import in_cluster
from tests.integration.chaos.faults import REPLICAS, Fault
from tests.integration.chaos.replica import TOKEN, Replica
from tests.integration.chaos.sender import WORKLOADS, ChaosSender, Trouble
from tests.integration.kill import effects
from tests.servers.cluster import ClusterServer
from tests.servers.healer import Healer
from tests.servers.postgres import Postgres
from tests.servers.sshd import SshHost, ssh_host
from tests.servers.telegram import Telegram
from tests.servers.valkey import Valkey
from tests.servers.wire import Wire, Wires

NODES = 5
MAJORITY = 3
SCHEMA = "healer"
STARTS_S = 90.0
"""Seconds until a healer that was killed is there again, whatever else fails meanwhile."""


class Happened(msgspec.Struct, frozen=True):
    """A fault, and from when to when it really was, in microseconds."""

    fault: Fault
    began_at: Micros
    ended_at: Micros


class Site:
    """Everything that is there. `happened` are the faults so far."""

    def __init__(self, folder: Path, stack: ExitStack, seed: int) -> None:
        self.happened: list[Happened] = []
        self.postgres = stack.enter_context(Postgres())
        self.valkeys = [stack.enter_context(Valkey(folder / f"valkey-{number}")) for number in range(NODES)]
        self.host: SshHost = stack.enter_context(ssh_host(folder / "host"))
        self.cluster = stack.enter_context(ClusterServer(folder / "cluster", WORKLOADS))
        self.chat = stack.enter_context(Telegram(folder / "telegram", TOKEN, rates=False))
        self._wires = stack.enter_context(Wires())
        self._store = self.postgres.schema(SCHEMA)
        self._chance = random.Random(f"site {seed}")
        self.replicas = {name: Replica(folder / name, self._wired()) for name in REPLICAS}
        for replica in self.replicas.values():
            replica.set_up(self._store, self.host, self.cluster)
        self.sender = ChaosSender([replica.url for replica in self.replicas.values()], self._mended, seed)

    def start(self) -> None:
        """Both healers at once; then alerts are sent."""
        with ThreadPoolExecutor(len(self.replicas)) as pool:
            list(pool.map(Healer.start, self.replicas.values()))
        self.sender.start()

    def stop(self) -> None:
        self.sender.stop()
        for replica in self.replicas.values():
            replica.kill()

    def storm(self, rows: Sequence[Sequence[Fault]]) -> None:
        """Let each row of faults happen, one after another, beside the other rows."""
        began = time.monotonic()

        def row(faults: Sequence[Fault]) -> None:
            for fault in faults:
                time.sleep(max(0.0, began + fault.at - time.monotonic()))
                self._befall(fault)

        with ThreadPoolExecutor(len(rows)) as pool:
            list(pool.map(row, rows))

    def settle(self, within: float = 150) -> None:
        """No new faults; wait until everything is at its end and everybody heard of it."""
        self.sender.calm()
        self.until(lambda: not self.unsettled(), "everything to settle", within, self.unsettled)

    def unsettled(self) -> str:
        """What is still under way, "" when nothing is."""
        owners = [replica for replica in self.replicas.values() if replica.converges()]
        if len(owners) != 1:
            return f"{len(owners)} of two healers converge"
        states = Counter(state for (state,) in self.sql("SELECT state FROM remediation"))
        going = {one: states[one] for one in ("planned", "waiting", "locked", "executing", "verifying") if states[one]}
        ((untold,),) = self.sql("SELECT count(*) FROM told WHERE state <> 'told'")
        ((behind,),) = self.sql("SELECT (SELECT max(position) FROM journal) - applied FROM owner")
        said = {
            "broken": len(self.sender.broken()),
            "remediations": going,
            "to be told": untold,
            "unsettled": len(self.sql("SELECT 1 FROM intent WHERE unsettled = 1")),
            "not decided": behind if self.sender.quiet.is_set() else 0,
            "open": sum(one.severity == "critical" for one in self.incidents("open")) - len(self.sender.lasting),
        }
        return ", ".join(f"{name}: {what}" for name, what in said.items() if what)

    def incidents(self, *status: str) -> list[Incident]:
        """Those of any of these, as the store has them."""
        rows = self.sql("SELECT status, data FROM incident")
        return [msgspec.msgpack.decode(data, type=Incident) for each, data in rows if each in status]

    def until(self, holds: Callable[[], Any], what: str, within: float, left: Callable[[], str] = lambda: "") -> None:
        """Wait for it. Raises AssertionError with the ends of both logs."""
        end = time.monotonic() + within
        while not holds():
            assert time.monotonic() < end, f"not within {within:g} s: {what}; {left()}\n{self._logs()}"
            time.sleep(0.2)

    def _logs(self) -> str:
        return "\n".join(f"{one.name}: {one.log[-3_000:]}" for one in self.replicas.values())

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Read the store past healer."""
        return self.postgres.sql(query, SCHEMA)

    # --- what goes wrong

    def _befall(self, fault: Fault) -> None:
        began_at = _micros()
        match fault.kind:
            case "kill":
                replica = self.replicas[fault.replica]
                replica.kill()
                time.sleep(fault.lasts)
                self.revive(replica)
            case "stop":
                replica = self.replicas[fault.replica]
                replica.pause()
                time.sleep(fault.lasts)
                replica.resume()
            case "hole":
                wires = self._meant(fault)
                for wire in wires:
                    wire.dark()
                time.sleep(fault.lasts)
                for wire in wires:
                    wire.light()
            case "restart":
                self.postgres.restart()
            case "flush":
                self._flush()
        self.happened.append(Happened(fault, began_at, _micros()))

    def kill(self, replica: Replica) -> None:
        """One fault more, after which it stays dead."""
        at = _micros()
        replica.kill()
        self.happened.append(Happened(Fault(0, 0, "kill", replica.name), at, at))

    def revive(self, replica: Replica) -> None:
        """Start it, again and again where it cannot: whoever watches over processes does so."""
        end = time.monotonic() + STARTS_S
        while True:
            try:
                return replica.start()
            except RuntimeError:
                if time.monotonic() > end:
                    raise

    def _meant(self, fault: Fault) -> list[Wire]:
        wires = self.replicas[fault.replica].wires
        match fault.where:
            case "everything":
                return [wire for each in wires.values() for wire in each]
            case "locks":
                return self._chance.sample(wires["locks"], MAJORITY)
            case "one lock":
                return self._chance.sample(wires["locks"], 1)
            case where:
                return wires[where]

    def _flush(self) -> None:
        for node in self.valkeys:
            with contextlib.suppress(RedisError), Redis.from_url(node.redis, socket_timeout=1) as client:
                client.flushall()

    # --- how it is set up

    def _mended(self, trouble: Trouble) -> bool:
        if trouble.place.startswith("host/"):
            return any(one.ended_at for one in effects.runs(self.host.folder) if one.tag == trouble.tag)
        name = trouble.place.rpartition("/")[2]
        return any(one.name == name and one.began_at > trouble.began_at for one in in_cluster(self.cluster.writes()))

    def _wired(self) -> dict[str, list[Wire]]:
        """A network of one's own."""
        to = self._wires.to
        return {
            "postgres": [to(self.postgres.port)],
            "locks": [to(node.port) for node in self.valkeys],
            "chat": [to(self.chat.port)],
            "ssh": [to(self.host.port)],
            "cluster": [to(self.cluster.port)],
        }


def _micros() -> Micros:
    return round(time.time() * SECOND)


@contextmanager
def site(folder: Path, seed: int) -> Iterator[Site]:
    """Two healers that are started, and everything around them."""
    folder.mkdir()
    with ExitStack() as stack:
        here = Site(folder, stack, seed)
        stack.callback(here.stop)
        here.start()
        yield here
