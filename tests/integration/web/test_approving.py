"""Yes or no to a plan, over HTTP and at the command line: by whoever may, once, in time, for this plan and its targets."""

import argparse
import asyncio
import io
from typing import Any

import aiohttp
import msgspec
import pytest

from healer.accounts.settings import Grant, User
from healer.accounts.tokens import token_hash
from healer.cli import remediation
from healer.cli.failure import Failure
from healer.cli.main import parser_of
from healer.cli.output import Output
from healer.documents.fields import Secret
from healer.journey.ports import Planned
from healer.remediation.approval import code_of
from healer.remediation.model import ONLY_SUGGESTED, Asked, Plan
from healer.times import MINUTE, SECOND
from healer.web.settings import Auth
from tests.integration.web.stand import NOW, Stand, incident, standing
from tests.integration.web.test_reading import PLAN

TIDY = tuple(msgspec.structs.replace(step, destructive=False) for step in PLAN.steps)
ASKING = msgspec.structs.replace(PLAN, hash="h1", steps=TIDY, approve=(Asked("sre", 1, 10 * MINUTE),))
DESTROYS = msgspec.structs.replace(ASKING, hash="ab" * 16, steps=PLAN.steps)
TWO = msgspec.structs.replace(ASKING, approve=(Asked("sre", 2, 10 * MINUTE),))

AUTH = Auth(
    bearer=(Secret("many-have-it"),),
    users={
        "ann": User(role="operator", teams=("sre",), tokens=(token_hash("t-ann"),)),
        "bob": User(role="operator", teams=("sre",), tokens=(token_hash("t-bob"),)),
        "web": User(role="operator", teams=("web",), tokens=(token_hash("t-web"),)),
        "root": User(role="admin", tokens=(token_hash("t-root"),)),
        "eve": User(role="responder", teams=("sre",), tokens=(token_hash("t-eve"),)),
        "part": User(
            teams=("sre",),
            tokens=(token_hash("t-part"),),
            grants=(Grant(role="operator", actions=("restart_service",)),),
        ),
        "less": User(
            teams=("sre",), tokens=(token_hash("t-less"),), grants=(Grant(role="operator", actions=("reboot_node",)),)
        ),
    },
)


async def asked(stand: Stand, plan: Plan = ASKING) -> None:
    """A remediation that waits for an answer."""
    planned = Planned("rem-1", plan, "awaiting_approval", NOW + 10 * MINUTE)
    await stand.decide(incidents=(incident(),), planned=(planned,))


async def say(
    client: aiohttp.ClientSession, way: str, body: dict[str, Any] | None = None, token: str = "", id: str = "rem-1"
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with client.post(f"/api/v1/remediations/{id}/{way}", json=body or {}, headers=headers) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(
    ("way", "state", "detail"),
    [
        ("approve", "planned", "approved by ann"),
        ("reject", "rejected", "ann said no"),
        ("cancel", "cancelled", "ann stopped it"),
    ],
)
async def test_an_answer_counts_once(way: str, state: str, detail: str) -> None:
    """The answer is stored under the name of whoever gave it, and a second one is 409."""
    async with standing() as (stand, client):
        await asked(stand)
        status, said = await say(client, way, {"by": "ann", "plan": "h1"})
        assert (status, said["state"]) == (200, state)
        stored = await stand.store.remediation("rem-1")
        status, said = await say(client, way if way != "cancel" else "approve")
        assert status == 409
        assert "nobody is asked" in said["detail"]
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
        assert (await say(client, "approve", body, id=id))[0] == status
        stored = await stand.store.remediation("rem-1")
    assert stored is not None
    assert stored.state == "awaiting_approval"


@pytest.mark.parametrize(
    ("token", "status", "why"),
    [
        ("t-ann", 200, ""),
        ("t-part", 200, ""),
        ("t-web", 403, "sre is asked, and web is not one of them"),
        ("t-eve", 403, "eve may not do this: it takes an operator"),
        ("t-less", 403, "less has no right to operate for restart_service on web-1"),
        ("many-have-it", 403, "sre is asked, and whoever holds a shared token is not one of them"),
        ("t-nobody", 401, ""),
    ],
)
async def test_only_who_may_and_is_asked_can_agree(token: str, status: int, why: str) -> None:
    """By role, by grants that cover every step, and by team; never by a token that many may have."""
    async with standing(auth=AUTH) as (stand, client):
        await asked(stand)
        got, said = await say(client, "approve", token=token)
        assert (got, said["state"] if got == 200 else why in said["detail"]) == (
            status,
            "planned" if got == 200 else True,
        )
        stored = await stand.store.remediation("rem-1")
    assert stored is not None
    assert stored.state == ("planned" if status == 200 else "awaiting_approval")


async def test_two_people_are_two_people() -> None:
    """The same person counts once, whatever name they send along."""
    async with standing(auth=AUTH) as (stand, client):
        await asked(stand, TWO)
        assert (await say(client, "approve", token="t-ann"))[1]["agreed"] == ["ann"]
        status, said = await say(client, "approve", {"by": "bob"}, token="t-ann")
        assert (status, "another person is needed" in said["detail"]) == (409, True)
        assert (await say(client, "approve", token="t-bob"))[1]["state"] == "planned"


async def test_where_nobody_is_known_nobody_is_two_people() -> None:
    """Without accounts a name is only what somebody says."""
    async with standing() as (stand, client):
        await asked(stand, TWO)
        status, said = await say(client, "approve", {"by": "ann"})
    assert (status, "healer does not know who you are" in said["detail"]) == (403, True)


async def test_what_destroys_is_approved_twice() -> None:
    """202 with the targets, then once more with their names within a minute; later it begins anew."""
    async with standing(auth=AUTH) as (stand, client):
        await asked(stand, DESTROYS)
        status, said = await say(client, "approve", token="t-ann")
        assert (status, said["state"], said["request"]["confirm"]) == (202, "awaiting_approval", ["web-1"])
        assert (await say(client, "approve", {"targets": ["web-2"]}, token="t-ann"))[0] == 409
        stand.clock.instant += 61 * SECOND
        status, said = await say(client, "approve", {"targets": ["web-1"]}, token="t-ann")
        assert (status, "too late" in said["detail"]) == (409, True)
        assert (await say(client, "approve", token="t-ann"))[0] == 202
        status, said = await say(client, "approve", {"targets": ["web-1"]}, token="t-ann")
        assert (status, said["state"], said["request"]) == (200, "planned", None)


async def test_a_code_names_the_plan() -> None:
    """It fits the plan that asks now and no other; two that have the same are told apart by their ids."""
    async with standing() as (stand, client):
        await asked(stand, DESTROYS)
        code = code_of(DESTROYS.hash).lower()
        assert (await say(client, "reject", id=code))[1]["id"] == "rem-1"
        assert (await say(client, "approve", id=code))[0] == 404
        twins = [Planned(id, DESTROYS, "awaiting_approval", NOW + MINUTE) for id in ("rem-2", "rem-3")]
        await stand.decide(planned=tuple(twins))
        status, said = await say(client, "approve", id=code)
        assert (status, "rem-3, rem-2" in said["detail"]) == (409, True)


class Typed(io.StringIO):
    """What somebody types at a terminal."""

    def isatty(self) -> bool:
        return True


async def command(stand: Stand, *words: str, typed: io.StringIO | None = None) -> str:
    """What `healer remediation WORDS` says."""
    arguments = parser_of("remediation", remediation).parse_args([*words, "--url", stand.url])

    def run(arguments: argparse.Namespace) -> str:
        out = io.StringIO()
        remediation.run(arguments, Output(out, io.StringIO()), typed or io.StringIO())
        return out.getvalue()

    return await asyncio.to_thread(run, arguments)


async def test_the_command_shows_what_one_agrees_to() -> None:
    """Action, target, reasons and doubts; then it asks for the name of what is destroyed, and says what came of it."""
    async with standing() as (stand, _):
        await asked(stand, DESTROYS)
        said = await command(stand, "approve", code_of(DESTROYS.hash), typed=Typed("web-1\n"))
        stored = await stand.store.remediation("rem-1")
    for shown in (
        "restart_service on web-1: systemctl restart nginx",
        "nginx is down",
        "restart_service on web-1 is destructive",
        "nothing runs, and that is said",
        "restart nginx: planned: approved by",
    ):
        assert shown in said
    assert stored is not None
    assert stored.state == "planned"


@pytest.mark.parametrize(
    ("words", "typed", "why"),
    [
        (("approve", "rem-1"), io.StringIO(), "healer remediation approve rem-1 --target web-1"),
        (("approve", "rem-1"), Typed("\n"), "nothing was named, so nothing runs"),
        (("approve", "rem-1"), Typed("web-2\n"), "this is done to web-1, not to web-2"),
        (("approve", "rem-1", "--plan", "x"), Typed("web-1\n"), "the plan is another one by now"),
        (("approve", "nothing"), io.StringIO(), "there is no remediation nothing"),
    ],
)
async def test_a_command_that_does_not_agree(words: tuple[str, ...], typed: io.StringIO, why: str) -> None:
    """Says why, and nothing runs."""
    async with standing() as (stand, _):
        await asked(stand, DESTROYS)
        with pytest.raises(Failure, match=why):
            await command(stand, *words, typed=typed)
        stored = await stand.store.remediation("rem-1")
    assert stored is not None
    assert stored.state == "awaiting_approval"


@pytest.mark.parametrize(("way", "end"), [("reject", "said no: not now"), ("cancel", "stopped it: not now")])
async def test_a_no_may_say_why(way: str, end: str) -> None:
    """The reason is kept with the remediation, where those who come after read it."""
    async with standing() as (stand, _):
        await asked(stand, DESTROYS)
        assert end in await command(stand, way, "rem-1", "--why", "not now")
        stored = await stand.store.remediation("rem-1")
    assert stored is not None
    assert stored.detail.endswith(end)


async def test_scripts_name_the_target() -> None:
    """Without a terminal the target stands in the command."""
    async with standing() as (stand, _):
        await asked(stand, DESTROYS)
        assert "planned" in await command(stand, "approve", "rem-1", "--target", "web-1")


LEFT = msgspec.structs.replace(ASKING, approve=(), mode="suggest", capped_by=ONLY_SUGGESTED)


async def suggested(stand: Stand, plan: Plan = LEFT) -> None:
    """A remediation that its rule leaves to people."""
    planned = Planned("rem-1", plan, "suggested", NOW + 10 * MINUTE, plan.capped_by)
    await stand.decide(incidents=(incident(),), planned=(planned,))


async def test_a_suggestion_is_run_by_whoever_may() -> None:
    """Once, while its incident is open and nothing else is under way for it; what a dry run holds back is not run."""
    async with standing(auth=AUTH) as (stand, client):
        await suggested(stand)
        assert (await say(client, "run", token="t-eve"))[0] == 403
        other = Planned("rem-2", ASKING, "awaiting_approval", NOW + MINUTE)
        await stand.decide(planned=(other,))
        status, said = await say(client, "run", token="t-ann")
        assert (status, "remediation rem-2 is under way" in said["detail"]) == (409, True)
        await say(client, "reject", token="t-ann", id="rem-2")
        status, said = await say(client, "run", token="t-ann")
        assert (status, said["state"], said["detail"]) == (200, "planned", "ann wants it run")
        assert (await say(client, "run", token="t-bob"))[0] == 409
    async with standing(auth=AUTH) as (stand, client):
        await suggested(stand, msgspec.structs.replace(LEFT, capped_by="dry run"))
        status, said = await say(client, "run", token="t-ann")
        assert (status, "dry run" in said["detail"]) == (409, True)
        over = incident(status="resolved", resolved_at=NOW, revision=2)
        await stand.decide(incidents=(over,))
        assert "is over" in (await say(client, "run", token="t-ann"))[1]["detail"]


async def test_the_command_runs_a_suggestion() -> None:
    """It shows what that does, and asks for the name of what it destroys."""
    async with standing() as (stand, _):
        await suggested(stand, msgspec.structs.replace(LEFT, steps=PLAN.steps))
        with pytest.raises(Failure, match="healer remediation run rem-1 --target web-1"):
            await command(stand, "run", "rem-1")
        said = await command(stand, "run", "rem-1", typed=Typed("web-1\n"))
        assert "restart_service on web-1: systemctl restart nginx" in said
        assert "planned" in said


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
