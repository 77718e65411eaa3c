"""Alerts over real HTTP: which status each request gets, and that nothing is answered 2xx before it is stored."""

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from healer.alerts.limits import Limits
from healer.journey.records import Troubled, decode
from healer.web.oversize import QUIET, Oversize
from healer.web.ports import Bounds
from tests.integration.web.stand import Stand, standing

WEBHOOK = "/api/v1/webhooks/alertmanager"
POSTED = "/api/v2/alerts"


def webhook(*labels: Any) -> bytes:
    alerts = [{"status": "firing", "labels": each, "startsAt": "2026-01-07T09:59:00Z"} for each in labels]
    return json.dumps({"version": "4", "receiver": "team", "externalURL": "http://am:9093", "alerts": alerts}).encode()


def posted(*labels: Any) -> bytes:
    return json.dumps([{"labels": each} for each in labels]).encode()


async def problem_of(response: aiohttp.ClientResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = json.loads(await response.read())
    assert body["status"] == response.status
    assert body["title"]
    assert body["detail"]
    return body


async def test_a_webhook_is_stored_before_it_is_answered() -> None:
    async with standing() as (stand, client), client.post(WEBHOOK, data=webhook({"alertname": "A"})) as response:
        assert (response.status, await response.read()) == (200, b"")
        (record,) = await stand.delivered()
        assert record.sender == "alertmanager/team"
        assert record.alerts[0].labels == b'{"alertname":"A"}'


async def test_alerts_posted_by_prometheus_are_stored_with_who_connected_as_sender() -> None:
    async with standing() as (stand, client), client.post(POSTED, data=posted({"alertname": "A"})) as response:
        assert response.status == 200
        (record,) = await stand.delivered()
        assert record.sender == "127.0.0.1"


async def test_details_lie_beside_the_alert_in_the_journal() -> None:
    body = json.dumps([{"labels": {"a": "b"}, "annotations": {"summary": "x"}, "generatorURL": "http://p"}]).encode()
    async with standing() as (stand, client), client.post(POSTED, data=body) as response:
        assert response.status == 200
        detail = await stand.store.detail(1, 0)
        assert detail
        assert (detail.annotations, detail.generator_url) == ({"summary": "x"}, "http://p")


async def test_a_batch_with_one_good_alert_is_stored_and_says_what_was_refused() -> None:
    body = webhook({"alertname": "A"}, {"": "x"}, {"alertname": 5})
    async with standing() as (stand, client), client.post(WEBHOOK, data=body) as response:
        assert response.status == 200
        answer = await response.json()
        assert (answer["stored"], answer["refused"]) == (1, 2)
        assert [each["pointer"] for each in answer["errors"]] == ["/alerts/1", "/alerts/2"]
        assert [each["reason"] for each in answer["errors"]] == ["empty_label_name", "wrong_type"]
        assert len((await stand.delivered())[0].alerts) == 1
        assert [(each.index, each.reason) for each in await stand.store.refused()] == [
            (2, "wrong_type"),
            (1, "empty_label_name"),
        ]
        assert b'healer_alerts_refused_total{reason="wrong_type"} 1\n' in stand.registry.expose()


async def test_an_empty_batch_is_fine_and_writes_nothing() -> None:
    async with standing() as (stand, client):
        for path, body in ((POSTED, b"[]"), (WEBHOOK, webhook())):
            async with client.post(path, data=body) as response:
                assert response.status == 200
        assert await stand.rows() == []


async def test_a_large_batch_becomes_several_records_in_order() -> None:
    body = posted(*({"n": str(number)} for number in range(4_500)))
    async with standing() as (stand, client), client.post(POSTED, data=body) as response:
        assert response.status == 200
        records = await stand.delivered()
        assert [len(record.alerts) for record in records] == [2_000, 2_000, 500]
        assert records[2].alerts[-1].labels == b'{"n":"4499"}'


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        (WEBHOOK, b"", []),
        (WEBHOOK, b"{", []),
        (WEBHOOK, b'{"text":"my own payload"}', []),
        (WEBHOOK, b'{"version":"5","alerts":[]}', []),
        (WEBHOOK, b"\0", []),
        (WEBHOOK, b"\xff\xfe", []),
        (WEBHOOK, b"[" * 100_000, []),
        (WEBHOOK, webhook(5), ["/alerts/0"]),
        (WEBHOOK, webhook({f"l{n}": "x" for n in range(100_000)}), ["/alerts/0"]),
        (WEBHOOK, webhook({"a": "@"}).replace(b"@", b"\xff"), ["/alerts/0"]),
        (WEBHOOK, webhook({"a": "@"}).replace(b"@", b"\0"), []),
        (WEBHOOK, webhook({"": "x"}, {}), ["/alerts/0", "/alerts/1"]),
        (WEBHOOK, webhook({"a": "b"}).replace(b"2026", b"9999"), ["/alerts/0"]),
        (WEBHOOK, webhook({"a": "b"}).replace(b"2026", b"0001"), ["/alerts/0"]),
        (POSTED, b'{"a":1}', []),
        (POSTED, b'[{"labels":{"a":"b"},"startsAt":"0001-01-01T00:00:01Z"}]', ["/0"]),
        (POSTED, b'[{"labels":{"a":"b"},"startsAt":"10000-01-01T00:00:00Z"}]', ["/0"]),
        (POSTED, b"[null,7]", ["/0", "/1"]),
    ],
)
async def test_when_nothing_can_be_read_the_answer_is_a_clear_400_and_healer_goes_on(
    path: str, body: bytes, pointers: list[str]
) -> None:
    async with standing() as (stand, client):
        async with client.post(path, data=io.BytesIO(body)) as response:
            assert response.status == 400
            problem = await problem_of(response)
            assert [each["pointer"] for each in problem.get("errors", [])] == pointers
        async with client.post(POSTED, data=posted({"alertname": "next"})) as response:
            assert response.status == 200
        assert (await stand.delivered())[-1].alerts[0].labels == b'{"alertname":"next"}'


async def test_the_zero_time_of_go_is_none() -> None:
    body = webhook({"a": "b"}).replace(b"2026-01-07T09:59:00Z", b"0001-01-01T00:00:00Z")
    async with standing() as (stand, client), client.post(WEBHOOK, data=body) as response:
        assert response.status == 200
        assert (await stand.delivered())[0].alerts[0].starts_at == stand.clock.now()


@pytest.mark.parametrize("path", [WEBHOOK, POSTED])
async def test_a_full_disk_answers_503_and_never_2xx(path: str) -> None:
    async with standing() as (stand, client):
        stand.disk.full = True
        body = webhook({"a": "b"}) if path == WEBHOOK else posted({"a": "b"})
        async with client.post(path, data=body) as response:
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
            assert "disk is full" in (await problem_of(response))["detail"]
        assert await stand.rows() == []


async def test_while_the_disk_has_not_taken_it_there_is_no_answer() -> None:
    async with standing() as (stand, client):
        gate = stand.disk.wait = asyncio.Event()
        answer = asyncio.create_task(status(client, posted({"a": "b"})))
        assert not (await asyncio.wait([answer], timeout=0.1))[0]
        gate.set()
        assert await answer == 200


async def test_a_commit_whose_answer_was_lost_is_not_answered_2xx_although_it_may_be_stored() -> None:
    async with standing() as (stand, client):
        stand.disk.lost_answer = True
        async with client.post(POSTED, data=posted({"a": "b"})) as response:
            assert response.status == 503
        assert len(await stand.rows()) == 1


async def test_a_disk_that_does_not_answer_is_503_in_bounded_time() -> None:
    async with standing(bounds=Bounds(store=20_000)) as (stand, client):
        never = asyncio.Event()
        stand.disk.wait = never
        async with client.post(POSTED, data=posted({"a": "b"})) as response:
            assert response.status == 503


async def test_an_engine_too_far_behind_answers_503_until_it_catches_up() -> None:
    async with standing(bounds=Bounds(max_lag=10)) as (stand, client):
        stand.view.behind = 10
        async with client.post(POSTED, data=posted({"a": "b"})) as response:
            assert response.status == 503
            assert "Retry-After" in response.headers
            assert "10 alerts wait" in (await problem_of(response))["detail"]
        stand.view.behind = 9
        async with client.post(POSTED, data=posted({"a": "b"})) as response:
            assert response.status == 200
        assert len(await stand.rows()) == 1


def troubles(rows: list[Any]) -> list[Troubled]:
    records = [decode(row.data) for row in rows]
    return [record for record in records if isinstance(record, Troubled)]


async def pieces(count: int) -> AsyncIterator[bytes]:
    """A megabyte at a time, without saying how many will come."""
    for _ in range(count):
        yield b" " * (1 << 20)


async def test_two_hundred_megabytes_are_413_whether_announced_or_not_and_people_hear_of_it_once() -> None:
    async with standing() as (stand, client):
        for body in (io.BytesIO(b" " * (200 << 20)), pieces(200)):
            async with client.post(WEBHOOK, data=body) as response:
                assert response.status == 413
                assert "67108864" in (await problem_of(response))["detail"]
        async with client.post(WEBHOOK, data=webhook({"a": "b"})) as response:
            assert response.status == 200
        (trouble,) = troubles(await stand.rows())
        assert trouble.firing
        assert "127.0.0.1" in trouble.detail


async def test_who_asks_before_sending_too_much_is_refused_before_sending_it() -> None:
    async with standing(bounds=Bounds(body=1000)) as (stand, client):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(stand.url.rpartition(":")[2]))
        head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n"
        writer.write(head.encode())
        assert b"413" in await reader.readline()
        writer.close()
        assert [each.firing for each in troubles(await stand.rows())] == [True]
        async with client.post(WEBHOOK, data=webhook({"a": "b"}), expect100=True) as response:
            assert response.status == 200


async def test_more_alerts_than_one_request_may_hold_are_413() -> None:
    bounds = Bounds(alerts=Limits(alerts=2))
    async with standing(bounds=bounds) as (_, client):
        assert await status(client, posted(*({"a": str(n)} for n in range(3)))) == 413


async def test_compressed_bodies_are_read() -> None:
    headers = {"Content-Encoding": "gzip"}
    async with standing() as (stand, client):
        async with client.post(POSTED, data=gzip.compress(posted({"a": "b"})), headers=headers) as response:
            assert response.status == 200
        assert (await stand.delivered())[0].alerts[0].labels == b'{"a":"b"}'


async def test_the_limit_counts_what_a_compressed_body_becomes() -> None:
    bomb = gzip.compress(b" " * (8 << 20))
    headers = {"Content-Encoding": "gzip"}
    async with standing(bounds=Bounds(body=1 << 20)) as (_, client):
        assert await status(client, bomb, headers) == 413


async def test_a_body_that_is_not_compressed_as_it_says_is_400() -> None:
    async with standing() as (_, client):
        assert await status(client, posted({"a": "b"}), {"Content-Encoding": "gzip"}) == 400


async def test_many_large_bodies_at_once_do_not_fill_the_memory() -> None:
    bounds = Bounds(body=4000, bodies=5000)
    async with standing(bounds=bounds) as (stand, client):
        gate = asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield b"[" + b" " * 3500
            await gate.wait()
            yield b"]"

        first = asyncio.create_task(status(client, slow()))
        await until_in_hand(stand)
        assert await status(client, b"[" + b" " * 3500 + b"]") == 503
        gate.set()
        assert await first == 200
        assert await status(client, b"[" + b" " * 3500 + b"]") == 200


async def status(client: aiohttp.ClientSession, body: Any, headers: dict[str, str] | None = None) -> int:
    async with client.post(POSTED, data=body, headers=headers) as response:
        return response.status


async def until_in_hand(stand: Stand) -> None:
    """The first sender's bytes travel over a real socket: give them the time."""
    await asyncio.sleep(0.2)


async def test_a_sender_that_never_finishes_its_body_is_let_go() -> None:
    async with standing(bounds=Bounds(read=50_000)) as (_, client):

        async def stalled() -> AsyncIterator[bytes]:
            yield b"["
            await asyncio.sleep(1)
            yield b"]"

        assert await status(client, stalled()) == 503


async def test_a_client_that_goes_away_while_its_alerts_are_written_changes_nothing() -> None:
    async with standing() as (stand, client):
        gate = asyncio.Event()
        stand.disk.wait = gate
        with pytest.raises(TimeoutError):
            async with client.post(POSTED, data=posted({"a": "b"}), timeout=aiohttp.ClientTimeout(total=0.2)):
                pass
        gate.set()
        await asyncio.sleep(0.1)
        assert len(await stand.rows()) == 1


async def test_the_trouble_of_large_requests_ends_when_none_comes_any_more() -> None:
    stand = Stand()
    oversize = Oversize(stand.store, stand.clock)
    await oversize.happened("10.0.0.1", "the body has 5 bytes")
    await oversize.settle()
    assert [each.firing for each in troubles(await stand.rows())] == [True]
    stand.clock.instant += QUIET
    await oversize.settle()
    await oversize.settle()
    assert [each.firing for each in troubles(await stand.rows())] == [True, False]
    stand.memory.close()
