import asyncio

from healer.executors.redacted import redacted
from healer.executors.target import Go, Order, Result, Seen
from healer.telemetry.redacting import Redactor

SAID = "calling https://hooks.example.org/hunter2 as root"
ORDER = Order("i1", 0, 1, "host/a", "10.0.0.1", ("/usr/bin/env",), 20)


class Talkative:
    """A machine that says all it knows."""

    closed = False

    async def run(self, order: Order, go: Go) -> Result:
        return Result("failed", exit_code=1, output=SAID, why=SAID)

    async def probe(self, order: Order) -> Result:
        return Result("succeeded", exit_code=0, output=SAID, why=SAID)

    async def observe(self, order: Order) -> Seen:
        return Seen(0, SAID, SAID)

    async def close(self) -> None:
        self.closed = True


async def _always() -> bool:
    return True


def test_whatever_a_target_is_asked_it_is_quoted_without_secrets() -> None:
    """A run, a probe and a look: nothing else of the answer changes."""
    machine = Talkative()
    target = redacted({"ssh": machine}, Redactor(["hunter2"]))["ssh"]

    async def all_of_it() -> list[Result | Seen]:
        ran, probed = await target.run(ORDER, _always), await target.probe(ORDER)
        seen = await target.observe(ORDER)
        await target.close()
        return [ran, probed, seen]

    hidden = SAID.replace("hunter2", "***")
    assert asyncio.run(all_of_it()) == [
        Result("failed", exit_code=1, output=hidden, why=hidden),
        Result("succeeded", exit_code=0, output=hidden, why=hidden),
        Seen(0, hidden, hidden),
    ]
    assert machine.closed
