"""Anchors leave the machine: over HTTP, into a chat; and what a place says becomes a reason without a secret in it."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import BaseTestServer, TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from healer.audit.anchor import anchored, is_signed, read_anchor
from healer.audit.chain import Head
from healer.audit.places import NotTaken, WebhookPlace
from healer.audit.settings import Webhook
from healer.documents.fields import Secret
from healer.notification.anchors import ChannelPlace
from notifiers.terminal import TerminalConfig, TerminalSender

ANCHOR = anchored(Head("here", 7, "ab" * 32), "here", None, 1_767_780_000_000_000, Ed25519PrivateKey.generate())


class Keeper:
    """An endpoint that keeps what comes with the right token."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.status = 204

    async def take(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer s3cret":
            return web.Response(status=401)
        self.kept.append(await request.text())
        return web.Response(status=self.status, headers={"Location": "/elsewhere"})


@asynccontextmanager
async def keeping() -> AsyncIterator[tuple[Keeper, WebhookPlace, BaseTestServer]]:
    keeper = Keeper()
    app = web.Application()
    app.router.add_post("/hook/k3y", keeper.take)
    async with TestServer(app) as server, ClientSession() as session:
        url = Secret(str(server.make_url("/hook/k3y")))
        yield keeper, WebhookPlace(Webhook(url=url, bearer=Secret("s3cret")), session), server


async def test_an_endpoint_gets_the_anchor_as_it_is() -> None:
    """One POST of one line of JSON, whose signature holds."""
    async with keeping() as (keeper, place, _):
        await place.take(ANCHOR)
    (kept,) = keeper.kept
    assert read_anchor(kept) == ANCHOR
    assert is_signed(read_anchor(kept))


@pytest.mark.parametrize("status", [302, 401, 500])
async def test_only_2xx_is_taken(status: int) -> None:
    """Redirects are not followed, refusals are said."""
    async with keeping() as (keeper, place, _):
        keeper.status = status
        with pytest.raises(NotTaken, match=f"it answered {status}"):
            await place.take(ANCHOR)


async def test_a_place_that_is_gone_is_named_without_its_secret() -> None:
    """What the client would say has the URL in it."""
    async with keeping() as (_, place, server):
        await server.close()
        with pytest.raises(NotTaken) as gone:
            await place.take(ANCHOR)
    assert "k3y" not in str(gone.value)
    assert "http" not in str(gone.value)


async def test_a_chat_can_be_read_back() -> None:
    """The message has the anchor on a line of its own."""
    out = io.StringIO()
    await ChannelPlace(TerminalSender("duty", TerminalConfig(), out)).take(ANCHOR)
    (line,) = [line for line in out.getvalue().splitlines() if '"signature"' in line]
    assert read_anchor(line[line.index("{") :]) == ANCHOR
