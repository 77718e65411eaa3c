"""How is it there now? A look at a node by a command, or a call, that changes nothing, for rules that verify by it.

Called through `Asker` by what verifies; goes through the executors like an effect does, so the target proves who it is first.
"""

import asyncio
import logging
from collections.abc import Mapping

from healer.executors.states import told
from healer.executors.target import Order, Seen, Target
from healer.journey.records import Answer
from healer.seams import Clock
from rules import Query

log = logging.getLogger(__name__)

LOOKED_S = 10
"""Seconds that a look may take at the target; after that nothing of it is alive there."""
WITHIN_S = 20.0
"""Seconds for one answer, with the way there and back."""
OUTPUT_LIMIT = 4096
"""Bytes of its output that are read."""
MAX_TEXT = 200
"""Characters of its output that are kept with the answer."""


class Looking:
    """Looks at nodes through the executors that are set up, by their names."""

    def __init__(self, targets: Mapping[str, Target], clock: Clock) -> None:
        self._targets = targets
        self._clock = clock

    async def ask(self, query: Query) -> Answer:
        """What it is there, as of before it was looked at: an answer counts for what was so then. Never raises."""
        look = query.look
        target = self._targets.get(look.executor) if look is not None else None
        if look is None or target is None:
            executor = look.executor if look is not None else "?"
            return Answer(query.key, None, 0, f"the executor {executor} is not set up here")
        order = Order("look", 0, 0, look.node, look.address, look.argv, LOOKED_S, "", OUTPUT_LIMIT, look.identity)
        at = self._clock.now()
        try:
            async with asyncio.timeout(WITHIN_S):
                seen = await target.observe(order)
        except TimeoutError:
            seen = Seen(why=f"{look.node} did not answer within {WITHIN_S:g} s")
        except Exception as error:
            # A mistake in an executor: what cannot be seen proves nothing.
            log.exception("a look at %s", look.node)
            seen = Seen(why=f"the executor made a mistake ({type(error).__name__})")
        value, why = told(look.shows, seen)
        if value is None:
            return Answer(query.key, None, 0, why)
        if isinstance(value, str):
            return Answer(query.key, None, at, text=value[:MAX_TEXT])
        return Answer(query.key, value, at, text=" ".join(seen.output.split())[:MAX_TEXT] or None)
