"""A process that appends for ever and says which position was acknowledged: killed by test_kill.py in the middle of it.

    python -m tests.integration.store.appending URL

Prints one position a line, after `append` has returned it.
"""

import asyncio
import os
import sys

from healer.journey.ports import Arrival
from healer.journey.records import Vanished
from healer.seams import SystemClock
from healer.store.opening import open_store
from healer.store.store import Store

SENDERS = 8


async def send(store: Store, sender: int) -> None:
    number = 0
    while True:
        number += 1
        label = b"%d/%d" % (sender, number)
        ((position, _),) = await store.append([Arrival(Vanished((label,)))])
        os.write(1, b"%d %s\n" % (position, label))


async def main(url: str) -> None:
    store = open_store(url, SystemClock(), installation="killed")
    await asyncio.gather(*(send(store, sender) for sender in range(SENDERS)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
