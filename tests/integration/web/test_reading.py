"""What is read over HTTP: incidents, alerts and their explanations, remediations; shapes, filters, pages, and errors."""

from typing import Any

import aiohttp
import msgspec
import pytest

from healer.alerts.identity import canonical, fingerprint
from healer.convergence.outcome import Happening
from healer.journey.ports import Closed, Planned
from healer.remediation.model import Plan, PlanStep
from healer.times import MINUTE
from tests.integration.web.stand import NOW, Stand, alert_view, incident, standing

TRACE = "0af7651916cd43dd8448eb211c80319c"
PLAN = Plan(
    hash="abc",
    incident="inc-1",
    trace_id=TRACE,
    root=canonical({"alertname": "SwitchDown"}),
    root_starts_at=NOW,
    rule="restart nginx",
    rule_version="v1",
    mode="auto",
    steps=(PlanStep("restart_service", "ssh", "web-1", ("systemctl", "restart", "nginx"), MINUTE),),
    because=("nginx is down",),
)


async def read(client: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with client.get(path) as response:
        assert response.status == status
        expected = "application/json" if status == 200 else "application/problem+json"
        assert response.content_type == expected
        return msgspec.json.decode(await response.read())


async def with_incident(stand: Stand) -> None:
    planned = Planned("rem-1", PLAN, "planned", NOW + MINUTE)
    line = Happening("inc-1", NOW, "detect", "opened", {"node": "sw-1"})
    await stand.decide(incidents=(incident(),), timeline=(line,), planned=(planned,))
    stand.view.known = [
        alert_view(1),
        alert_view(0, labels=canonical({"alertname": "SwitchDown"}), status="root", code="root", node="sw-1", by=b""),
        alert_view(2, status="member"),
        alert_view(3, incident=""),
    ]


async def test_an_incident_has_the_promised_shape() -> None:
    async with standing() as (stand, client):
        await with_incident(stand)
        found = await read(client, "/api/v1/incidents/inc-1")
    assert found["root"] == {
        "fingerprint": fingerprint(canonical({"alertname": "SwitchDown"})),
        "node": "sw-1",
        "silent": False,
        "labels": {"alertname": "SwitchDown"},
        "startsAt": "2026-01-07T10:00:00.000Z",
        "onset": "2026-01-07T10:00:00.000Z",
    }
    expected = {
        "id": "inc-1",
        "status": "open",
        "severity": "critical",
        "title": "switch sw-1 down",
        "suppressed_count": 2,
        "trace_id": TRACE,
        "opened_at": "2026-01-07T10:00:00.000Z",
        "resolved_at": None,
        "merged_into": None,
        "changes": [],
    }
    assert {name: found[name] for name in expected} == expected
    assert [each["status"] for each in found["alerts"]] == ["root", "member", "suppressed"]
    assert found["alerts"][2]["reason"] == "suppressed: ancestor"
    assert [(each["id"], each["rule"], each["state"]) for each in found["remediations"]] == [
        ("rem-1", "restart nginx", "planned")
    ]


async def test_an_incident_that_ended_shows_its_alerts_as_they_stood() -> None:
    async with standing() as (stand, client):
        closed = Closed("inc-1", msgspec.msgpack.encode([alert_view(7, status="resolved", ended_at=NOW)]))
        ended = incident(status="resolved", resolved_at=NOW, resolution="sent")
        await stand.decide(incidents=(ended,), closed=(closed,))
        found = await read(client, "/api/v1/incidents/inc-1")
    assert (found["status"], found["resolved_at"]) == ("resolved", "2026-01-07T10:00:00.000Z")
    assert [each["labels"]["instance"] for each in found["alerts"]] == ["host-007"]
    assert found["alerts"][0]["endsAt"] == "2026-01-07T10:00:00.000Z"


async def test_the_timeline_tells_what_happened_in_order() -> None:
    async with standing() as (stand, client):
        await with_incident(stand)
        found = await read(client, "/api/v1/incidents/inc-1/timeline")
    assert found["items"] == [
        {"at": "2026-01-07T10:00:00.000Z", "stage": "detect", "code": "opened", "facts": {"node": "sw-1"}}
    ]


async def test_incidents_are_listed_newest_first_in_pages_that_miss_and_repeat_nothing() -> None:
    async with standing() as (stand, client):
        many = tuple(incident(f"inc-{number}", opened_at=NOW + number) for number in range(5))
        await stand.decide(incidents=many)
        seen: list[str] = []
        cursor = ""
        for _ in range(5):
            page = await read(client, f"/api/v1/incidents?limit=2{cursor}")
            assert page["total"] == 5
            seen += [each["id"] for each in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
    assert seen == ["inc-4", "inc-3", "inc-2", "inc-1", "inc-0"]


async def test_incidents_are_filtered_by_the_labels_of_their_root_and_by_status() -> None:
    async with standing() as (stand, client):
        one = incident("inc-a")
        other = incident("inc-b", root=msgspec.structs.replace(one.root, labels=canonical({"alertname": "DiskFull"})))
        over = incident("inc-c", status="resolved", resolved_at=NOW)
        await stand.decide(incidents=(one, other, over))
        filtered = await read(client, '/api/v1/incidents?filter=alertname="SwitchDown"')
        both = await read(client, '/api/v1/incidents?filter=alertname=~"Switch.*"&status=open')
        resolved = await read(client, "/api/v1/incidents?status=resolved")
        none = await read(client, "/api/v1/incidents?limit=0")
    assert sorted(each["id"] for each in filtered["items"]) == ["inc-a", "inc-c"]
    assert ([each["id"] for each in both["items"]], both["total"]) == (["inc-a"], 1)
    assert ([each["id"] for each in resolved["items"]], resolved["total"]) == (["inc-c"], 1)
    assert none == {"items": [], "total": 3, "next": None}


async def test_alerts_are_listed_in_pages_that_miss_and_repeat_nothing() -> None:
    async with standing() as (stand, client):
        stand.view.known = [alert_view(number) for number in (*range(40, 60), *range(40))]
        stand.view.known += [alert_view(0, labels=canonical({"long": "x" * 600 + str(number)})) for number in range(9)]
        seen: list[str] = []
        cursor = ""
        while True:
            page = await read(client, f"/api/v1/alerts?limit=4{cursor}")
            assert page["total"] == 69
            seen += [each["fingerprint"] for each in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
    assert len(seen) == len(set(seen)) == 69


async def test_a_limit_of_nothing_gives_just_the_total() -> None:
    async with standing() as (stand, client):
        stand.view.known = [alert_view(number) for number in range(7)]
        stand.view.known[0] = alert_view(0, status="root")
        assert await read(client, "/api/v1/alerts?limit=0") == {"items": [], "total": 7, "next": None}
        assert (await read(client, "/api/v1/alerts?limit=0&status=root"))["total"] == 1


async def test_alerts_are_filtered_by_matchers_and_status() -> None:
    async with standing() as (stand, client):
        stand.view.known = [alert_view(1), alert_view(2, status="root"), alert_view(3, status="held")]
        found = await read(client, '/api/v1/alerts?status=root&status=held&filter=instance!="host-003"')
    assert [each["labels"]["instance"] for each in found["items"]] == ["host-002"]
    assert found["total"] == 1


async def test_an_explanation_names_the_alert_that_explains_and_every_reason() -> None:
    async with standing() as (stand, client):
        await with_incident(stand)
        name = fingerprint(stand.view.known[0].labels)
        found = await read(client, f"/api/v1/alerts/{name}/explanation")
    assert found["fingerprint"] == name
    assert (found["status"], found["incident"], found["trace_id"]) == ("suppressed", "inc-1", TRACE)
    assert found["because"] == ["suppressed: ancestor", "second sentence"]
    assert found["by"]["labels"] == {"alertname": "SwitchDown"}


async def test_refused_alerts_are_listed_with_their_reason() -> None:
    async with standing() as (_, client):
        async with client.post("/api/v2/alerts", data=b'[{"labels":{"a":"b"}},{"labels":{}}]') as response:
            assert response.status == 200
        (found,) = (await read(client, "/api/v1/refused"))["items"]
    assert (found["index"], found["reason"], found["sender"]) == (1, "no_labels", "127.0.0.1")


async def test_remediations_are_listed_and_shown_with_their_steps() -> None:
    async with standing() as (stand, client):
        await with_incident(stand)
        listed = await read(client, "/api/v1/remediations?status=planned")
        none = await read(client, "/api/v1/remediations?status=failed")
        one = await read(client, "/api/v1/remediations/rem-1")
    assert [each["id"] for each in listed["items"]] == ["rem-1"]
    assert none["total"] == 0
    assert one["steps"][0]["argv"] == ["systemctl", "restart", "nginx"]
    assert (one["because"], one["trace_id"], one["intents"]) == (["nginx is down"], TRACE, [])


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/incidents/none",
        "/api/v1/incidents/none/timeline",
        "/api/v1/incidents/%00",
        "/api/v1/alerts/c2d83c678e6ea0a1/explanation",
        "/api/v1/remediations/none",
        "/",
        "/api/v3/alerts",
    ],
)
async def test_what_does_not_exist_is_404(path: str) -> None:
    async with standing() as (_, client):
        assert (await read(client, path, 404))["status"] == 404


@pytest.mark.parametrize(
    ("path", "pointers"),
    [
        ("/api/v1/alerts?limit=-1", ["/limit"]),
        ("/api/v1/alerts?limit=1001", ["/limit"]),
        ("/api/v1/alerts?limit=" + "9" * 5000, ["/limit"]),
        ("/api/v1/alerts?limit=x&cursor=é&status=y&filter=z", ["/limit", "/cursor", "/status", "/filter"]),
        ("/api/v1/incidents?filter=a=~%22(%22", ["/filter"]),
        ("/api/v1/incidents?status=root", ["/status"]),
        ("/api/v1/incidents?cursor=_w", ["/cursor"]),
        ("/api/v1/alerts?" + "&".join(["filter=a=b"] * 40), ["/filter"]),
    ],
)
async def test_a_query_that_cannot_be_read_names_each_parameter(path: str, pointers: list[str]) -> None:
    async with standing() as (_, client):
        problem = await read(client, path, 400)
        assert [each["pointer"] for each in problem["errors"]] == pointers


async def test_a_fingerprint_of_another_form_is_400() -> None:
    async with standing() as (_, client):
        assert "16 hexadecimal" in (await read(client, "/api/v1/alerts/xyz/explanation", 400))["detail"]


async def test_reading_while_the_store_is_lost_is_503() -> None:
    async with standing() as (stand, client):
        stand.disk.full = True
        assert (await read(client, "/api/v1/incidents", 503))["status"] == 503
