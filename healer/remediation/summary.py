"""What a rule held back, told as one: `summarize beyond 3 per 1h per KEY`. Pure; kept and asked by the planner.

The first incident that is held back carries the summary in its own message; what follows is added to it there.
"""

from collections.abc import Sequence

import msgspec

from healer.times import Micros

MAX_NAMED = 10
"""What was held back and is told by name; all of it is counted."""


class Summary(msgspec.Struct, frozen=True):
    """What one rule held back for one key since the first of it, which remediation `carrier` tells of."""

    rule: str
    key: str
    carrier: str
    since: Micros
    why: str
    held: tuple[str, ...]
    count: int = 1

    def add(self, what: str) -> "Summary":
        """With one more."""
        return msgspec.structs.replace(self, held=(*self.held, what)[:MAX_NAMED], count=self.count + 1)

    @property
    def sentence(self) -> str:
        """What people read."""
        more = self.count - len(self.held)
        return f"{self.why}; {self.count} held back: {', '.join(self.held)}" + (f" and {more} more" if more else "")


def standing(summaries: Sequence[Summary], rule: str, key: str, since: Micros) -> Summary | None:
    """The summary that this rule still adds to for this key: one that began at `since` or later."""
    return next((one for one in summaries if (one.rule, one.key) == (rule, key) and one.since >= since), None)
