"""Locks as leases of a real etcd, that dies, freezes, forgets a lease, and comes back."""

import asyncio
from typing import Any

import aiohttp
import pytest

from healer.locks import etcd as etcd_locks
from healer.locks.degrading import DegradingLocks
from healer.locks.etcd import PREFIX, EtcdLocks, Members
from healer.locks.ports import LocksUnreachable
from healer.seams import Supervisor, SystemClock, SystemRandom
from healer.times import SECOND
from tests.contracts.locks.conftest import leased
from tests.servers.etcd import Etcd

WEB = "host/web-1"


async def asked(server: Etcd, method: str, body: dict[str, Any], token: str = "") -> Any:
    """The gateway, asked by somebody else."""
    headers = {"Authorization": token} if token else {}
    url = f"{server.url}/v3/{method}"
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
        return await answer.json(content_type=None)


async def keys(server: Etcd) -> int:
    """How many locks there are."""
    first, last = etcd_locks._base64(PREFIX), etcd_locks._base64(PREFIX[:-1] + "0")
    return int((await asked(server, "kv/range", {"key": first, "range_end": last})).get("count", 0))


async def held(locks: EtcdLocks, within: float = 0.5) -> bool:
    """Whether the lock can be had."""
    try:
        async with locks.hold(WEB, within) as hold:
            return not hold.lost
    except TimeoutError:
        return False


async def until(holds: Any, seconds: float = 10) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.05)


async def test_two_replicas_exclude_one_another(etcd: Etcd) -> None:
    """What one process holds another cannot get, and gets when it is free; nothing is left behind."""
    async with leased(etcd) as one, leased(etcd) as other:
        async with one.hold(WEB, 2):
            assert not await held(other)
            assert await keys(etcd) == 1
        assert await held(other, 2)
    assert await keys(etcd) == 0


async def test_a_dead_holder_frees_its_lock(etcd: Etcd) -> None:
    """Nobody keeps the lease of a dead process alive: after its time to live the lock is free."""
    lease = (await asked(etcd, "lease/grant", {"TTL": "1"}))["ID"]
    put = {"key": etcd_locks._base64(PREFIX + WEB), "value": etcd_locks._base64("dead"), "lease": lease}
    await asked(etcd, "kv/put", put)
    async with leased(etcd) as locks:
        assert not await held(locks, 0.3)
        assert await held(locks, 10)


async def test_a_lease_is_kept_alive_and_known_when_it_is_lost(etcd: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lasts for longer than its time to live while etcd answers; frozen, it is lost before anybody else could have it."""
    monkeypatch.setattr(etcd_locks, "TTL", 2 * SECOND)
    monkeypatch.setattr(etcd_locks, "KEEP_ALIVE", SECOND // 2)
    async with leased(etcd) as locks, locks.hold(WEB, 2) as hold:
        await asyncio.sleep(2.5)
        assert not hold.lost
        etcd.pause()
        try:
            await until(lambda: hold.lost, 5)
        finally:
            etcd.resume()


async def test_a_lease_that_etcd_let_go_of_is_lost(etcd: Etcd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Revoked by an operator, or forgotten: its keep-alive is answered 200 without a time to live, and that means lost."""
    monkeypatch.setattr(etcd_locks, "KEEP_ALIVE", SECOND // 10)
    told = asyncio.Event()
    async with leased(etcd) as locks, locks.hold(WEB, 2) as hold:
        with hold.telling(told.set):
            for lease in (await asked(etcd, "lease/leases", {})).get("leases", []):
                await asked(etcd, "lease/revoke", {"ID": lease["ID"]})
            await until(lambda: hold.lost and told.is_set())


async def test_only_the_holder_lets_go(etcd: Etcd) -> None:
    """A lock that was taken by somebody else meanwhile is not deleted by the one who had it before."""
    async with leased(etcd) as locks:
        async with locks.hold(WEB, 2):
            put = {"key": etcd_locks._base64(PREFIX + WEB), "value": etcd_locks._base64("somebody else's")}
            await asked(etcd, "kv/put", put)
        assert await keys(etcd) == 1
        assert not await held(locks, 0.3)
    await asked(etcd, "kv/deleterange", {"key": etcd_locks._base64(PREFIX + WEB)})


async def test_a_member_that_is_down_costs_little(etcd: Etcd, tmp_path: Any) -> None:
    """The next member is asked."""
    async with leased(Etcd(tmp_path / "down"), etcd) as locks:
        assert await held(locks, 3)


async def test_nobody_answers(tmp_path: Any) -> None:
    """That is no lock held by somebody, and says what is wrong; whoever may degrade goes on with the lock of the process."""
    async with leased(Etcd(tmp_path / "down")) as locks:
        with pytest.raises(
            LocksUnreachable, match="no lock of host/web-1 can be had: etcd: 1 of 1 members do not answer"
        ):
            async with locks.hold(WEB, 0.5):
                pytest.fail("held without a member")
        degrading = DegradingLocks(locks, SystemClock())
        async with degrading.hold(WEB, 0.5) as hold:
            assert not hold.lost
            with pytest.raises(TimeoutError):
                async with degrading.hold(WEB, 0.1):
                    pytest.fail("two holders in one process")


async def test_what_somebody_else_holds_is_no_reason_to_degrade(etcd: Etcd) -> None:
    """Only silence is: a lock that is held elsewhere is waited for."""
    async with leased(etcd) as one, leased(etcd) as other, one.hold(WEB, 2):
        with pytest.raises(TimeoutError) as refused:
            async with DegradingLocks(other, SystemClock()).hold(WEB, 0.5):
                pytest.fail("two holders")
    assert not isinstance(refused.value, LocksUnreachable)


async def test_an_etcd_that_asks_who_is_there(tmp_path: Any) -> None:
    """With user and password, and a new pass when the old one has run out; a wrong password is said."""
    with Etcd(tmp_path / "closed") as server:
        for name in ("root", "healer"):
            await asked(server, "auth/user/add", {"name": name, "password": "right"})
        await asked(server, "auth/role/add", {"name": "root"})
        for name in ("root", "healer"):
            await asked(server, "auth/user/grant", {"user": name, "role": "root"})
        await asked(server, "auth/enable", {})
        spawn = Supervisor()
        async with aiohttp.ClientSession() as session:
            good, bad = (
                EtcdLocks(Members((server.url,), "healer", word), session, SystemClock(), SystemRandom(), spawn)
                for word in ("right", "wrong")
            )
            assert await held(good, 3)
            good._gateway._pass = "run.out"
            assert await held(good, 3)
            with pytest.raises(LocksUnreachable, match="authentication failed"):
                async with bad.hold(WEB, 1):
                    pytest.fail("held with a wrong password")
        await spawn.stop(5)
