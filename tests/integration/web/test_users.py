"""Who acts is known, and may do only that: over HTTP, for every route there is."""

import asyncio
import base64
import io
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from healer.accounts.settings import Grant, User
from healer.accounts.tokens import token_hash
from healer.cli import users
from healer.cli.main import parser_of
from healer.cli.output import Output
from healer.documents.fields import Secret
from healer.web.app import create_app
from healer.web.rights import CHANGING, right_of
from healer.web.settings import Auth
from tests.integration.web.stand import Stand, incident, standing

WEB = Grant(role="responder", nodes=('owner="web"',))
AUTH = Auth(
    bearer=(Secret("many-have-it"),),
    shared="responder",
    users={
        "mon": User(role="sender", tokens=(token_hash("t-mon"),)),
        "vic": User(tokens=(token_hash("t-vic"),)),
        "web": User(tokens=(token_hash("t-web"),), grants=(WEB,)),
        "ann": User(role="responder", tokens=(token_hash("t-ann"), token_hash("t-ann-next"))),
        "olu": User(role="operator", tokens=(token_hash("t-olu"),)),
        "root": User(role="admin", tokens=(token_hash("t-root"),)),
        "nobody": User(role="admin"),
    },
)


def covers(matchers: Sequence[str], node: str) -> bool:
    return node == "sw-1"


def shows(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/v1/incidents", "vic web ann olu root"),
        ("GET", "/api/v1/audit", "vic web ann olu root"),
        ("POST", "/api/v2/alerts", "mon root"),
        ("POST", "/api/v1/webhooks/alertmanager", "mon root"),
        ("POST", "/api/v1/incidents/inc-1/ack", "web ann olu root"),
        ("POST", "/api/v1/incidents/inc-2/ack", "ann olu root"),
        ("POST", "/api/v1/silences", "ann olu root"),
        ("POST", "/api/v1/pause", "ann olu root"),
        ("POST", "/api/v1/resume", "olu root"),
        ("POST", "/api/v1/maintenance", "olu root"),
        ("POST", "/api/v1/remediations/none/approve", "olu root"),
        ("POST", "/api/v1/somewhere", "vic web ann olu root"),
    ],
)
async def test_who_may_do_what(method: str, path: str, allowed: str) -> None:
    """403 for everybody else, before the body is read; what is nowhere is 404 and no secret."""
    async with standing(auth=AUTH, covers=covers) as (stand, client):
        stand.view.heard = lambda key: True  # type: ignore[attr-defined] # an order with this id was heard before
        for id, node in (("inc-1", "sw-1"), ("inc-2", "sw-2")):
            one = incident(id)
            await stand.decide(incidents=(replaced(one, node),))
        got = set()
        for name in ("mon", "vic", "web", "ann", "olu", "root"):
            async with client.request(method, path, headers=shows(f"t-{name}"), json={"id": "once"}) as response:
                if response.status not in (401, 403):
                    got.add(name)
    assert got == set(allowed.split())


def replaced(one: Any, node: str) -> Any:
    return msgspec.structs.replace(one, root=msgspec.structs.replace(one.root, node=node))


@pytest.mark.parametrize("token", ["", "t-nobody", "T-ANN", "t-ann ", token_hash("t-ann"), "healer_"])
async def test_no_other_token_comes_in(token: str) -> None:
    """Nor does the hash of one: what stands in the configuration opens nothing."""
    async with standing(auth=AUTH) as (_, client), client.get("/api/v1/users/me", headers=shows(token)) as response:
        assert response.status == (200 if token.strip() == "t-ann" else 401)


async def test_users_without_a_token_close_the_door() -> None:
    """A healer with accounts that nobody can use lets nobody in, rather than everybody."""
    async with standing(auth=Auth(users={"ann": User()})) as (_, client), client.get("/api/v1/incidents") as response:
        assert response.status == 401


async def test_a_token_is_a_password_too() -> None:
    """For programs that know no bearer tokens; under its owner's name alone."""
    async with standing(auth=AUTH) as (_, client):
        for name, status in (("ann", 200), ("olu", 401), ("", 401)):
            given = base64.b64encode(f"{name}:t-ann".encode()).decode()
            async with client.get("/api/v1/users/me", headers={"Authorization": f"Basic {given}"}) as response:
                assert response.status == status


async def test_the_name_that_is_written_down() -> None:
    """Of a person healer's own knowledge; of a shared token what was said, marked as such."""
    async with standing(auth=AUTH) as (stand, client):
        for token in ("t-ann", "many-have-it"):
            async with client.post("/api/v1/pause", headers=shows(token), json={"by": "eve"}) as response:
                assert response.status == 200
            (switch,) = await stand.store.switches()
            assert switch.by == ("ann" if token == "t-ann" else "eve (a shared token)")


async def test_accounts_are_listed_without_their_tokens() -> None:
    """Names, roles and grants; `me` is whoever asks."""
    async with standing(auth=AUTH) as (_, client):
        async with client.get("/api/v1/users", headers=shows("t-vic")) as response:
            text = await response.text()
            assert [one["name"] for one in (await response.json())["items"]] == list(AUTH.users)
            assert "sha256" not in text
        async with client.get("/api/v1/users/me", headers=shows("t-web")) as response:
            me = await response.json()
    assert (me["name"], me["role"], me["grants"][0]["nodes"]) == ("web", "viewer", ['owner="web"'])


async def test_concurrent_requests_keep_their_names() -> None:
    """Under load each request is its own sender's: no name leaks into another."""
    async with standing(auth=AUTH) as (_, client):

        async def ask(name: str) -> tuple[str, str]:
            async with client.get("/api/v1/users/me", headers=shows(f"t-{name}")) as response:
                return name, (await response.json())["name"]

        found = await asyncio.gather(*(ask(name) for name in ("vic", "ann", "olu", "root") * 50))
    assert all(asked == answered for asked, answered in found)


def test_every_way_to_change_something_is_in_the_table() -> None:
    """A route that nobody thought of takes an admin; here is none, and the table names none that is not there."""
    service = Stand().service
    routes = {(way.method, way.resource.canonical) for way in create_app(service).router.routes() if way.resource}
    changing = {way for way in routes if way[0] not in ("GET", "HEAD", "*")}
    senders = ("github", "gitlab", "gitee", "telegram", "wecom", "feishu")
    signed = {way for way in changing if way[1].rpartition("/")[2] in senders}
    assert changing - signed <= CHANGING.keys()
    assert right_of("PATCH", "/api/v1/whatever") == "administer"


async def test_the_command_makes_tokens_and_says_who_i_am(tmp_path: Path) -> None:
    """The token goes into a file for its owner alone, its hash into the configuration; with both the door opens."""
    file = tmp_path / "token"
    said = await typed("token", "ann", "--role", "responder", "--out", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    token = file.read_text().strip()
    assert token not in said
    assert f'tokens: ["{token_hash(token)}"]' in said
    auth = Auth(users={"ann": User(role="responder", tokens=(token_hash(token),))})
    async with standing(auth=auth) as (stand, _):
        assert "ann   responder" in await typed("me", "--url", stand.url, "--token-file", str(file))
        assert "ann   responder" in await typed("list", "--url", stand.url, "--token-file", str(file))


async def typed(*words: str) -> str:
    out = io.StringIO()
    arguments = parser_of("users", users).parse_args(words)
    assert await asyncio.to_thread(users.run, arguments, Output(out, io.StringIO())) == 0
    return out.getvalue()
