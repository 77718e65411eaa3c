"""Where agents dial in: who is there, is it one of ours, and then what they say and are told. Served by `healer.bootstrap`.

TLS proves the certificate before anything is read. Only an enrolment may come without one, with an invitation's token
instead. What is refused is logged, counted by reason, and learns no more than that it was refused.
"""

import asyncio
import hashlib
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from aiohttp import WSMsgType, web
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate as Certified

from healer.executors.agent.agents import Agents
from healer.executors.agent.authority import BadRequest, name_in
from healer.executors.agent.passes import NoPass
from healer.executors.agent.post import SILENT
from healer.executors.agent.reception import UNREADABLE, Caller, Reception, Refused
from healer.executors.agent.roll import NotInvited
from healer.executors.agent.wire import (
    ENROL,
    MESSAGE_BYTES,
    RENEW,
    TOKEN,
    TOKEN_LIFE,
    WORK,
    Certificate,
    Enrolment,
    FromAgent,
    Pass,
    Renewal,
    ToAgent,
    read_by_healer,
    write,
)
from healer.seams import Spawn
from healer.times import SECOND, Micros

log = logging.getLogger(__name__)

BODY_BYTES = 16 << 10
"""A request for a certificate has less than one kilobyte."""
BODY_S = 10.0
"""Seconds for it to come."""

T = TypeVar("T")

_enrolment = msgspec.json.Decoder(Enrolment)
_renewal = msgspec.json.Decoder(Renewal)


class Door:
    """The agents' own address. `count` counts what is refused, by reason."""

    def __init__(self, agents: Agents, spawn: Spawn, count: Callable[[str], None]) -> None:
        self._agents = agents
        self._count = count
        self._reception = Reception(agents, spawn, self._refuse)

    def app(self) -> web.Application:
        """Its four ways."""
        app = web.Application(middlewares=[self._guard()], client_max_size=BODY_BYTES)
        app.add_routes(
            [
                web.post(ENROL, self._enrol),
                web.post(RENEW, self._renew),
                web.post(TOKEN, self._token),
                web.get(WORK, self._work),
            ]
        )
        return app

    def shook_hands_in_vain(self, why: str) -> None:
        """TLS refused somebody: another authority's certificate, an old version, or no TLS at all."""
        self._refuse("handshake", "tls", why)

    def _guard(self) -> "Callable[..., Awaitable[web.StreamResponse]]":
        @web.middleware
        async def guard(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            try:
                return await handler(request)
            except Refused as refused:
                self._refuse(request.remote or "somebody", refused.reason, str(refused))
                return web.json_response({"refused": refused.reason}, status=refused.status)

        return guard

    def _refuse(self, whom: str, reason: str, why: str) -> None:
        self._count(reason)
        log.warning("an agent was refused", extra={"whom": whom, "reason": reason, "why": why})

    # --- the four ways

    async def _enrol(self, request: web.Request) -> web.Response:
        asked = await _body(request, _enrolment)
        agents, now = self._agents, self._agents.clock.now()
        try:
            invited = agents.roll.take(asked.token, now)
        except NotInvited as error:
            raise Refused("not invited", str(error)) from error
        name = invited.name
        try:
            made = self._signed(asked.request, name)
            await agents.note("agent enrolled", {"agent": name, "from": request.remote or ""})
            der = made.public_bytes(Encoding.DER)
            agents.roll.enrol(name, _fingerprint(der), now, now + agents.settings.certificate)
        except BaseException:
            # Nothing came of it: it may be tried again.
            agents.roll.invite(name, asked.token, invited.until)
            raise
        log.info("agent %s enrolled", name)
        return _answer(Certificate(made.public_bytes(Encoding.PEM).decode(), agents.settings.certificate))

    async def _renew(self, request: web.Request) -> web.Response:
        name, fingerprint = self._known(request)
        self._shown(request.headers.get("Authorization", ""), name, fingerprint)
        asked = await _body(request, _renewal)
        agents, now = self._agents, self._agents.clock.now()
        made = self._signed(asked.request, name)
        der = made.public_bytes(Encoding.DER)
        agents.roll.renew(name, _fingerprint(der), now + agents.settings.certificate)
        log.info("agent %s has a new certificate", name)
        return _answer(Certificate(made.public_bytes(Encoding.PEM).decode(), agents.settings.certificate))

    def _signed(self, request: str, name: str) -> Certified:
        """A certificate for this agent. Raises Refused."""
        agents = self._agents
        try:
            return agents.authority.for_agent(request, name, agents.clock.now(), agents.settings.certificate)
        except BadRequest as error:
            raise Refused("bad request", str(error), 400) from error

    async def _token(self, request: web.Request) -> web.Response:
        name, fingerprint = self._known(request)
        return _answer(Pass(self._agents.passes.issue(name, fingerprint, self._agents.clock.now()), TOKEN_LIFE))

    async def _work(self, request: web.Request) -> web.StreamResponse:
        name, fingerprint = self._known(request)
        until = self._shown(request.headers.get("Authorization", ""), name, fingerprint)
        if not self._agents.leads():
            raise Refused("follows", "this healer follows: another one repairs", 503)
        socket = web.WebSocketResponse(
            compress=False, max_msg_size=MESSAGE_BYTES, receive_timeout=SILENT / SECOND, timeout=1.0
        )
        await socket.prepare(request)
        caller = Caller(name, request.remote or "", until, lambda token: self._shown(token, name, fingerprint))
        await self._reception.receive(_Socket(socket), caller)
        return socket

    # --- who is there

    def _known(self, request: web.Request) -> tuple[str, str]:
        """Name and fingerprint of the certificate that TLS has proven. Raises Refused."""
        transport = request.transport
        peer: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport is not None else None
        der = peer.getpeercert(binary_form=True) if peer is not None else None
        if peer is None or not der:
            raise Refused("no certificate", "it showed no certificate", 401)
        name = name_in(dict(peer.getpeercert() or {}))
        fingerprint = _fingerprint(der)
        if not name or not self._agents.roll.admits(name, fingerprint):
            raise Refused("unknown agent", f"nobody enrolled {name or 'it'} with this certificate, or it was removed")
        return name, fingerprint

    def _shown(self, token: str, name: str, fingerprint: str) -> Micros:
        """Until when a token is good. Raises Refused."""
        try:
            return self._agents.passes.check(token.removeprefix("Bearer "), name, fingerprint, self._agents.clock.now())
        except NoPass as error:
            raise Refused(error.reason, f"{name}: {error}", 401) from error


class _Socket:
    """`Wire` over a websocket."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def hear(self) -> FromAgent | None:
        message = await self._socket.receive()
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
            return None
        return read_by_healer(message.data)

    async def say(self, message: ToAgent) -> None:
        await self._socket.send_bytes(write(message))

    async def hang_up(self) -> None:
        await self._socket.close()


async def _body(request: web.Request, shape: msgspec.json.Decoder[T]) -> T:
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.read()
        return shape.decode(body)
    except TimeoutError as error:
        raise Refused("bad request", f"its body did not come within {BODY_S:g} s", 408) from error
    except UNREADABLE as error:
        raise Refused("bad request", str(error), 400) from error


def _answer(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _fingerprint(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()
