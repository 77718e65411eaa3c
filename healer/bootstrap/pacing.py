"""What healer says in a chat beside its messages, as an answer to somebody: in turn with these, or not at all.

Used by `bots` and `cards`.
"""

import asyncio
from collections.abc import Sequence

from healer.times import SECOND, Micros
from notifiers.limiter import Limiter
from notifiers.sender import Rate

PATIENCE: Micros = 2 * SECOND
"""For so long an answer may wait for the chat's rate."""


async def in_turn(limiter: Limiter, rates: Sequence[Rate]) -> bool:
    """Wait until these have room; False where that takes longer than anybody waits for an answer."""
    wait = await limiter.reserve(rates, patience=PATIENCE)
    if wait > PATIENCE:
        return False
    await asyncio.sleep(wait / SECOND)
    return True
