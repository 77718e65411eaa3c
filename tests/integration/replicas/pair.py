"""Two healers on one PostgreSQL, and a chat that outlives them. Alerts may be sent to either."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.servers.healer import LISTEN, Healer
from tests.servers.postgres import Postgres
from tests.servers.process import get, post
from tests.servers.telegram import Telegram

TOKEN = "8080:stand-in"
CONFIG = """
server: {{listen: "{listen}"}}
store: {{url: "{store}", replica: {name}}}
place: only
topology: {{sources: [{{labels: [host, service]}}]}}
convergence: {{hold: {{default: 300ms, critical: 100ms}}, settle: 1s, storm: {{roots: 1000}}}}
channels: {{duty: {{type: telegram, token: {{file: telegram.token}}, chat_id: 1, api_url: "{chat}"}}}}
"""


class Pair:
    """`one` and `other`, with names of their own."""

    def __init__(self, folder: Path, store: str, chat: Telegram) -> None:
        self.chat = chat
        self.sent = 0
        names = ("one", "other")
        self.healers = {
            name: Healer(
                folder / name,
                CONFIG.format(listen=LISTEN, store=store, name=name, chat=chat.url),
                files={"telegram.token": TOKEN},
            )
            for name in names
        }

    def start(self) -> None:
        """Both at once: whoever comes first converges."""
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(Healer.start, self.healers.values()))

    def stop(self) -> None:
        for healer in self.healers.values():
            healer.kill()

    def converges(self) -> tuple[Healer, Healer]:
        """Who converges, and who follows, as each of the two says."""
        said = {name: healer.api("owner") for name, healer in self.healers.items()}
        (owner,) = (name for name, one in said.items() if one["converges"])
        (follower,) = (name for name in said if name != owner)
        named = {one["owner"]["replica"] for one in said.values() if one["owner"]}
        assert named == {owner}, said
        return self.healers[owner], self.healers[follower]

    def send(self, healer: Healer, *hosts: str, ends: bool = False) -> None:
        """A host that is down, and the service on it, for each; or that this is over."""
        now = datetime.now(UTC)
        end = now if ends else now + timedelta(hours=1)
        when = {"startsAt": (now - timedelta(seconds=1)).isoformat(), "endsAt": end.isoformat()}
        alerts = [
            {"labels": {"alertname": name, "severity": "critical", "host": host, **more}, **when}
            for host in hosts
            for name, more in (("HostDown", {}), ("ServiceDown", {"service": f"shop-{host}"}))
        ]
        said = json.dumps(alerts).encode()
        # Like Prometheus: what is answered 503 is sent again. One that stops in the middle of a write holds up the others.
        until(lambda: post(f"{healer.url}/api/v2/alerts", said, within=15) is not None, "it is accepted", healer)
        self.sent += 0 if ends else len(alerts)

    def sends(self) -> list[str]:
        """The first line of every message that people got, edits apart."""
        return [each["body"]["text"].splitlines()[0] for each in self.chat.requests("sendMessage")]


@contextmanager
def pair(folder: Path) -> Iterator[Pair]:
    with Postgres() as server, Telegram(folder / "telegram", TOKEN, rates=False) as chat:
        both = Pair(folder, server.schema("healer"), chat)
        try:
            yield both
        finally:
            both.stop()


def ready(healer: Healer) -> str:
    return get(f"{healer.url}/-/ready").decode()


def until(holds: Callable[[], Any], what: str, *healers: Healer, within: float = 60) -> float:
    """Wait for it; how many seconds it took."""
    began = time.monotonic()
    while True:
        try:
            if holds():
                return time.monotonic() - began
        except OSError:
            pass
        logs = "\n".join(healer.log[-3_000:] for healer in healers)
        assert time.monotonic() < began + within, f"not within {within:g} s: {what}\n{logs}"
        time.sleep(0.02)
