"""Orders for tests: each for a node of its own unless one is named, so that registers do not meet."""

import itertools

from healer.executors.target import Order
from tests.servers.sshd import SshHost

_numbers = itertools.count()


def order(host: SshHost, *argv: str, token: int = 1, node: str = "", deadline_s: int = 20) -> Order:
    """An order to run `argv`."""
    number = next(_numbers)
    return Order(
        intent=f"i{number}",
        step=0,
        token=token,
        target=node or f"node-{number}",
        address=host.address,
        argv=argv,
        deadline_s=deadline_s,
    )


async def go() -> bool:
    """Nobody has thrown the kill switch."""
    return True


async def never() -> bool:
    """For orders that must not get as far."""
    raise AssertionError("go was asked for")
