"""By which connection does an order travel: kept for the next one, through a jump host, bounded; and whom does it find?"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import msgspec
import pytest

from healer.executors.ssh import SshTarget
from healer.executors.ssh_settings import SshHost as SshHostSettings
from healer.executors.target import Order, Result
from healer.seams import SystemClock
from healer.times import MINUTE, SECOND
from tests.integration.executors.orders import go, never, order
from tests.servers.sshd import SshHost, ssh_host

MACHINE_ID = Path("/etc/machine-id").read_text().strip() if Path("/etc/machine-id").exists() else ""


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshHost]:
    """A second machine with an sshd of its own; `through` lets healer's key pass it."""
    with ssh_host(tmp_path_factory.mktemp("gate")) as host:
        yield host


def logins(host: SshHost) -> int:
    """How many connections were let in, by sshd's own log."""
    return (host.folder / "sshd.log").read_text().count("Accepted publickey")


def public(host: SshHost) -> str:
    """The public half of the key that healer shows to a machine."""
    return asyncssh.read_private_key(host.key).export_public_key().decode()


def through(gate: SshHost, machine: SshHost, folder: Path) -> SshTarget:
    """An executor that reaches `machine` by way of `gate` alone."""
    known = folder / "known_hosts"
    known.write_text(gate.known_hosts.read_text() + machine.known_hosts.read_text())
    (gate.folder / "authorized_keys").write_text(f'command="/bin/false",restrict,port-forwarding {public(machine)}')
    jumps = {"gate": SshHostSettings(address=gate.address, port=gate.port)}
    return SshTarget(machine.settings(known_hosts=str(known), jumps=jumps, jump="gate", keep=MINUTE), SystemClock())


async def test_kept(target: SshTarget, machine: SshHost) -> None:
    """Orders one after the other, and looks, share one connection."""
    before = logins(machine)
    for _ in range(3):
        assert (await target.run(order(machine, "/bin/true"), go)).outcome == "succeeded"
        assert (await target.observe(order(machine, "/bin/echo", "seen"))).output == "seen\n"
    assert logins(machine) == before + 1


async def test_let_go(machine: SshHost) -> None:
    """A connection without work is closed after `keep`."""
    target = SshTarget(machine.settings(keep=SECOND // 5), SystemClock())
    await target.run(order(machine, "/bin/true"), go)
    assert target.connections.opened() == 1
    async with asyncio.timeout(5):
        while target.connections.opened():
            await asyncio.sleep(0.02)


async def test_kept_one_died(target: SshTarget, machine: SshHost) -> None:
    """A kept connection that was cut meanwhile is replaced, and the order runs once."""
    assert (await target.run(order(machine, "/bin/true"), go)).outcome == "succeeded"
    machine.cut()
    result = await target.run(order(machine, "/bin/sh", "-c", f"echo replaced >>{machine.log}"), go)
    assert result.outcome == "succeeded", result.why
    assert machine.effects().count("replaced") == 1


async def test_per_host(machine: SshHost) -> None:
    """No more orders are on one machine at once than `per_host` says, however many may be on all."""
    target = SshTarget(machine.settings(parallel=16, per_host=2, keep=MINUTE), SystemClock())
    inside = most = 0

    async def counted() -> bool:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.3)
        inside -= 1
        return True

    results = await asyncio.gather(*(target.run(order(machine, "/bin/true"), counted) for _ in range(5)))
    await target.close()
    assert [result.outcome for result in results] == ["succeeded"] * 5
    assert most == 2


async def test_a_slow_machine_holds_up_no_other(machine: SshHost, tmp_path: Path) -> None:
    """Orders that wait for one machine leave room for another's."""
    with ssh_host(tmp_path / "other") as other:
        known = tmp_path / "known_hosts"
        known.write_text(machine.known_hosts.read_text() + other.known_hosts.read_text())
        keys = (str(machine.key), str(other.key))
        hosts = {"other": SshHostSettings(port=other.port)}
        settings = machine.settings(parallel=2, per_host=1, keys=keys, hosts=hosts, known_hosts=str(known))
        target = SshTarget(settings, SystemClock())
        entered, leave = asyncio.Event(), asyncio.Event()

        async def hesitate() -> bool:
            entered.set()
            await leave.wait()
            return True

        slow = [asyncio.ensure_future(target.run(order(machine, "/bin/true"), hesitate)) for _ in range(3)]
        await entered.wait()
        async with asyncio.timeout(10):
            assert (await target.run(order(other, "/bin/true", node="other"), go)).outcome == "succeeded"
        assert not any(run.done() for run in slow)
        leave.set()
        await asyncio.gather(*slow)


async def test_jump(gate: SshHost, machine: SshHost, tmp_path: Path) -> None:
    """A machine behind a jump host is reached through it, its own host key is checked, and both connections are kept."""
    target = through(gate, machine, tmp_path)
    before = logins(gate)
    for _ in range(2):
        result = await target.run(order(machine, "/bin/echo", "behind"), go)
        assert (result.outcome, result.output) == ("succeeded", "behind\n"), result.why
    assert (logins(gate), target.connections.opened()) == (before + 1, 2)
    await target.close()


async def test_jump_that_is_unknown(gate: SshHost, machine: SshHost, tmp_path: Path) -> None:
    """A jump host whose key is not known is refused by name, and nothing goes through it."""
    target = through(gate, machine, tmp_path)
    (tmp_path / "known_hosts").write_text(machine.known_hosts.read_text())
    result = await target.run(order(machine, "/bin/true"), never)
    await target.close()
    assert (result.outcome, result.started, result.lasting) == ("refused", False, True)
    assert "jump host gate" in result.why


async def test_jump_that_is_down(gate: SshHost, machine: SshHost, tmp_path: Path) -> None:
    """Where the jump host does not answer, the order is known to have had no effect."""
    known = machine.settings()
    jumps = {"gate": SshHostSettings(address=gate.address, port=1)}
    target = SshTarget(msgspec.structs.replace(known, jumps=jumps, jump="gate"), SystemClock())
    result = await target.run(order(machine, "/bin/true"), never)
    assert (result.outcome, result.started, result.lasting) == ("failed", False, False)
    assert "jump host gate" in result.why


def named(an_order: Order, identity: str) -> Order:
    return msgspec.structs.replace(an_order, identity=identity)


async def test_identity(target: SshTarget, machine: SshHost) -> None:
    """A machine whose machine-id is another's is refused before go; the one recorded may act."""
    stranger: Result = await target.run(named(order(machine, "/bin/true"), "0" * 32), never)
    assert (stranger.outcome, stranger.started, stranger.lasting) == ("refused", False, True)
    assert "another machine" in stranger.why
    if MACHINE_ID:
        assert (await target.run(named(order(machine, "/bin/true"), MACHINE_ID), go)).outcome == "succeeded"


async def test_identity_of_what_is_seen(target: SshTarget, machine: SshHost) -> None:
    """What another machine shows is not taken for the target's state."""
    seen = await target.observe(named(order(machine, "/bin/echo", "fine"), "0" * 32))
    assert (seen.exit_code, seen.output) == (None, "")
    assert "another machine" in seen.why


async def test_observe(target: SshTarget, machine: SshHost) -> None:
    """A look brings output and exit code, leaves the register alone, and is bounded in time and bytes."""
    look = msgspec.structs.replace(order(machine, "/bin/sh", "-c", "echo state; exit 3", token=9), deadline_s=2)
    seen = await target.observe(look)
    assert (seen.exit_code, seen.output) == (3, "state\n")
    assert (await target.run(order(machine, "/bin/true", token=1, node=look.target), go)).outcome == "succeeded"
    slow = msgspec.structs.replace(look, argv=("/bin/sleep", "60"))
    assert (await target.observe(slow)).exit_code == 124
    flood = msgspec.structs.replace(look, argv=("/bin/cat", "/dev/zero"), output_limit=100)
    assert len((await target.observe(flood)).output) <= 100


async def test_observe_is_not_a_way_to_act(target: SshTarget, machine: SshHost) -> None:
    """Where the machine has an allow-list, what may be run cannot be had as a look, nor the other way round."""
    machine.allow.write_text("/bin/echo run\nobserve /bin/echo look\n")
    try:
        look, run = order(machine, "/bin/echo", "look"), order(machine, "/bin/echo", "run")
        assert (await target.observe(look)).output == "look\n"
        assert "forbidden" in (await target.observe(run)).why
        assert (await target.run(run, go)).outcome == "succeeded"
        assert "forbidden" in (await target.run(look, never)).why
    finally:
        machine.allow.unlink()
