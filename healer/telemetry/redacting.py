"""What must nobody read, wherever it comes from? Pure; asked for each log line, and for what the outside says and healer keeps.

Whatever is known to be secret goes, and whatever looks like a credential in a header, a URL or an environment.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote

HIDDEN = "***"
SHORTEST = 4
"""Characters of a secret: what is shorter stands in too many words by chance."""

_CREDENTIAL = re.compile(
    r"(?i)(\bbearer |\bbasic |/bot\d{3,}:|(?:authorization|password|passwd|token|secret|api_?key|access_?key)=|"
    r"://[^/\s:@]*:(?=[^\s/]*@)"  # a user's password, not a port
    r")([^\s@/\"']{3,})"
)
_HINTS = ("=", "://", "/bot", "bearer ", "basic ")
"""Whatever looks like one has one of these in it; most text has none."""


class Redactor:
    """Takes secrets out of text: those it was told of, plain or quoted as in a URL, and what looks like a credential."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {form for secret in secrets if len(secret) >= SHORTEST for form in (secret, quote(secret, safe=""))}
        longest_first = sorted(known, key=lambda form: (-len(form), form))
        self._known = re.compile("|".join(map(re.escape, longest_first))) if known else None

    def __call__(self, text: str) -> str:
        if self._known:
            text = self._known.sub(HIDDEN, text)
        folded = text.casefold()
        if any(hint in folded for hint in _HINTS):
            text = _CREDENTIAL.sub(rf"\1{HIDDEN}", text)
        return text
