"""Mirroring silences and noticing what vanished, with the real Alertmanager."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import aiohttp
import pytest

from healer.alertmanager.client import AlertmanagerClient, Hold, Unreachable
from healer.alertmanager.mirror import SETTLED_IN, Mirror, Reconciler
from healer.alerts.silences import SilenceMatcher
from healer.journey.records import Entry, Silenced, Troubled, Vanished
from healer.store.store import Store
from healer.times import MINUTE, SECOND
from tests.integration.alertmanager.stand import (
    NOBODY,
    HandClock,
    alerts,
    down,
    journal,
    labels,
    records,
    silence,
)
from tests.servers.alertmanager import Alertmanager
from tests.servers.process import free_port


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Alertmanager]:
    with Alertmanager(tmp_path, NOBODY) as server:
        yield server


@pytest.fixture
async def client(server: Alertmanager) -> AsyncIterator[AlertmanagerClient]:
    async with aiohttp.ClientSession() as session:
        yield AlertmanagerClient(server.url, None, 5 * SECOND, session)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def store() -> Iterator[Store]:
    with journal() as store:
        yield store


async def test_silences_are_mirrored_when_they_change(
    server: Alertmanager, client: AlertmanagerClient, clock: HandClock, store: Store
) -> None:
    """One record when there is news, with matchers, times and author as they are there; none when there is none."""
    mirror = Mirror([client], store, clock, SECOND)
    assert mirror.age() == (None, False), "what was never read cannot be relied on"
    id = server.silence(silence({"host": "h1.*"}, regex=True))
    for _ in range(3):
        await mirror.look(client)
    (told,) = await records(store)
    assert isinstance(told, Silenced)
    assert (told.source, told.readable) == (server.url, True)
    (one,) = told.silences
    assert (one.id, one.source, one.created_by, one.comment) == (id, server.url, "jo", "changing the disk")
    assert one.matchers == (SilenceMatcher("host", "h1.*", True, True),)
    assert one.starts_at < clock.now() < one.ends_at < clock.now() + 11 * MINUTE
    age, readable = mirror.age()
    assert readable
    assert age is not None
    assert age < 5 * SECOND


async def test_an_expired_silence_is_gone(
    server: Alertmanager, client: AlertmanagerClient, clock: HandClock, store: Store
) -> None:
    """Its end is news too."""
    mirror = Mirror([client], store, clock, SECOND)
    server.silence(silence({"host": "h1"}, seconds=2))
    await mirror.look(client)
    while await client.silences():
        pass
    await mirror.look(client)
    assert [len(told.silences) for told in await records(store) if isinstance(told, Silenced)] == [1, 0]


async def test_an_alertmanager_that_does_not_answer_counts_as_silencing_everything(
    server: Alertmanager, client: AlertmanagerClient, clock: HandClock, store: Store
) -> None:
    """Said once when it goes and once when it is back, with the silences it kept; meanwhile their age grows."""
    mirror = Mirror([client], store, clock, SECOND)
    server.silence(silence({"host": "h1"}))
    await mirror.look(client)
    server.stop()
    clock.ahead += MINUTE
    for _ in range(2):
        await mirror.look(client)
    age, readable = mirror.age()
    assert not readable
    assert age is not None
    assert age >= MINUTE
    server.start()
    await mirror.look(client)
    told = [(one.readable, len(one.silences)) for one in await records(store) if isinstance(one, Silenced)]
    assert told == [(True, 1), (False, 0), (True, 1)]
    assert mirror.age()[1]


async def test_healers_own_silences_are_nobodys_word(server: Alertmanager, client: AlertmanagerClient) -> None:
    """By holding the backstop back healer does not silence itself."""
    now = HandClock().now()
    await client.hold_back(Hold(labels("h1")[0], "i1", now, now + 5 * MINUTE))
    assert len(server.api("silences")) == 1
    assert await client.silences() == ()


def reconciler(client: AlertmanagerClient, store: Store, clock: HandClock, *hosts: str) -> Reconciler:
    heard = [False]

    def hear(entries: Sequence[Entry]) -> None:
        heard.extend(one.record.firing for one in entries if isinstance(one.record, Troubled))

    store.on_append(hear)
    return Reconciler([client], store, clock, SECOND, lambda: labels(*hosts), lambda: heard[-1])


async def test_what_two_polls_do_not_find_has_vanished(
    server: Alertmanager, client: AlertmanagerClient, clock: HandClock, store: Store
) -> None:
    """Not what one poll misses; what is silenced there is known there; and it is said once."""
    server.post_alerts(alerts(["h1", "h2", "h3"]))
    server.silence(silence(down("h1")))
    clock.ahead = SETTLED_IN
    reconcile = reconciler(client, store, clock, "h1", "h2", "h3", "gone")
    await reconcile.look()
    assert await records(store) == []
    await reconcile.look()
    assert await records(store) == [Vanished(labels("gone"))]
    await reconcile.look()
    assert len(await records(store)) == 1


async def test_what_comes_back_between_two_polls_has_not_vanished(
    server: Alertmanager, client: AlertmanagerClient, clock: HandClock, store: Store
) -> None:
    """An alert that reached healer first is there in the next poll."""
    clock.ahead = SETTLED_IN
    reconcile = reconciler(client, store, clock, "h1")
    await reconcile.look()
    server.post_alerts(alerts(["h1"]))
    await reconcile.look()
    server.post_alerts(alerts(["h1"], ended=True))
    await reconcile.look()
    assert await records(store) == []


async def test_a_restart_makes_nothing_vanish(
    server: Alertmanager, client: AlertmanagerClient, clock: HandClock, store: Store
) -> None:
    """Alertmanager forgets its alerts when it stops: until it has been up for 5 minutes its silence means nothing."""
    server.post_alerts(alerts(["h1"]))
    clock.ahead = SETTLED_IN
    reconcile = reconciler(client, store, clock, "h1")
    await reconcile.look()
    before = await client.up_since()
    server.restart()
    assert await client.up_since() > before
    assert await client.alerts() == set(), "it has forgotten"
    clock.ahead = SETTLED_IN - 20 * SECOND
    for _ in range(3):
        await reconcile.look()
    assert await records(store) == []
    clock.ahead = SETTLED_IN + 60 * SECOND
    for _ in range(2):
        await reconcile.look()
    assert await records(store) == [Vanished(labels("h1"))]


async def test_a_poll_that_failed_begins_the_count_anew(
    server: Alertmanager, client: AlertmanagerClient, clock: HandClock, store: Store
) -> None:
    """While one of them does not answer nothing vanishes, and the two polls have to follow one another."""
    other = f"http://127.0.0.1:{free_port()}"
    async with aiohttp.ClientSession() as session:
        away = AlertmanagerClient(other, None, SECOND, session)
        both = Reconciler([client, away], store, clock, SECOND, lambda: labels("h1"), lambda: False)
        clock.ahead = SETTLED_IN
        for _ in range(3):
            with pytest.raises(Unreachable, match=other):
                await both.look()
    assert await records(store) == []


async def test_when_much_would_vanish_at_once_it_is_the_source_that_is_wrong(
    server: Alertmanager, client: AlertmanagerClient, clock: HandClock, store: Store
) -> None:
    """Above 30 % nothing vanishes and healer says so; when they are back that ends, and single ones vanish again."""
    hosts = [f"h{number}" for number in range(10)]
    server.post_alerts(alerts(hosts[:6]))
    clock.ahead = SETTLED_IN
    reconcile = reconciler(client, store, clock, *hosts)
    for _ in range(4):
        await reconcile.look()
    assert await records(store) == [Troubled("reconciliation", True, "4 of 10 alerts would vanish at once")]
    server.post_alerts(alerts(hosts[:7]))
    await reconcile.look()
    *_, ended, vanished = await records(store)
    assert isinstance(ended, Troubled)
    assert not ended.firing
    assert vanished == Vanished(labels("h7", "h8", "h9"))


async def test_a_large_answer_is_read_to_its_end(server: Alertmanager, client: AlertmanagerClient) -> None:
    """Alerts come in many pieces over the network."""
    hosts = [f"{number:0>200}" for number in range(3_000)]
    server.post_alerts(alerts(hosts))
    assert len(await client.alerts()) == 3_000


async def test_something_that_is_no_alertmanager_says_so(server: Alertmanager) -> None:
    """A wrong address is told with what it answered."""
    async with aiohttp.ClientSession() as session:
        elsewhere = AlertmanagerClient(f"{server.url}/nowhere", None, 5 * SECOND, session)
        with pytest.raises(Unreachable, match="answered 404"):
            await elsewhere.alerts()
