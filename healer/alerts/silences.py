"""A person's word that matching alerts are not to be spoken of: what it says, whether it may be changed, what it makes of a POST.

healer's own are journalled by `healer.web.silences`, those of Alertmanager are mirrored by `healer.alertmanager`; both are
judged by `healer.convergence`. The rules are Alertmanager's (silence/silence.go, 0.25). Pure.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, Literal

import msgspec

from healer.alerts.matchers import Matcher, MatcherError, Matchers
from healer.times import DAY, SECOND, Micros

OWN: Final = "healer"
"""The source of silences that were said to healer itself."""
RETENTION: Micros = 5 * DAY
"""How long one that is over is kept to be looked at, as Alertmanager does (--data.retention)."""
MAX_KEPT = 10_000
"""Own silences, those that are over among them; the oldest of these go first, and nobody adds another one to so many."""
MAX_MATCHERS = 64
MAX_WORDS = 4_096
"""Characters of a comment, or of a name."""

State = Literal["pending", "active", "expired"]


class SilenceMatcher(msgspec.Struct, frozen=True):
    """One matcher as Alertmanager's API writes it. `value` is a full-match regular expression when `is_regex`."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True

    def ready(self) -> Matcher:
        """Ready to match. Raises MatcherError."""
        return Matcher.of(self.name, self.value, is_regex=self.is_regex, is_equal=self.is_equal)


class Silence(msgspec.Struct, frozen=True):
    """Matchers that must all match, between two instants. `source` is where it was said (an Alertmanager's URL, or `OWN`).

    `updated_at` is when it was last said or changed, 0 where nobody knows. With an `incident` it ends with that one, if not
    before.
    """

    id: str
    source: str
    matchers: tuple[SilenceMatcher, ...]
    starts_at: Micros
    ends_at: Micros
    created_by: str = ""
    comment: str = ""
    updated_at: Micros = 0
    incident: str = ""


def state(silence: Silence, now: Micros) -> State:
    """Where it stands. It holds from its start, and no longer at its end."""
    if now < silence.starts_at:
        return "pending"
    return "expired" if now >= silence.ends_at else "active"


def can_update(known: Silence, said: Silence, now: Micros) -> bool:
    """Whether `said` changes `known` in place; else the known one ends and `said` becomes another.

    Other matchers are another silence; one that is active keeps its beginning (to the second) and ends later than now; one
    that is pending begins later than now; what is over stays over.
    """
    if known.matchers != said.matchers:
        return False
    match state(known, now):
        case "active":
            return known.starts_at // SECOND == said.starts_at // SECOND and said.ends_at >= now
        case "pending":
            return said.starts_at >= now
        case _:
            return False


def expired(silence: Silence, now: Micros) -> Silence:
    """The same, over at `now`; one that is over already stays as it is."""
    match state(silence, now):
        case "active":
            return msgspec.structs.replace(silence, ends_at=now, updated_at=now)
        case "pending":
            return msgspec.structs.replace(silence, starts_at=now, ends_at=now, updated_at=now)
        case _:
            return silence


def wrong(silence: Silence, now: Micros) -> list[tuple[str, str]]:
    """What is wrong with one that a person says: field of the API, sentence. Empty when it can be taken."""
    found = wrong_matchers(silence.matchers)
    if silence.starts_at >= silence.ends_at:
        found.append(("endsAt", "start time must be before end time"))
    elif silence.ends_at < now:
        found.append(("endsAt", "end time can't be in the past"))
    return found + too_long(createdBy=silence.created_by, comment=silence.comment)


def wrong_matchers(said: Sequence[SilenceMatcher]) -> list[tuple[str, str]]:
    """What is wrong with matchers that choose alerts. One that matches what has no label at all would match everything."""
    if not said:
        return [("matchers", "at least one matcher required: without any, everything would be silenced")]
    if len(said) > MAX_MATCHERS:
        return [("matchers", f"{len(said)} matchers: at most {MAX_MATCHERS} are taken")]
    found, matchers = [], []
    for number, one in enumerate(said):
        try:
            matchers.append(one.ready())
        except MatcherError as error:
            found.append((f"matchers/{number}", f"invalid label matcher {number}: {error}"))
    if not found and all(one.is_equal and one.matches("") for one in matchers):
        found.append(("matchers", "at least one matcher must not match the empty string"))
    return found


def too_long(**words: str) -> list[tuple[str, str]]:
    """Names and comments that are longer than anybody reads."""
    over = [(name, len(text)) for name, text in words.items() if len(text) > MAX_WORDS]
    return [(name, f"{length} characters: at most {MAX_WORDS} are taken") for name, length in over]


def ready(said: Sequence[SilenceMatcher]) -> Matchers:
    """All of them, ready to match. Raises MatcherError."""
    return Matchers(one.ready() for one in said)


def identify(installation: str, position: int, kind: str = "silence") -> str:
    """The id of what the record at this position of the journal said, in the form of a UUID, because clients expect one."""
    seed = f"{installation}\0{position}".encode()
    digits = blake2b(seed, digest_size=16, person=kind.encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], "8" + digits[13:16], "a" + digits[17:20], digits[20:]))
