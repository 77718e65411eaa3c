"""One whole installation: a host with the shop, Prometheus, Alertmanager, healer, and a chat. Used by the tests beside it."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from tests.acceptance import shop
from tests.acceptance.collector import Collector
from tests.acceptance.things import Things
from tests.servers.alertmanager import Alertmanager
from tests.servers.deployed import deployed
from tests.servers.healer import Healer
from tests.servers.inbox import Inbox
from tests.servers.prometheus import Prometheus
from tests.servers.sshd import SshHost, ssh_host
from tests.servers.telegram import Telegram

T = TypeVar("T")

SECRET = "secret-of-healer"
FASTER = {"group_wait: 1s": "group_wait: 0s", "group_interval: 10s": "group_interval: 1s"}
"""What the tests change in deploy/alertmanager: healer's own receiver hears at once."""


class Road:
    """The servers, and what they say. Made by `road`."""

    def __init__(self, host: SshHost, people: Inbox, telegram: Telegram, collector: Collector) -> None:
        self.host = host
        self.collector = collector
        self.people = people
        self.telegram = telegram
        self.began = time.monotonic()
        self.prometheus: Prometheus
        self.alertmanager: Alertmanager
        self.healer: Healer

    def incidents(self, status: str = "") -> list[dict[str, Any]]:
        """healer's incidents, newest first."""
        found: list[dict[str, Any]] = self.healer.api(f"incidents?status={status}" if status else "incidents")["items"]
        return found

    def incident(self) -> dict[str, Any]:
        """The one incident there is."""
        found = self.incidents()
        assert len(found) == 1, [(each["title"], each["status"]) for each in found]
        return found[0]

    def remediations(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.healer.api("remediations")["items"]
        return found

    def alerts(self, matcher: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.healer.api(f"alerts?limit=100&filter={matcher}")["items"]
        return found

    def explained(self, alertname: str) -> list[dict[str, Any]]:
        """The alerts of that name that healer knows."""
        return self.alerts(quote(f'alertname="{alertname}"'))

    def states(self) -> list[str]:
        """The state in the title of every message and edit that people saw, in order: `[CRIT broken] ...`."""
        return [title.partition("]")[0].split()[-1] for title in self.titles()]

    def titles(self) -> list[str]:
        """Line 1 of every message and edit that people saw, in order."""
        return [each["text"].splitlines()[0] for each in self.telegram.requests()]

    def silencers(self) -> set[str]:
        """Who silences something in Alertmanager."""
        return {one["createdBy"] for one in self.alertmanager.api("silences") if one["status"]["state"] == "active"}

    def effects(self) -> int:
        """How often the shop was started by somebody after its first start, by the host's own log."""
        return self.host.service_starts() - 1

    def versions(self) -> dict[str, str]:
        """What each real server says of itself."""
        return {
            "prometheus": self.prometheus.version,
            "alertmanager": self.alertmanager.version,
            "sshd": self.host.version,
        }

    def story(self) -> str:
        """What happened, for a test that failed."""
        tail = self.healer.log[-6_000:]
        return f"messages: {self.titles()}\neffects: {self.host.effects()}\nhealer's log:\n{tail}"

    def until(self, holds: Callable[[], T], what: str, *, within: float = 90) -> T:
        """Wait for something true. Raises AssertionError with the whole story when it does not come."""
        end = time.monotonic() + within
        last: object = None
        while time.monotonic() < end:
            try:
                if last := holds():
                    return last
            except (OSError, AssertionError) as error:
                last = error
            time.sleep(0.1)
        raise AssertionError(f"waited {within:g} s for {what}; last: {last}\n{self.story()}")

    def steadily(self, holds: Callable[[], object], what: str, *, seconds: float) -> None:
        """Look again and again: it must not stop being true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert holds(), f"{what}\n{self.story()}"
            time.sleep(0.2)


@contextmanager
def road(
    folder: Path,
    place: str = "lead",
    changes: Mapping[str, str] | None = None,
    start: Callable[[Path, str], Healer] = Healer,
    store: str = shop.STORE,
    settle: str = shop.SETTLE,
) -> Iterator[Road]:
    """Everything up, scraped and quiet. `changes` are made to deploy/alertmanager/<place>.yml; `start` makes the healer, which
    keeps what it must in `store`; `settle` must be longer than whatever it is away."""
    began = time.monotonic()
    with ExitStack() as stack:
        host = stack.enter_context(ssh_host(folder / "host", service=True))
        things = stack.enter_context(Things(host.service_running))
        here = Road(
            host,
            stack.enter_context(Inbox()),
            stack.enter_context(Telegram(folder / "telegram", shop.TOKEN)),
            stack.enter_context(Collector()),
        )
        here.began = began
        here.healer = start(folder / "healer", "listen: 127.0.0.1:9099")
        here.alertmanager = stack.enter_context(_alertmanager(folder, here, place, changes or {}))
        here.prometheus = stack.enter_context(_prometheus(folder, here, things.address))
        _configure(here, place, store, settle)
        stack.enter_context(here.healer)
        here.until(lambda: _quiet(here), "everything to be scraped")
        yield here


def _alertmanager(folder: Path, here: Road, place: str, changes: Mapping[str, str]) -> Alertmanager:
    home = folder / "alertmanager"
    home.mkdir()
    (home / "healer.token").write_text(SECRET)
    people = dict.fromkeys(("http://pager.example.net", "http://dead-mans-switch.example.net"), here.people.url)
    text = deployed(f"alertmanager/{place}.yml", {**people, "http://healer:9099": here.healer.url, **FASTER, **changes})
    return Alertmanager(home, text)


def _prometheus(folder: Path, here: Road, things: str) -> Prometheus:
    changes = {
        "alertmanager:9093": here.alertmanager.url.removeprefix("http://"),
        "healer:9099": here.healer.url.removeprefix("http://"),
        "interval: 15s": "interval: 1s",
        "  - watchdog.yml": "  - watchdog.yml\n  - shop.yml",
    }
    config = deployed("prometheus/prometheus.yml", changes)
    config += shop.scrapes(f"127.0.0.1:{here.host.service_port}", things)
    files = {name: deployed(f"prometheus/{name}", {}) for name in ("watchdog.yml", "healer-alerts.yml")}
    files |= {"shop.yml": shop.alert_rules(), "healer.token": SECRET}
    return Prometheus(folder / "prometheus", config, files=files, flags=["--rules.alert.resend-delay=1s"])


def _configure(here: Road, place: str, store: str, settle: str) -> None:
    urls = {
        "prometheus": here.prometheus.url,
        "alertmanager": here.alertmanager.url,
        "telegram": here.telegram.url,
        "collector": here.collector.url,
    }
    host = here.host
    ssh = {
        "user": host.user,
        "port": host.port,
        "key": host.key,
        "known_hosts": host.known_hosts,
        "wrapper": host.folder / "lib/healer-run",
    }
    config = shop.settings(place, urls, ssh, store, settle).replace("127.0.0.1:9099", f"127.0.0.1:{here.healer.port}")
    files = {
        "healer.yaml": config,
        "healer.token": SECRET,
        "telegram.token": shop.TOKEN,
        "topology.yaml": shop.topology(),
        "shop.heal": shop.RULES,
    }
    for name, text in files.items():
        (here.healer.folder / name).write_text(text)
    here.healer.token = SECRET


def _quiet(here: Road) -> bool:
    """Everything is scraped and well, and Prometheus knows both of its receivers."""
    up = here.prometheus.query("sum(up)")
    receivers = here.prometheus.api("alertmanagers")["activeAlertmanagers"]
    works = here.prometheus.query("sum(thing_works)")
    found = [json.loads(each["value"][1]) for each in (*up, *works)]
    return found == [4, len(shop.THINGS)] and len(receivers) == 2
