"""Yes or no to a plan, over HTTP: once, in time, for this plan, under one's own name; and what would happen for an alert."""

from typing import Any

import msgspec
import pytest

from healer.journey.ports import Planned
from healer.remediation.model import Asked
from healer.times import MINUTE
from tests.integration.web.stand import NOW, Stand, incident, standing
from tests.integration.web.test_reading import PLAN

ASKING = msgspec.structs.replace(PLAN, hash="h1", approve=(Asked("sre", 1, 10 * MINUTE),))


async def asked(stand: Stand) -> None:
    """A remediation that waits for an answer."""
    planned = Planned("rem-1", ASKING, "awaiting_approval", NOW + 10 * MINUTE)
    await stand.decide(incidents=(incident(),), planned=(planned,))


@pytest.mark.parametrize(
    ("way", "state", "detail"), [("approve", "planned", "approved by ann"), ("reject", "rejected", "ann said no")]
)
async def test_an_answer_counts_once(way: str, state: str, detail: str) -> None:
    """The answer is stored under the name of whoever gave it, and a second one is 409."""
    async with standing() as (stand, client):
        await asked(stand)
        async with client.post(f"/api/v1/remediations/rem-1/{way}", json={"by": "ann", "plan": "h1"}) as response:
            assert response.status == 200
            assert (await response.json())["state"] == state
        stored = await stand.store.remediation("rem-1")
        async with client.post(f"/api/v1/remediations/rem-1/{way}") as response:
            assert response.status == 409
            assert "nobody is asked" in (await response.json())["detail"]
    assert stored is not None
    assert (stored.state, stored.detail) == (state, detail)


@pytest.mark.parametrize(
    ("id", "body", "status"),
    [("none", {}, 404), ("rem-1", {"plan": "another"}, 409), ("rem-1", {"who": "ann"}, 400)],
)
async def test_what_is_no_answer(id: str, body: dict[str, Any], status: int) -> None:
    """Another remediation, another plan, another shape: refused, and the plan goes on waiting."""
    async with standing() as (stand, client):
        await asked(stand)
        async with client.post(f"/api/v1/remediations/{id}/approve", json=body) as response:
            assert response.status == status
        stored = await stand.store.remediation("rem-1")
    assert stored is not None
    assert stored.state == "awaiting_approval"


async def test_what_would_happen() -> None:
    """POST /api/v1/plan hands labels and start on, and gives back what was foreseen; a bad alert is 400."""
    handed: list[tuple[dict[str, str], int]] = []

    async def foresee(labels: Any, starts_at: int) -> dict[str, Any]:
        handed.append((labels, starts_at))
        return {"ran": False}

    async with standing(foresee=foresee) as (_, client):
        alert = {"labels": {"alertname": "X"}, "startsAt": "2026-01-07T10:00:00Z", "annotations": {"a": "b"}}
        async with client.post("/api/v1/plan", json=alert) as response:
            assert (response.status, await response.json()) == (200, {"ran": False})
        bad: tuple[dict[str, Any], ...] = ({}, {"labels": {}}, {"labels": {"a": "b"}, "startsAt": "soon"})
        for wrong in bad:
            async with client.post("/api/v1/plan", json=wrong) as response:
                assert response.status == 400
    assert handed == [({"alertname": "X"}, NOW)]
