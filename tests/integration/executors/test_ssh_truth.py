"""What healer says of an effect is what the machine's own log shows: cut connections, a full disk, two holders who race."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from healer.executors.ssh import SshTarget
from healer.executors.target import Order, Result
from healer.seams import SystemClock
from healer.times import MINUTE
from tests.integration.executors.orders import go, never, order
from tests.servers.sshd import SshHost, ssh_host

ACT = """#!/bin/sh
echo "$HEALER_INTENT" >>"${0%/*}/effects.log"
sleep "$1"
"""
WITHIN_S = 20.0


@pytest.fixture
async def other(machine: SshHost) -> AsyncIterator[SshTarget]:
    """A second holder, with connections of its own."""
    target = SshTarget(machine.settings(keep=MINUTE), SystemClock())
    yield target
    await target.close()


def act(machine: SshHost, takes: str = "0") -> str:
    """A command that tells the machine's log that it started. It takes so many seconds."""
    command = machine.folder / f"act-{takes}"
    command.write_text(ACT.replace('"$1"', takes))
    command.chmod(0o755)
    return str(command)


async def settled(target: SshTarget, by: Order) -> Result:
    """What a probe finds, as soon as nothing runs any more."""
    async with asyncio.timeout(WITHIN_S):
        while (found := await target.probe(by)).outcome == "unknown":
            await asyncio.sleep(0.05)
    return found


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():
            await asyncio.sleep(0.02)


def newer(than: Order) -> Order:
    return msgspec.structs.replace(than, token=than.token + 1)


async def test_cut_before(target: SshTarget, machine: SshHost) -> None:
    """Cut before go: nothing starts, healer says so, and so does a probe."""
    given = order(machine, act(machine))

    async def cut() -> bool:
        machine.cut()
        return True

    said = await target.run(given, cut)
    assert said.outcome == "unknown" or not said.started
    assert not (await settled(target, newer(given))).started
    assert given.intent not in machine.effects()


async def test_cut_during(target: SshTarget, machine: SshHost) -> None:
    """Cut while it runs: healer does not know, and a probe finds the one effect, and that it ended well."""
    given = order(machine, act(machine, "0.5"))
    running = asyncio.ensure_future(target.run(given, go))
    await until(lambda: given.intent in machine.effects())
    machine.cut()
    assert (await running).outcome == "unknown"
    found = await settled(target, newer(given))
    assert (found.outcome, found.exit_code) == ("succeeded", 0)
    assert machine.effects().count(given.intent) == 1


async def test_cut_after(target: SshTarget, machine: SshHost) -> None:
    """Cut after its answer: what was said stays true, the next order finds a way, and nothing runs twice."""
    given = order(machine, act(machine))
    said = await target.run(given, go)
    machine.cut()
    found = await settled(target, newer(given))
    assert said.outcome == found.outcome == "succeeded"
    again = await target.run(msgspec.structs.replace(given, token=3), never)
    assert (again.outcome, again.started) == ("refused", False)
    assert machine.effects().count(given.intent) == 1


async def test_two_holders_race(target: SshTarget, other: SshTarget, machine: SshHost) -> None:
    """Of two holders the older is refused, while the newer one's command runs and after it: the log has one effect."""
    older = order(machine, act(machine), node="host/raced")
    newest = order(machine, act(machine, "1"), node="host/raced", token=2)
    running = asyncio.ensure_future(other.run(newest, go))
    await until(lambda: newest.intent in machine.effects())
    meanwhile = await target.run(older, never)
    assert (meanwhile.outcome, meanwhile.started) == ("refused", False)
    assert (await running).outcome == "succeeded"
    late = await target.run(older, never)
    assert (late.outcome, late.started) == ("refused", False)
    assert "not newer" in late.why
    assert (machine.effects().count(newest.intent), machine.effects().count(older.intent)) == (1, 0)


async def test_the_older_one_stands_still_before_go(target: SshTarget, other: SshTarget, machine: SshHost) -> None:
    """A holder that stood still before its go finds that the machine gave up: only the newer one's effect is there."""
    older = order(machine, act(machine), node="host/stood-still")
    newest = order(machine, act(machine), node="host/stood-still", token=2)
    woke = asyncio.Event()

    async def stand_still() -> bool:
        await woke.wait()
        return True

    running = asyncio.ensure_future(SshTarget(machine.settings(go_wait_s=1), SystemClock()).run(older, stand_still))
    async with asyncio.timeout(WITHIN_S):
        while (said := await other.run(newest, go)).outcome == "refused":
            newest = msgspec.structs.replace(newest, token=newest.token + 1)
    assert said.outcome == "succeeded"
    woke.set()
    assert not (await running).started
    assert (machine.effects().count(newest.intent), machine.effects().count(older.intent)) == (1, 0)


async def test_full_disk(tmp_path: Path) -> None:
    """Where the register cannot be made nothing is run, and the reason names the disk; with room again it runs, once."""
    with ssh_host(tmp_path, disk_mib=1) as host:
        host.mount(str(host.disk), str(host.state))
        host.fill_disk(0)
        target = SshTarget(host.settings(), SystemClock())
        given = order(host, act(host))
        full = await target.run(given, never)
        assert (full.outcome, full.started, full.lasting) == ("refused", False, True)
        assert "is the disk full?" in full.why
        assert host.effects() == []
        (host.disk_from_outside / "spool/left-behind").unlink()
        assert (await target.run(given, go)).outcome == "succeeded"
        assert host.effects() == [given.intent]
