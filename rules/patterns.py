"""Regular expressions as rules know them: RE2, whole match, compiled once.

One dialect everywhere, and one that cannot be made slow by a hostile label.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import re2

PATTERN_MEMORY_BYTES = 1 << 20
SET_MEMORY_BYTES = 1 << 26


class BadPattern(ValueError):
    """RE2 does not accept the pattern; the text says why."""


@lru_cache(maxsize=4096)
def compile_pattern(pattern: str) -> Any:
    """The compiled pattern. Raises BadPattern with RE2's own words."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY_BYTES
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as refused:
        reason = refused.args[0] if refused.args else refused
        raise BadPattern(reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)) from None


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of the text matches; text that is not UTF-8 matches nothing."""
    try:
        return compile_pattern(pattern).fullmatch(text) is not None
    except UnicodeEncodeError:
        return False


class PatternSet:
    """Many patterns asked at once: the cost is that of reading the text once, however many there are."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)
        options = re2.Options()
        options.log_errors = False
        options.max_mem = SET_MEMORY_BYTES
        together = re2.Set.FullMatchSet(options)
        for pattern in self._patterns:
            together.Add(pattern)
        try:
            together.Compile()
            self._together: Any = together
        except re2.error:  # they are too large to be asked together, and so they are asked one by one
            self._together = None

    def matching(self, text: str) -> list[int]:
        """The positions of the patterns that match the whole text; text that is not UTF-8 matches nothing."""
        if self._together is None:
            return [number for number, pattern in enumerate(self._patterns) if matches(pattern, text)]
        try:
            return list(self._together.Match(text) or ()) if self._patterns else []
        except UnicodeEncodeError:
            return []


def is_literal(pattern: str) -> bool:
    """Whether the pattern can match nothing but itself, so that a table will do."""
    return all(letter.isalnum() or letter in "_-:/ " for letter in pattern)
