"""How long healer takes from an alert's arrival to the first byte of the action on its target, with a hundred remediations at
once, on PostgreSQL and Redis. `make bench` runs it.

"At once" can be read in two ways, and both are measured. Under way together: alerts of a hundred hosts come one after the other,
evenly, and no call is answered before all have been made, so that the last come while all others run. A burst: they come in one
request, and calls are answered at once. The hold is 0s, which is apart.

For each alert a rule calls a webhook: guards, lock in Redis, intent in PostgreSQL, then the request, over a connection of its
own. Both instants are taken by this process: before an alert is sent, and when the first byte of its call is there. A round
before the first that counts has opened what stays open (PostgreSQL, Redis); each host is met for the first time. CPU is that
of healer, and of PostgreSQL, up to the last call; what else runs makes the times longer than the CPU. Statements are counted
in a round of their own, by the server's log.
"""

import argparse
import asyncio
import json
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bench.processes import cpu_seconds
from tests.servers.healer import Healer
from tests.servers.postgres import Postgres
from tests.servers.valkey import Valkey

TARGET_MS = 250.0
EVERY_S = 0.1
"""Between two alerts that come evenly."""
TOGETHER, BURST = "under way together", "in a burst"
GOING = frozenset({"planned", "waiting", "locked", "executing", "verifying"})
_LOGGED = re.compile(r".*\[(\d+)\] LOG:  (?:statement|execute [^:]*): (.*)")
HOSTS = 1_000
"""Known ones: healer repairs nothing of a kind of which most are down."""
CONFIG = """
server: {listen: "127.0.0.1:9099"}
place: only
store: {url: "STORE", replica: one}
locks: {redis: {urls: ["REDIS"]}}
topology: {sources: [{file: topology.yaml}], nodes: [{node: "host/{host}"}]}
convergence: {hold: 0s, storm: {roots: 1000000}}
watchdog: {missing_after: 1h}
rules: {paths: [answer.heal], dry_run: false}
guards:
  at_once: 1000
  rates: {rule: {count: 10000, within: 1h}, action: {count: 10000, within: 1h}, service: {count: 10000, within: 1h}}
  ramp: {first: 1000}
channels: {here: {type: terminal}}
executors: {http: {allow: [127.0.0.1], webhooks: {answer: {url: "TARGET/answer", secret: {file: word}}}}}
"""
RULES = """
action "answer"
  run: http "call_webhook"
  with: webhook: string =~ "[a-z_]+"
  idempotent: yes   destructive: no   timeout: 2m

rule "answer"
  on event: "HostDown"
  then: execute("answer", webhook: "answer")
  verify: http("TARGET/health") == 200 within 30m
  limit: 1 per 1m per node
  allow: unfenced
  mode: auto
"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Target:
    """What is called: notes when the first byte of the call about each node was there, and answers once `answering` is set."""

    def __init__(self) -> None:
        self.reached: dict[str, float] = {}
        self.answering = asyncio.Event()
        self.under_way = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, with any number of requests."""
        try:
            await self._answer(reader, writer)
        except ConnectionResetError:
            pass  # healer was killed, in the end
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while first := await reader.read(1):
            at = time.perf_counter()
            head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
            length = next((line.split(":")[1] for line in head.lower().splitlines() if "content-length" in line), "0")
            body = await reader.readexactly(int(length))
            if head.startswith("POST"):
                self.reached.setdefault(json.loads(body)["data"]["node"], at)
                self.under_way += 1
                await self.answering.wait()
                self.under_way -= 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}")


class Site:
    """healer and all that it works with."""

    def __init__(self, healer: Healer, postgres: Postgres, target: Target, session: aiohttp.ClientSession) -> None:
        self.healer = healer
        self.postgres = postgres
        self.target = target
        self._session = session

    def spent(self) -> tuple[float, float]:
        """Seconds of CPU so far, of healer and of PostgreSQL."""
        return cpu_seconds(self.healer.pid), cpu_seconds(self.postgres.pid)

    async def counted(self, hosts: Sequence[int]) -> str:
        """How many statements a remediation takes until it calls, and how many commits: of the connection that writes."""
        self.postgres.sql("ALTER SYSTEM SET log_statement = 'all'")
        self.postgres.sql("SELECT pg_reload_conf()")
        await asyncio.sleep(1)
        before = len(self.postgres.log)
        await self.together(hosts)
        found = [_LOGGED.match(line) for line in self.postgres.log[before:].splitlines()]
        said = [(match[1], match[2]) for match in found if match is not None]
        writers = {pid for pid, statement in said if statement.startswith("COMMIT")}
        written = [statement for pid, statement in said if pid in writers]
        commits = sum(statement.startswith("COMMIT") for statement in written)
        return f"{len(written) / len(hosts):.1f} statements and {commits / len(hosts):.1f} commits for each"

    async def send(self, hosts: Sequence[int], **when: str) -> float:
        """One request with an alert of each host; the instant before it left."""
        labels = [{"alertname": "HostDown", "host": f"h{host}", "severity": "critical"} for host in hosts]
        alerts = [{"labels": each, **when} for each in labels]
        left = time.perf_counter()
        async with self._session.post(f"{self.healer.url}/api/v2/alerts", json=alerts) as answer:
            answer.raise_for_status()
        return left

    async def burst(self, hosts: Sequence[int]) -> list[float]:
        """All in one request: milliseconds to each one's call."""
        self.target.answering.set()
        left = await self.send(hosts)
        await self._called(hosts)
        return [self._took(host, left) for host in hosts]

    async def together(self, hosts: Sequence[int]) -> list[float]:
        """One after the other, and all under way in the end: milliseconds to each one's call."""
        self.target.answering.clear()
        began = time.perf_counter()
        left = []
        for number, host in enumerate(hosts):
            await asyncio.sleep(began + number * EVERY_S - time.perf_counter())
            left.append(await self.send([host]))
        await self._called(hosts)
        if self.target.under_way < len(hosts):
            raise SystemExit(f"only {self.target.under_way} of {len(hosts)} were under way together")
        self.target.answering.set()
        return [self._took(host, at) for host, at in zip(hosts, left, strict=True)]

    async def rest(self, hosts: Sequence[int]) -> None:
        """Have it all be over, so that the next round is by itself."""
        await self.send(hosts, endsAt=datetime.now(UTC).isoformat())
        until = time.perf_counter() + 120
        while any(one["state"] in GOING for one in self.healer.api("remediations?limit=1000")["items"]):
            if time.perf_counter() > until:
                raise SystemExit("remediations do not come to their end")
            await asyncio.sleep(1)

    async def _called(self, hosts: Sequence[int]) -> None:
        """Raises SystemExit where calls are missing."""
        until = time.perf_counter() + 120
        while missing := [host for host in hosts if f"host/h{host}" not in self.target.reached]:
            if time.perf_counter() > until:
                log = self.healer.log[-4_000:]
                raise SystemExit(f"{len(missing)} of {len(hosts)} were not called; healer: {log}")
            await asyncio.sleep(0.05)

    def _took(self, host: int, left: float) -> float:
        return (self.target.reached[f"host/h{host}"] - left) * 1e3


async def measure(root: Path, postgres: Postgres, redis: str, rounds: int, at_once: int) -> dict[str, list[float]]:
    """By what "at once" means, the sorted milliseconds of all rounds that count."""
    target = Target()
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    nodes = [{"id": f"host/h{number}", "kind": "host"} for number in range(HOSTS)]
    files = {
        "topology.yaml": json.dumps({"nodes": nodes}),
        "word": SECRET,
        "answer.heal": RULES.replace("TARGET", url),
    }
    config = CONFIG.replace("TARGET", url).replace("STORE", postgres.schema("healer")).replace("REDIS", redis)
    healer = Healer(root / "one", config, files=files)
    await asyncio.to_thread(healer.start)
    met = 0
    took: dict[str, list[float]] = {TOGETHER: [], BURST: []}
    try:
        async with aiohttp.ClientSession() as session:
            site = Site(healer, postgres, target, session)
            for number in range(rounds + 1):
                for name, way in ((TOGETHER, site.together), (BURST, site.burst)):
                    hosts, met = range(met, met + at_once), met + at_once
                    before = site.spent()
                    found = sorted(await way(hosts))
                    each = [
                        (after - so_far) / at_once * 1e3 for after, so_far in zip(site.spent(), before, strict=True)
                    ]
                    print(
                        f"{name}, {f'round {number}' if number else 'warming up'}: {said(found)}; "
                        f"CPU of each: healer {each[0]:.1f} ms, PostgreSQL {each[1]:.1f} ms",
                        flush=True,
                    )
                    took[name] += found if number else []
                    await site.rest(hosts)
            print(f"{TOGETHER}: {await site.counted(range(met, met + at_once))}", flush=True)
    finally:
        healer.kill()
        server.close()
        await asyncio.sleep(0.2)  # for connections to find out
    return {name: sorted(found) for name, found in took.items()}


def said(took: Sequence[float]) -> str:
    """The figures of sorted times."""
    return f"median {took[len(took) // 2]:.0f} ms, p99 {p99(took):.0f} ms, at most {took[-1]:.0f} ms"


def p99(took: Sequence[float]) -> float:
    return took[min(len(took) * 99 // 100, len(took) - 1)]


def main(arguments: Sequence[str] | None = None) -> int:
    """0: within the target; 1: not."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-once", type=int, default=100)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, Postgres() as server, Valkey(Path(folder) / "valkey") as node:
        took = asyncio.run(measure(Path(folder), server, node.redis, asked.rounds, asked.at_once))
    for name, found in took.items():
        print(f"alert to action, {asked.at_once} {name}: {said(found)}; a p99 of at most {TARGET_MS:.0f} ms wanted")
    return int(any(p99(found) > TARGET_MS for found in took.values()))


if __name__ == "__main__":
    sys.exit(main())
