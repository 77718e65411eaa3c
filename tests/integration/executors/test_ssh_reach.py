"""Whom does the ssh executor speak to, and what does it say when it cannot?"""

import asyncio
import socket
from pathlib import Path
from typing import Any

import asyncssh
import msgspec
import pytest

from healer.executors.ssh import SshTarget
from healer.executors.ssh_settings import SshHost as SshHostSettings
from healer.executors.target import Result
from healer.seams import SystemClock
from healer.times import SECOND
from tests.integration.executors.orders import go, never, order
from tests.servers.sshd import SshHost, ssh_host


async def attempt(host: SshHost, **changes: Any) -> Result:
    """Run an order with changed settings; it must not get as far as ready."""
    return await SshTarget(host.settings(**changes), SystemClock()).run(order(host, "/bin/true"), never)


async def test_wrong_host_key(machine: SshHost, tmp_path: Path) -> None:
    """A machine with another host key than the known one is refused, and people are told what that may mean."""
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    known = tmp_path / "known_hosts"
    known.write_text(f"[{machine.address}]:{machine.port} {other}")
    result = await attempt(machine, known_hosts=str(known))
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert "somebody may stand in between" in result.why
    assert str(known) in result.why


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"known_hosts": ""}, "ssh.known_hosts is not set"),
        ({"known_hosts": "/nonexistent/known_hosts"}, "cannot be read"),
        ({"known_hosts": "/dev/null"}, "is empty"),
        ({"keys": ()}, "names no private key"),
        ({"keys": ("/nonexistent/key",)}, "/nonexistent/key, of ssh.keys, cannot be read"),
        ({"user": "nobody"}, "does not let nobody in"),
    ],
)
async def test_unsafe_settings(machine: SshHost, changes: dict[str, Any], why: str) -> None:
    """Without a host key to compare, a key to show or a user who may, nothing is run, and the reason names the setting."""
    result = await attempt(machine, **changes)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert why in result.why


@pytest.mark.parametrize("text", [b"@nobody web1 ssh-ed25519\n", b"\xff\xfe\n"], ids=["marker", "bytes"])
async def test_damaged_known_hosts(machine: SshHost, tmp_path: Path, text: bytes) -> None:
    """A file of host keys that cannot be understood lets nothing run, and is named."""
    known = tmp_path / "known_hosts"
    known.write_bytes(text)
    result = await attempt(machine, known_hosts=str(known))
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert str(known) in result.why


@pytest.mark.parametrize("address", ["a" * 64 + ".example.net", "web1..example.net", "web1\0"])
async def test_impossible_address(machine: SshHost, address: str) -> None:
    """An address that no name can be is refused for good, and a probe there knows nothing."""
    target = SshTarget(machine.settings(), SystemClock())
    wanted = msgspec.structs.replace(order(machine, "/bin/true"), address=address)
    result = await target.run(wanted, never)
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert (await target.probe(wanted)).outcome == "unknown"


async def test_host_certificate(machine: SshHost, tmp_path: Path) -> None:
    """A host whose certificate a known authority signed is accepted without a line of its own."""
    authority = asyncssh.generate_private_key("ssh-ed25519")
    with ssh_host(tmp_path) as host:
        key = asyncssh.read_private_key(tmp_path / "host_key")
        certificate = authority.generate_host_certificate(key, "cn-1", principals=[host.address])
        certificate.write_certificate(tmp_path / "host_key-cert.pub")
        with (tmp_path / "sshd_config").open("a") as config:
            config.write(f"HostCertificate {tmp_path}/host_key-cert.pub\n")
        host.known_hosts.write_text(f"@cert-authority * {authority.export_public_key().decode()}")
        host.reload()
        result = await SshTarget(host.settings(), SystemClock()).run(order(host, "/bin/true"), go)
    assert result.outcome == "succeeded", result.why


async def test_nobody_listens(machine: SshHost) -> None:
    """A machine that refuses the connection is a failure known to have had no effect."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        result = await attempt(machine, port=closed.getsockname()[1])
    assert (result.outcome, result.started) == ("failed", False)
    assert "cannot be reached" in result.why


async def test_black_hole(machine: SshHost) -> None:
    """A machine that accepts and then says nothing is given up after connect_timeout."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with asyncio.timeout(3):
            result = await attempt(machine, port=silent.getsockname()[1], connect_timeout=SECOND // 2)
    assert (result.outcome, result.started) == ("failed", False)


async def test_overrides(machine: SshHost) -> None:
    """A node's own address, port and user go before those of all."""
    an_order = order(machine, "/bin/true", node="odd-one")
    hosts = {"odd-one": SshHostSettings(address=machine.address, port=machine.port, user=machine.user)}
    settings = machine.settings(port=1, user="nobody", hosts=hosts)
    assert (await SshTarget(settings, SystemClock()).run(an_order, go)).outcome == "succeeded"


async def test_no_wrapper(tmp_path: Path) -> None:
    """Where the wrapper is not installed nothing runs, and what the machine said about it is passed on."""
    with ssh_host(tmp_path, forced=False) as host:
        result = await attempt(host, wrapper="/usr/local/lib/healer/not-there")
        works = await SshTarget(host.settings(), SystemClock()).run(order(host, "/bin/true"), go)
    assert (result.outcome, result.started) == ("failed", False)
    assert "not-there" in result.why
    assert works.outcome == "succeeded"


async def test_forced_command(machine: SshHost) -> None:
    """Where the key has a forced command, a client that asks for a shell gets the wrapper."""
    async with asyncssh.connect(
        machine.address,
        machine.port,
        username=machine.user,
        client_keys=[str(machine.key)],
        known_hosts=str(machine.known_hosts),
        config=None,
        agent_path=None,
    ) as connection:
        answer = await connection.run("touch /tmp/owned; id", input="id\n")
    assert str(answer.stdout).startswith("healer-run refused protocol")


async def test_parallel(machine: SshHost) -> None:
    """No more connections are open at once than `parallel` says."""
    target = SshTarget(machine.settings(parallel=2), SystemClock())
    inside = most = 0

    async def counted() -> bool:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.3)
        inside -= 1
        return True

    results = await asyncio.gather(*(target.run(order(machine, "/bin/true"), counted) for _ in range(4)))
    assert [result.outcome for result in results] == ["succeeded"] * 4
    assert most == 2
