"""The kill switch over HTTP, who may come in, and the plumbing that probes and Prometheus use."""

import base64
import json
from typing import Any

import aiohttp
import pytest

from healer.documents.fields import Secret
from healer.telemetry.logs import trace_id
from healer.web.settings import Auth
from tests.integration.web.stand import Memories, standing

CLOSED = Auth(bearer=(Secret("t0ken"),), basic={"ann": Secret("pass")})
BASIC = "Basic " + base64.b64encode(b"ann:pass").decode()
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


async def test_pausing_is_written_before_it_is_answered_and_resuming_ends_it() -> None:
    async with standing() as (stand, client):
        order = {"scope": "all", "by": "ann", "why": "maintenance"}
        async with client.post("/api/v1/pause", json=order) as response:
            assert response.status == 200
            assert await response.json() == {
                "scope": "all",
                "paused": True,
                "doubt": None,
                "by": "ann",
                "why": "maintenance",
                "at": "2026-01-07T10:00:00.000Z",
            }
        (switch,) = await stand.store.switches()
        assert switch.thrown
        async with client.get("/api/v1/pause") as response:
            assert (await response.json())["paused"] is True
        async with client.post("/api/v1/resume", json={"by": "ann"}) as response:
            assert (await response.json())["paused"] is False
        async with client.get("/api/v1/pause") as response:
            assert (await response.json())["paused"] is False


@pytest.mark.parametrize("scope", ["rule:restart nginx", "cluster:north", "rule:restart nginx on host/web-1"])
async def test_pausing_a_part_is_not_pausing_everything(scope: str) -> None:
    async with standing() as (_, client):
        async with client.post("/api/v1/pause", json={"scope": scope}) as response:
            assert response.status == 200
        async with client.get("/api/v1/pause") as response:
            found = await response.json()
    assert found["paused"] is False
    assert [(each["scope"], each["paused"]) for each in found["items"]] == [(scope, True)]


async def test_in_an_emergency_an_empty_order_pauses_everything() -> None:
    async with standing() as (stand, client), client.post("/api/v1/pause") as response:
        assert response.status == 200
        assert [(each.scope, each.thrown) for each in await stand.store.switches()] == [("all", True)]


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b"{", []),
        (b"[]", [""]),
        (b'{"scope":"everything"}', ["/scope"]),
        (b'{"scope":5}', ["/scope"]),
        (b'{"reason":"x"}', [""]),
        (b'{"why":"' + b"x" * 2000 + b'"}', ["/why"]),
        (b'{"why":"\xff"}', []),
    ],
)
async def test_an_order_that_cannot_be_read_is_400_and_switches_nothing(body: bytes, pointers: list[str]) -> None:
    async with standing() as (stand, client), client.post("/api/v1/pause", data=body) as response:
        assert response.status == 400
        problem = json.loads(await response.read())
        assert [each["pointer"] for each in problem.get("errors", [])] == pointers
        assert await stand.store.switches() == []


async def test_a_switch_that_could_not_be_written_is_503() -> None:
    async with standing() as (stand, client):
        stand.disk.full = True
        async with client.post("/api/v1/pause") as response:
            assert response.status == 503


async def status_of(client: aiohttp.ClientSession, method: str, path: str, **more: Any) -> int:
    async with client.request(method, path, **more) as response:
        if response.status == 401:
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
        return response.status


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v2/alerts"),
        ("POST", "/api/v1/webhooks/alertmanager"),
        ("POST", "/api/v1/pause"),
        ("GET", "/api/v1/alerts"),
        ("GET", "/api/v1/incidents"),
        ("GET", "/nowhere"),
        ("PUT", "/api/v1/pause"),
    ],
)
async def test_without_credentials_nothing_is_told_not_even_what_exists(method: str, path: str) -> None:
    async with standing(auth=CLOSED) as (stand, client):
        assert await status_of(client, method, path, data=b"[]" if method == "POST" else None) == 401
        wrong = {"Authorization": "Bearer wrong"}
        assert await status_of(client, method, path, headers=wrong) == 401
        assert await stand.rows() == []


async def test_with_a_token_or_a_password_alerts_come_in() -> None:
    async with standing(auth=CLOSED) as (_, client):
        bearer = {"Authorization": "Bearer t0ken"}
        assert await status_of(client, "POST", "/api/v2/alerts", data=b"[]", headers=bearer) == 200
        basic = {"Authorization": BASIC}
        assert await status_of(client, "POST", "/api/v2/alerts", data=b"[]", headers=basic) == 200


async def test_who_paused_is_the_user_that_was_checked_not_the_one_that_was_claimed() -> None:
    async with standing(auth=CLOSED) as (stand, client):
        basic = {"Authorization": BASIC}
        assert await status_of(client, "POST", "/api/v1/pause", json={"by": "bob"}, headers=basic) == 200
        assert [each.by for each in await stand.store.switches()] == ["ann"]


async def test_probes_and_metrics_answer_without_credentials() -> None:
    async with standing(auth=CLOSED) as (_, client):
        for path in ("/-/healthy", "/-/ready", "/metrics"):
            assert await status_of(client, "GET", path) == 200
            assert await status_of(client, "HEAD", path) == 200


async def test_not_ready_is_503_and_says_why_while_healthy_stays_200() -> None:
    async with standing() as (stand, client):
        stand.view.not_ready = "replaying the journal, 40 % done"
        async with client.get("/-/ready") as response:
            assert response.status == 503
            assert "replaying the journal" in await response.text()
        assert await status_of(client, "GET", "/-/healthy") == 200


async def test_metrics_count_requests_by_route_and_code() -> None:
    async with standing() as (_, client):
        await status_of(client, "POST", "/api/v2/alerts", data=b'[{"labels":{"a":"b"}}]')
        await status_of(client, "GET", "/api/v1/incidents/none")
        async with client.get("/metrics") as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            written = await response.text()
    assert "healer_alerts_stored_total 1\n" in written
    assert 'healer_http_requests_total{handler="/api/v2/alerts",code="200"} 1\n' in written
    assert 'healer_http_requests_total{handler="/api/v1/incidents/{id}",code="404"} 1\n' in written


async def test_a_method_that_is_not_known_is_405_and_says_which_are() -> None:
    async with standing() as (_, client), client.delete("/api/v1/pause") as response:
        assert response.status == 405
        assert response.headers["Allow"] == "GET,HEAD,POST"
        assert response.content_type == "application/problem+json"


async def test_a_request_works_under_the_trace_id_it_came_with_and_the_next_one_does_not() -> None:
    seen: list[str] = []

    class Watching(Memories):
        def ready(self) -> tuple[bool, str]:
            seen.append(trace_id.get())
            return True, ""

    async with standing(view=Watching()) as (_, client):
        async with client.get("/-/ready", headers={"traceparent": PARENT}) as response:
            assert response.headers["X-Trace-ID"] == TRACE
        async with client.get("/-/ready") as response:
            assert "X-Trace-ID" not in response.headers
    assert seen == [TRACE, ""]


async def test_a_failure_inside_is_500_without_its_insides_and_healer_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Memories):
        def ready(self) -> tuple[bool, str]:
            raise RuntimeError("hunter2")

    async with standing(view=Broken()) as (_, client):
        async with client.get("/-/ready") as response:
            assert response.status == 500
            assert "hunter2" not in await response.text()
        assert await status_of(client, "GET", "/-/healthy") == 200
    assert "request failed" in caplog.text


async def test_another_sites_page_may_not_throw_the_switch() -> None:
    async with standing() as (stand, client):
        assert await status_of(client, "POST", "/api/v1/pause", headers={"Origin": "http://evil.example"}) == 403
        assert await stand.store.switches() == []
