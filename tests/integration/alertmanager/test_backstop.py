"""In lead: Alertmanager stays quiet about what healer has told for as long as healer keeps renewing, with the real one."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from healer.alertmanager import backstop
from healer.alertmanager.backstop import Backstop
from healer.alertmanager.client import AlertmanagerClient
from healer.alerts.identity import canonical
from healer.convergence.outcome import AlertStatus, AlertView
from healer.store.store import Store
from healer.times import MINUTE, SECOND
from tests.contracts.store.given import NOON, incident, step, view, wanted
from tests.integration.alertmanager.stand import NOBODY, HandClock, alerts, down, journal
from tests.servers.alertmanager import Alertmanager
from tests.servers.deployed import deployed
from tests.servers.inbox import Inbox


class Engine:
    """What converged: the alerts of an incident, as given."""

    def __init__(self) -> None:
        self.known: dict[str, list[AlertView]] = {}

    async def settled(self) -> None:
        """Nothing is in flight."""

    def incident_alerts(self, incident: str) -> Sequence[AlertView]:
        return self.known.get(incident, [])

    def fires(self, incident: str, host: str, status: AlertStatus) -> None:
        one = view(incident, ended_at=0)
        here = msgspec.structs.replace(one, labels=canonical(down(host)), status=status)
        self.known.setdefault(incident, []).append(here)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path, NOBODY) as server:
        yield server


@pytest.fixture
async def client(server: Alertmanager) -> AsyncIterator[AlertmanagerClient]:
    async with aiohttp.ClientSession() as session:
        yield AlertmanagerClient(server.url, None, 5 * SECOND, session)


@pytest.fixture
def store() -> Iterator[Store]:
    with journal() as store:
        yield store


async def told(store: Store, *ids: str) -> None:
    """People were told of these incidents."""
    await store.take_over("one")
    incidents = tuple(incident(id) for id in ids)
    await store.commit(step(1, 1, 0, incidents=incidents, wanted=tuple(wanted(id) for id in ids)))
    for claim in await store.claim("chat", now=NOON, lease=SECOND, limit=10):
        await store.told(claim, message_id="1", now=NOON)


def standing(server: Alertmanager) -> dict[str, dict[str, Any]]:
    """The silences that hold, by the host they name."""
    return {
        next(matcher["value"] for matcher in one["matchers"] if matcher["name"] == "host"): one
        for one in server.api("silences")
        if one["status"]["state"] == "active"
    }


async def test_what_was_told_is_held_back_with_all_that_it_explains(
    server: Alertmanager, client: AlertmanagerClient, store: Store
) -> None:
    """Root, members and suppressed alerts of a told incident; not what is silenced, over, or was not told."""
    engine, clock = Engine(), HandClock()
    await told(store, "i1")
    statuses: tuple[AlertStatus, ...] = ("root", "member", "suppressed", "silenced", "resolved", "held")
    for status in statuses:
        engine.fires("i1", status, status)
    engine.fires("i2", "untold", "root")
    await Backstop([client], store, engine, clock).look()
    found = standing(server)
    assert sorted(found) == ["member", "root", "suppressed"]
    for one in found.values():
        assert one["createdBy"] == "healer"
        assert one["comment"] == "healer has told of it: incident i1"
        lasts = datetime.fromisoformat(one["endsAt"]) - datetime.fromisoformat(one["startsAt"])
        assert 290 < lasts.total_seconds() < 305


async def test_it_is_renewed_before_it_runs_out_and_not_more_often(
    server: Alertmanager, client: AlertmanagerClient, store: Store
) -> None:
    """The same silence, longer; after the incident nothing is renewed."""
    engine, clock = Engine(), HandClock()
    await told(store, "i1")
    engine.fires("i1", "h1", "root")
    hold = Backstop([client], store, engine, clock)
    await hold.look()
    first = standing(server)["h1"]
    clock.ahead = MINUTE
    await hold.look()
    assert standing(server)["h1"]["endsAt"] == first["endsAt"]
    clock.ahead = 3 * MINUTE
    await hold.look()
    renewed = standing(server)["h1"]
    assert renewed["id"] == first["id"]
    assert renewed["endsAt"] > first["endsAt"]
    await store.commit(step(2, 1, 0, incidents=(incident("i1", status="resolved"),)))
    clock.ahead = 6 * MINUTE
    await hold.look()
    assert standing(server)["h1"]["endsAt"] == renewed["endsAt"]


async def test_a_silence_that_somebody_ended_is_set_again(
    server: Alertmanager, client: AlertmanagerClient, store: Store
) -> None:
    """Alertmanager forgot it, or a person expired it: the next renewal makes another."""
    engine, clock = Engine(), HandClock()
    await told(store, "i1")
    engine.fires("i1", "h1", "root")
    hold = Backstop([client], store, engine, clock)
    await hold.look()
    url = f"{server.url}/api/v2/silence/{standing(server)['h1']['id']}"
    async with aiohttp.ClientSession() as session, session.delete(url) as answer:
        assert answer.status == 200
    assert standing(server) == {}
    clock.ahead = 3 * MINUTE
    await hold.look()
    again = standing(server)["h1"]["id"]
    clock.ahead = 6 * MINUTE
    await hold.look()
    assert standing(server)["h1"]["id"] == again, "from then on that one is renewed"


async def test_in_a_large_storm_roots_come_first(
    client: AlertmanagerClient, server: Alertmanager, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    """There is a limit, and what is beneath a root is over it before any root is."""
    monkeypatch.setattr(backstop, "AT_MOST", 3)
    engine = Engine()
    await told(store, "i1", "i2")
    for id in ("i1", "i2"):
        engine.fires(id, f"root-{id}", "root")
        for number in range(3):
            engine.fires(id, f"below-{id}-{number}", "suppressed")
    await Backstop([client], store, engine, HandClock()).look()
    assert {"root-i1", "root-i2"} < set(standing(server))
    assert len(standing(server)) == 3


async def test_an_alertmanager_that_is_away_keeps_nobody_from_the_other(
    client: AlertmanagerClient, server: Alertmanager, store: Store
) -> None:
    """Each place is held back for itself."""
    engine = Engine()
    await told(store, "i1")
    engine.fires("i1", "h1", "root")
    async with aiohttp.ClientSession() as session:
        away = AlertmanagerClient("http://127.0.0.1:9", None, SECOND, session)
        await Backstop([away, client], store, engine, HandClock()).look()
    assert list(standing(server)) == ["h1"]


async def test_people_hear_from_alertmanager_when_nobody_renews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    """With the files of deploy/: quiet while healer lives, spoken soon after it died."""
    monkeypatch.setattr(backstop, "LASTS", 4 * SECOND)
    monkeypatch.setattr(backstop, "RENEW", 3 * SECOND)
    monkeypatch.setattr(backstop, "LOOK_S", 0.2)
    engine = Engine()
    await told(store, "i1")
    engine.fires("i1", "h1", "root")
    with Inbox() as inbox:
        addresses = ("http://pager.example.net", "http://dead-mans-switch.example.net", "http://healer:9099")
        changes = dict.fromkeys(addresses, inbox.url)
        changes |= {"group_wait: 5m": "group_wait: 1s", "group_interval: 1m": "group_interval: 1s"}
        (tmp_path / "healer.token").write_text("secret")
        with Alertmanager(tmp_path, deployed("alertmanager/lead.yml", changes)) as server:
            async with aiohttp.ClientSession() as session:
                client = AlertmanagerClient(server.url, None, 5 * SECOND, session)
                healer = asyncio.get_running_loop().create_task(Backstop([client], store, engine, HandClock()).run())
                await asyncio.sleep(0.5)
                server.post_alerts(alerts(["h1"]))
                await asyncio.sleep(6)
                assert inbox.of("/alerts") == [], "renewed for longer than one silence lasts"
                healer.cancel()
                await asyncio.wait([healer])
                (spoken, *_) = await asyncio.to_thread(inbox.wait, "/alerts")
                assert spoken.body["alerts"][0]["labels"]["host"] == "h1"
