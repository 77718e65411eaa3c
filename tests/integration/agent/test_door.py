"""Every way in that is none: refused before anything is read, and counted by its reason. Real TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import aiohttp
import msgspec
import pytest

from healer.agent.identity import Identity, NotEnrolled, enrol, known, proving, renew, trusting
from healer.executors.agent.authority import open_authority
from healer.executors.agent.passes import Passes
from healer.executors.agent.wire import ENROL, TOKEN, WORK, FromAgent, Hello, Pass, Pull, write
from healer.executors.target import Order
from healer.seams import SystemClock
from healer.times import DAY, HOUR, MINUTE
from tests.servers.agents import ADDRESS, Stand, agent_file, agent_here, stand

CLOCK = SystemClock()


@pytest.fixture
async def healer(tmp_path: Path) -> AsyncIterator[Stand]:
    """healer's side, with its door open."""
    async with stand(tmp_path / "healer") as made:
        yield made


async def enrolled(healer: Stand, name: str) -> tuple[Identity, Path]:
    state = healer.folder / f"state-{name}"
    return await enrol(await healer.invitation(name), state, CLOCK), state


async def token(healer: Stand, tls: ssl.SSLContext) -> tuple[int, str]:
    """Status and token."""
    async with aiohttp.ClientSession() as session, session.post(f"{healer.url}{TOKEN}", ssl=tls) as answer:
        said = await answer.read()
        return answer.status, msgspec.json.decode(said, type=Pass).token if answer.status == 200 else ""


async def dial(healer: Stand, tls: ssl.SSLContext, shown: str, *first: FromAgent) -> int:
    """What an attempt to work is answered: 101 when it got a message, else the status of the refusal, 0 when it was cut."""
    headers = {"Authorization": f"Bearer {shown}"}
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(f"{healer.url}{WORK}", ssl=tls, headers=headers) as socket:
                for message in first:
                    await socket.send_bytes(write(message))
                said = await socket.receive(timeout=10)
                return 101 if said.type is aiohttp.WSMsgType.BINARY else 0
        except aiohttp.WSServerHandshakeError as error:
            return error.status


async def test_nobody_without_a_certificate(healer: Stand) -> None:
    """The authority alone is no certificate."""
    tls = trusting(healer.agents.authority.pem)
    assert await token(healer, tls) == (401, "")
    assert await dial(healer, tls, "x") == 401
    assert healer.refused == ["no certificate"] * 2


async def test_no_handshake_for_others(healer: Stand, tmp_path: Path) -> None:
    """Neither for another authority's certificate, nor for healer's own, nor for TLS 1.2, nor for plain HTTP."""
    other = tmp_path / "other"
    other.mkdir()
    foreign = open_authority(other, CLOCK.now())
    own = healer.agents.authority
    certificates = {
        "foreign": foreign.for_server([ADDRESS], CLOCK.now(), DAY),
        "a server's": own.for_server([ADDRESS], CLOCK.now(), DAY),
    }
    for name, pem in certificates.items():
        tls = trusting(own.pem)
        (tmp_path / name).write_bytes(pem)
        tls.load_cert_chain(tmp_path / name)
        with pytest.raises((aiohttp.ClientError, OSError)):
            await token(healer, tls)
    identity, state = await enrolled(healer, "cn-1")
    old = proving(identity, state)
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with pytest.raises(aiohttp.ClientError):
        await token(healer, old)
    reader, writer = await asyncio.open_connection(ADDRESS, healer.port)
    writer.write(b"POST /agent/v1/token HTTP/1.1\r\nHost: x\r\n\r\n")
    with suppress(ConnectionError):
        assert not (await reader.read()).startswith(b"HTTP/1.1 2")
    writer.close()
    assert healer.refused == ["tls"] * 4


async def test_tokens(healer: Stand) -> None:
    """One that expired, one of another agent, one of another key, and none at all open nothing; its own does."""
    (one, state), (two, beside) = await enrolled(healer, "cn-1"), await enrolled(healer, "cn-2")
    tls = proving(one, state)
    _, good = await token(healer, tls)
    _, others = await token(healer, proving(two, beside))
    fingerprint = healer.agents.roll.members[0].certificates[-1]
    expired = healer.agents.passes.issue("cn-1", fingerprint, CLOCK.now() - 5 * MINUTE)
    forged = Passes(b"x" * 32).issue("cn-1", fingerprint, CLOCK.now())
    for shown in (expired, others, forged, ""):
        assert await dial(healer, tls, shown) == 401
    assert healer.refused == ["expired token", "foreign token", "bad token", "bad token"]
    healer.agents.post("cn-1").open("probe", Order("i1", 0, 1, "cn-1", "", ("/bin/true",), 20))
    assert await dial(healer, tls, good, Hello(), Pull(3)) == 101


async def test_one_who_was_removed(healer: Stand) -> None:
    """Its line is cut at once, and its certificate, which is good for weeks, opens nothing."""
    folder = healer.folder / "machine"
    async with agent_here(healer, "cn-1", agent_file(folder)):
        assert await healer.agents.remove("cn-1", by="ann")
        async with asyncio.timeout(10):
            while "unknown agent" not in healer.refused:
                await asyncio.sleep(0.01)
        assert not healer.agents.post("cn-1").active
    assert [kind for kind, _ in healer.noted] == ["agent invited", "agent enrolled", "agent removed"]


async def test_an_invitation_works_once(healer: Stand, tmp_path: Path) -> None:
    """And not at all when it is too old, or was taken back."""
    invitation = await healer.invitation("cn-1")
    await enrol(invitation, tmp_path / "first", CLOCK)
    with pytest.raises(NotEnrolled, match="not invited"):
        await enrol(invitation, tmp_path / "second", CLOCK)
    healer.agents.roll.invite("cn-2", "t" * 48, CLOCK.now() - 1)
    healer.agents.roll.invite("cn-3", "u" * 48, CLOCK.now() + HOUR)
    await healer.agents.remove("cn-3", by="ann")
    said = msgspec.json.decode(invitation.read_bytes())
    for letter in "tu":
        invitation.write_bytes(msgspec.json.encode(said | {"token": letter * 48}))
        with pytest.raises(NotEnrolled, match="not invited"):
            await enrol(invitation, tmp_path / letter, CLOCK)
    assert healer.refused == ["not invited"] * 3


async def test_a_copied_certificate(healer: Stand) -> None:
    """While an agent is there, nobody on another machine is it; the same machine may dial anew."""
    folder = healer.folder / "machine"
    async with agent_here(healer, "cn-1", agent_file(folder), machine="a" * 32):
        state = folder / "state"
        identity = known(state)
        assert identity is not None
        tls = proving(identity, state)
        _, shown = await token(healer, tls)
        assert await dial(healer, tls, shown, Hello("b" * 32)) == 0
        assert healer.refused == ["cloned"]
        assert healer.agents.post("cn-1").active


async def test_a_new_certificate_ends_the_old_one(healer: Stand) -> None:
    """Both count until the new one was used, so that an answer that is lost locks nobody out."""
    identity, state = await enrolled(healer, "cn-1")
    before = proving(identity, state)
    _, shown = await token(healer, before)
    await renew(identity, healer.url, shown, state, CLOCK)
    assert (await token(healer, before))[0] == 200
    assert (await token(healer, proving(identity, state)))[0] == 200
    assert (await token(healer, before))[0] == 403
    assert healer.refused == ["unknown agent"]


@pytest.mark.parametrize("body", [b"", b"{}", b"\xff", b"[" * 10_000, b'{"token": "x", "request": "\\ud800"}'])
async def test_what_is_no_enrolment(healer: Stand, body: bytes) -> None:
    """Whatever a stranger sends is refused, and breaks nothing."""
    tls = trusting(healer.agents.authority.pem)
    async with aiohttp.ClientSession() as session, session.post(f"{healer.url}{ENROL}", data=body, ssl=tls) as answer:
        assert answer.status == 400
    assert healer.refused == ["bad request"]
