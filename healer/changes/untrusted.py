"""Texts that anybody with an account can write: commit messages, names of branches, links. Made harmless to show. Pure.

What stays is one line, printable and of bounded length; marks that turn the direction of writing are dropped, since a line
that holds them can read as something else.
"""

import re

from healer.alerts.instants import BadTime, read_instant
from healer.times import MINUTE, Micros

NAME = 200
"""Characters of a name: a repository, a branch, an environment, a person."""
MESSAGE = 120
"""Characters of a commit's first line."""
LINK = 500
"""Characters of a link; a longer one is none."""
AHEAD: Micros = MINUTE
"""How far in the future a moment may be; later counts as now."""

_LINK = re.compile(r"https?://[^\s<>\"'`\\|()\[\]{}]+")
_GITLAB = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) (?:UTC|([+-]\d\d):?(\d\d))")


def one_line(text: str | None, limit: int = NAME) -> str:
    """The text on one line of at most `limit` characters."""
    # Nothing beyond a few times the limit is looked at: white space and marks are seldom more than the text.
    words = " ".join((text or "")[: limit * 8].split())
    shown = "".join(one for one in words if one.isprintable())
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def first_line(message: str | None) -> str:
    """What a commit's message begins with."""
    return one_line((message or "").lstrip().partition("\n")[0], MESSAGE)


def link(text: str | None) -> str:
    """A link that may be shown, or ""."""
    found = (text or "").strip()
    return found if len(found) <= LINK and found.isprintable() and _LINK.fullmatch(found) else ""


def moment(text: str | None, now: Micros) -> Micros:
    """When something was: RFC 3339, or as GitLab writes it (`2022-08-05 14:25:15 +0800`). What cannot be, counts as now."""
    written = text or ""
    if found := _GITLAB.fullmatch(written):
        written = f"{found[1]}T{found[2]}{f'{found[3]}:{found[4]}' if found[3] else 'Z'}"
    try:
        at = read_instant(written)
    except BadTime:
        return now
    return at if 0 < at <= now + AHEAD else now
