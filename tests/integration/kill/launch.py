"""`healer serve` that kills itself, with SIGKILL, when it comes to a place for the n-th time: used by `world`.

    python -m tests.integration.kill.launch CONFIG PLACE NTH LOG [ABLATION]

The seams around the real ports are wrapped here, so production code knows nothing of it. LOG gets one line, synced, before
the end. ABLATION names a promise that this healer does not keep, to show that the suite would notice.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple
from unittest import mock

from sqlalchemy import Connection

from healer.bootstrap import outside, reaching, starting
from healer.cli.main import main
from healer.executors.target import Go, Order, Result, Seen, Target
from healer.notification.deliver import Sender
from healer.remediation.model import Intent
from healer.store.opening import open_store
from healer.store.run import Heard, Run
from healer.store.store import Store
from healer.store.transaction import Transaction
from healer.store.transactions.journal import Encoded
from notifiers.message import Answer, Message, Told
from tests.integration.kill.ablations import ABLATIONS
from tests.integration.kill.effects import has_begun
from tests.integration.kill.places import WRITES, Place

T = TypeVar("T")
Args = TypeVarTuple("Args")


class Fate:
    """Dies at one place, when it is there for the n-th time; `by` SIGSTOP it stands still there, then and every later time."""

    def __init__(self, place: Place, nth: int, log: Path, by: signal.Signals = signal.SIGKILL) -> None:
        self.place = place
        self._left = nth
        self._log = log
        self._by = by

    def here(self, place: Place) -> None:
        """Die here, if it is time."""
        if place is not self.place:
            return
        self._left -= 1
        if self._left > 0:
            return
        with self._log.open("a") as stream:
            stream.write(f"{place.value}\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.kill(os.getpid(), self._by)


class MortalRun:
    """A run on whose writes the process may die."""

    def __init__(self, run: Run, fate: Fate) -> None:
        self._run = run
        self._fate = fate

    async def write(self, name: str, work: Callable[[Transaction, *Args], T], *args: *Args) -> T:
        inside, after = WRITES.get(name, (None, None))
        # Other rooms append too: T1 is what accepts alerts.
        mine = inside is not None and (name != "append" or _accepts(args))

        def mortal(transaction: Transaction, *given: *Args) -> T:
            done = work(transaction, *given)
            if mine and inside is not None and _counts(name, done):
                self._fate.here(inside)
            return done

        result = await self._run.write(name, mortal, *args)
        if mine and after is not None and _counts(name, result):
            self._fate.here(after)
        return result

    async def read(self, name: str, work: Callable[[Connection, *Args], T], *args: *Args) -> T:
        return await self._run.read(name, work, *args)

    def listen(self, heard: Heard) -> None:
        self._run.listen(heard)

    async def close(self) -> None:
        await self._run.close()


def _accepts(args: tuple[Any, ...]) -> bool:
    return any(isinstance(row, Encoded) and row.alerts for row in args[0])


def _counts(name: str, result: object) -> bool:
    """A T3 that refused is no T3."""
    return name != "write_intent" or isinstance(result, Intent)


class MortalTarget:
    """A target between whose ready and go, or while whose effect runs, the process may die."""

    def __init__(self, target: Target, fate: Fate) -> None:
        self._target = target
        self._fate = fate

    async def run(self, order: Order, go: Go) -> Result:
        async def mortal() -> bool:
            answer = await go()
            if answer:
                self._fate.here(Place.READY)
            return answer

        running = asyncio.create_task(self._target.run(order, mortal))
        while self._fate.place is Place.RUNNING and not running.done():
            if has_begun(order.argv):
                self._fate.here(Place.RUNNING)
            await asyncio.sleep(0.01)
        return await running

    async def probe(self, order: Order) -> Result:
        return await self._target.probe(order)

    async def observe(self, order: Order) -> Seen:
        return await self._target.observe(order)

    async def close(self) -> None:
        await self._target.close()


class MortalSender:
    """A recipient during whose send, or right after it, the process may die."""

    def __init__(self, sender: Sender, fate: Fate) -> None:
        self._sender = sender
        self._fate = fate

    @property
    def can_edit(self) -> bool:
        return self._sender.can_edit

    @property
    def edits_once(self) -> bool:
        return self._sender.edits_once

    async def send(self, message: Message, *, trace_id: str) -> Answer:
        if self._fate.place is not Place.IN_SEND:
            answer = await self._sender.send(message, trace_id=trace_id)
            self._fate.here(Place.SENT)
            return answer
        sending = asyncio.create_task(self._sender.send(message, trace_id=trace_id))
        await asyncio.sleep(0.002)
        self._fate.here(Place.IN_SEND)
        return await sending

    async def edit(self, reference: Told, message: Message, *, trace_id: str) -> Answer:
        return await self._sender.edit(reference, message, trace_id=trace_id)


def mortal(fate: Fate) -> ExitStack:
    """Replaces the functions by which `healer.bootstrap` gets its ports."""
    targets, senders = reaching.targets, outside.senders

    def opening(*args: Any, **options: Any) -> Store:
        store = open_store(*args, **options)
        store.run = MortalRun(store.run, fate)
        return store

    def aiming(*args: Any, **options: Any) -> Mapping[str, Target]:
        return {name: MortalTarget(target, fate) for name, target in targets(*args, **options).items()}

    def telling(*args: Any, **options: Any) -> Mapping[str, Sender]:
        return {name: MortalSender(sender, fate) for name, sender in senders(*args, **options).items()}

    replaced = ExitStack()
    replaced.enter_context(mock.patch.object(starting, "open_store", opening))
    replaced.enter_context(mock.patch.multiple(outside, targets=aiming, senders=telling))
    return replaced


def launch(config: str, place: str, nth: str, log: str, ablation: str = "") -> int:
    fate = Fate(Place(place), int(nth), Path(log))
    with ABLATIONS[ablation](), mortal(fate):
        return main(["serve", "--config", config])


if __name__ == "__main__":
    sys.exit(launch(*sys.argv[1:]))
