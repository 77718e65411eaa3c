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
from healer.executors.agent.post import SILENT, Line, Post
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
    Fresh,
    FromAgent,
    Hello,
    Pass,
    Renewal,
    Report,
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
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
SAID = 10_000
"""Messages that wait to go out on one line: one that takes none is cut."""

T = TypeVar("T")


class Refused(Exception):
    """Somebody is not let in: `reason` is a metric's label."""

    def __init__(self, reason: str, why: str, status: int = 403) -> None:
        super().__init__(why)
        self.reason = reason
        self.status = status


class Door:
    """The agents' own address. `count` counts what is refused, by reason."""

    def __init__(self, agents: Agents, spawn: Spawn, count: Callable[[str], None]) -> None:
        self._agents = agents
        self._spawn = spawn
        self._count = count

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
        asked = await _body(request, Enrolment)
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
        asked = await _body(request, Renewal)
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
        outgoing: asyncio.Queue[ToAgent | None] = asyncio.Queue(SAID)
        line = _line(outgoing, until)
        telling = self._spawn.start(f"agent {name}", _tell(socket, outgoing))
        post: Post | None = None
        try:
            post = await self._meet(socket, name, line, request.remote or "")
            await self._listen(socket, post, line, fingerprint)
        except Refused as refused:
            self._refuse(name, refused.reason, str(refused))
        except (TimeoutError, *UNREADABLE) as error:
            log.info("the line to agent %s ended: %s", name, str(error) or "nothing was heard")
        finally:
            if post is not None:
                post.hung_up(line)
            telling.cancel()
            await socket.close()
        return socket

    # --- one line

    async def _meet(self, socket: web.WebSocketResponse, name: str, line: Line, remote: str) -> Post:
        """The first word says on which machine it is; two machines are not one agent. Raises Refused."""
        hello = await _heard(socket)
        if not isinstance(hello, Hello):
            raise Refused("protocol", "its first word was no hello")
        line.machine, line.version = hello.machine, hello.version
        post = self._agents.post(name)
        if post.active and post.line is not None and post.line.machine != hello.machine:
            raise Refused("cloned", f"{name} is there already, on another machine: was its certificate copied?")
        if post.line is not None:
            post.line.hang_up("dialled anew")
        post.take_up(line)
        log.info("agent %s dialled in", name, extra={"remote": remote, "version": hello.version})
        return post

    async def _listen(self, socket: web.WebSocketResponse, post: Post, line: Line, fingerprint: str) -> None:
        """Until it hangs up, or its token ends. Raises Refused, TimeoutError, UNREADABLE."""
        agents = self._agents
        while (said := await _heard(socket)) is not None and post.line is line:
            if line.until <= agents.clock.now():
                raise Refused("expired token", "its token ended, and it brought no new one")
            if not agents.leads():
                raise Refused("follows", "another healer repairs now")
            if isinstance(said, Fresh):
                line.until = self._shown(said.token, post.name, fingerprint)
            elif isinstance(said, Hello):
                raise Refused("protocol", "it said hello twice")
            elif not post.hear(said) and isinstance(said, Report) and said.verb == "run":
                self._spawn.start("late report", self._came_late(post, said))

    async def _came_late(self, post: Post, report: Report) -> None:
        """Nobody waits for this report any more: whoever settles the intent asks the machine's register."""
        result = report.result
        outcome = f"{result.outcome}: {result.why}" if result is not None else "unknown"
        log.warning("agent %s reports %s late: %s", post.name, report.intent, outcome)
        note = {"agent": post.name, "intent": report.intent, "outcome": outcome}
        await self._agents.note("agent reported late", note)

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


def _line(outgoing: "asyncio.Queue[ToAgent | None]", until: int) -> Line:
    def say(message: ToAgent) -> None:
        if outgoing.full():
            hang_up("it takes nothing any more")
        else:
            outgoing.put_nowait(message)

    def hang_up(why: str) -> None:
        log.info("a line is cut: %s", why)
        while not outgoing.empty():
            outgoing.get_nowait()
        outgoing.put_nowait(None)

    return Line(say, hang_up, until)


async def _tell(socket: web.WebSocketResponse, outgoing: "asyncio.Queue[ToAgent | None]") -> None:
    """Send what is said, in its order; None hangs up, and so does the end of the service."""
    try:
        while (message := await outgoing.get()) is not None:
            await socket.send_bytes(write(message))
    except ConnectionError as error:
        log.debug("a line took nothing more: %s", error)
    finally:
        await socket.close()


async def _heard(socket: web.WebSocketResponse) -> FromAgent | None:
    """The next message, None when the line is cut. Raises TimeoutError, UNREADABLE."""
    message = await socket.receive()
    if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
        return None
    return read_by_healer(message.data)


async def _body(request: web.Request, kind: type[T]) -> T:
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.read()
        return msgspec.json.decode(body, type=kind)
    except TimeoutError as error:
        raise Refused("bad request", f"its body did not come within {BODY_S:g} s", 408) from error
    except UNREADABLE as error:
        raise Refused("bad request", str(error), 400) from error


def _answer(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _fingerprint(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()
