"""Healers that do not keep a promise, each by one change: to show that the suite notices. Used by `launch`."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest import mock

import msgspec
from sqlalchemy import update

from healer.executors.ssh import SshTarget
from healer.executors.target import Order, Result
from healer.store.run import ThreadRun
from healer.store.schema import told
from healer.store.store import Store
from healer.store.transaction import Transaction

LATE_S = 0.05

_late: set[asyncio.Task[None]] = set()
_write = ThreadRun.write
_free_claims = Store.free_claims


async def _answer_before_the_commit(run: ThreadRun, name: str, work: Callable[..., Any], *args: Any) -> Any:
    """A1: alerts are acknowledged while the disk has not heard of them."""
    if name != "append" or not any(row.alerts for row in args[0]):
        return await _write(run, name, work, *args)

    async def later() -> None:
        await asyncio.sleep(LATE_S)
        await _write(run, name, work, *args)

    task = asyncio.create_task(later())
    _late.add(task)
    task.add_done_callback(_late.discard)
    return [(0, 0)]


async def _forget_what_was_told(store: Store) -> None:
    """A4: a restart starts with an empty mind about messages."""

    def forget(transaction: Transaction) -> None:
        transaction.connection.execute(update(told).values(message_id="", told_revision=0, state="waiting"))

    await _free_claims(store)
    await store.run.write("forget", forget)


async def _repeat_instead_of_probing(target: SshTarget, order: Order) -> Result:
    """E1: whose outcome is not known is done once more. Under its own name the target would refuse it: it ran there already."""

    async def go() -> bool:
        return True

    return await target.run(msgspec.structs.replace(order, intent=f"{order.intent}.again"), go)


ABLATIONS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "": nullcontext,
    "A1": lambda: mock.patch.object(ThreadRun, "write", _answer_before_the_commit),
    "A4": lambda: mock.patch.object(Store, "free_claims", _forget_what_was_told),
    "E1": lambda: mock.patch.object(SshTarget, "probe", _repeat_instead_of_probing),
}
