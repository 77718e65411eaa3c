"""A channel on the bench: its sender, what its readers see, and what can be made to go wrong on the way.

One bench for each type in `notifiers.CHANNELS`; a type without one fails the suite.
"""

import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from notifiers import CHANNELS, Means
from notifiers.clock import SECOND
from notifiers.secret import Secret
from notifiers.sender import Sender
from tests.standins.provider import Fault
from tests.standins.telegram import TelegramStandin


async def _stays() -> None:
    """A stream in the same process goes nowhere."""


@dataclass
class Bench:
    """`seen()` gives what readers see, one text a message, oldest first. `faults` break the next attempt, each in its
    way, and one that goes over a network has at least `slow`. `vanish()` leaves nobody listening; `headers()` are those
    of the last request."""

    sender: Sender
    seen: Callable[[], list[str]]
    config: dict[str, Any]
    faults: Mapping[str, Callable[[], None]]
    secrets: tuple[str, ...] = ()
    headers: Callable[[], Mapping[str, str]] = field(default=dict)
    vanish: Callable[[], Awaitable[None]] = field(default=_stays)


TOKEN = "123456:AAsecret-_x"


@asynccontextmanager
async def telegram() -> AsyncIterator[Bench]:
    async with TelegramStandin(TOKEN, slow=5.0) as standin, aiohttp.ClientSession() as session:
        standin.enforce_rates = False
        config = {"token": Secret(TOKEN), "chat_id": -5, "api_url": standin.url, "timeout": SECOND // 5}
        kind = CHANNELS["telegram"]
        sender = kind.factory("ops", kind.config(**config), Means(session, io.StringIO()))

        def script(fault: Fault) -> Callable[[], None]:
            return lambda: standin.faults.append(fault)

        faults = {fault.value: script(fault) for fault in Fault if fault is not Fault.OK}
        faults["blocked"] = lambda: standin.blocked.add(-5)
        faults["wrong token"] = lambda: setattr(standin, "token", "999:other")
        faults["moved"] = lambda: standin.migrated.update({-5: -1005})
        yield Bench(
            sender=sender,
            seen=standin.texts,
            config=config,
            faults=faults,
            secrets=(TOKEN, "AAsecret"),
            headers=lambda: standin.requests[-1].headers,
            vanish=standin.stop,
        )


@asynccontextmanager
async def terminal() -> AsyncIterator[Bench]:
    async with aiohttp.ClientSession() as session:
        stream = io.StringIO()
        kind = CHANNELS["terminal"]
        sender = kind.factory("here", kind.config(), Means(session, stream))

        def seen() -> list[str]:
            """Each `*` begins a message; each `~` writes the last one anew."""
            stories: list[list[str]] = []
            for row in stream.getvalue().splitlines():
                if row.startswith("* "):
                    stories.append([row[2:]])
                elif row.startswith("~ "):
                    stories[-1] = [row[2:]]
                else:
                    stories[-1].append(row[2:])
            return ["\n".join(rows) for rows in stories]

        yield Bench(sender=sender, seen=seen, config={}, faults={"closed": stream.close})


BENCHES: Mapping[str, Callable[[], AbstractAsyncContextManager[Bench]]] = {"telegram": telegram, "terminal": terminal}
WITHOUT_NETWORK = ("terminal",)
"""Channels that hand over within the process. All others can be slow, unreachable and traced."""
