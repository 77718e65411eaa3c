"""With which status does a URL answer? For rules that say `http("...")`, most of all in `verify:`.

Asked from where healer runs, by GET, without following anybody elsewhere; only the status of the answer is read. Used by
`telling`.
"""

import aiohttp

from healer.journey.records import Answer
from healer.seams import Clock
from rules import Query

TIMEOUT_S = 5.0
"""Seconds for one answer."""


class HttpProbe:
    """Asks URLs."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def ask(self, query: Query) -> Answer:
        """The status, as of when it was asked: an answer counts for what was so before it was given. Never raises."""
        at = self._clock.now()
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with self._session.get(query.text, timeout=timeout, allow_redirects=False) as response:
                return Answer(query.key, float(response.status), at)
        except TimeoutError:
            return Answer(query.key, None, 0, f"{query.text} did not answer within {TIMEOUT_S:g} s")
        except (aiohttp.ClientError, ValueError, OSError) as error:
            return Answer(query.key, None, 0, f"{query.text} did not answer: {type(error).__name__}")
